import { hkdf } from "./hkdf.ts"
import { randomSecret, secretFrom, wipe } from "./secret.ts"

export const rootKeyBytes = 32

/** A new mailbox root key: random, guarded, never derived from a password. */
export function newRootKey(): Buffer {
  return randomSecret(rootKeyBytes)
}

/** Key of the mailbox database, 32 octets, guarded (HKDF-SHA-256, RFC 5869; one label per use). */
export function databaseKey(root: Uint8Array): Buffer {
  return expand(root, "mailkeep/v1/database")
}

/** X25519 secret that opens what waits in the spool. `generation` leaves room for rotation. */
export function spoolSecret(root: Uint8Array, generation: number): Buffer {
  return expand(root, `mailkeep/v1/spool-identity/x25519/${generation}`)
}

function expand(root: Uint8Array, label: string): Buffer {
  const derived = hkdf(root, new Uint8Array(0), label)
  try {
    return secretFrom(derived)
  } finally {
    wipe(derived)
  }
}

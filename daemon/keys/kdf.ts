import sodium from "sodium-native"
import type { KdfParameters } from "../contract/worker-link.ts"
import { hmac } from "./hkdf.ts"
import { allocateSecret } from "./secret.ts"

/** What one derivation gives: where the slot is filed, and the key that opens it. Both guarded; wipe with `wipe(both)`. */
export type SlotSecret = { both: Buffer; id: Buffer; key: Buffer }

/**
 * The Argon2id salt of a user: without the boot secret it cannot be computed, so that a stolen disk does
 * not even allow guessing. The user name is the canonical one of the directory.
 */
export function saltFor(bootSecret: Uint8Array, user: string): Buffer {
  return hmac(bootSecret, Buffer.from(`mailkeep/v1/salt\0${user}`)).subarray(0, sodium.crypto_pwhash_SALTBYTES)
}

/**
 * A salt under which no slot was ever made, for users who do not exist or are disabled: same work, same
 * time, no match.
 */
export function decoySaltFor(bootSecret: Uint8Array, user: string): Buffer {
  return hmac(bootSecret, Buffer.from(`mailkeep/v1/decoy-salt\0${user}`)).subarray(0, sodium.crypto_pwhash_SALTBYTES)
}

/**
 * Argon2id (RFC 9106) of a normalised password, on libuv's thread pool: 64 octets, slot id and slot key.
 *
 * @throws Error when the memory for the derivation cannot be had
 */
export async function deriveSlotSecret(
  password: Uint8Array,
  salt: Uint8Array,
  parameters: KdfParameters,
): Promise<SlotSecret> {
  const both = allocateSecret(64)
  await new Promise<void>((resolve, reject) => {
    sodium.crypto_pwhash_async(
      both,
      password as Buffer,
      salt as Buffer,
      parameters.time,
      parameters.memoryKib * 1024,
      sodium.crypto_pwhash_ALG_ARGON2ID13,
      (error) => (error ? reject(error) : resolve()),
    )
  })
  return { both, id: both.subarray(0, 32), key: both.subarray(32, 64) }
}

export function sameParameters(left: KdfParameters, right: KdfParameters): boolean {
  return (
    left.algorithm === right.algorithm &&
    left.time === right.time &&
    left.memoryKib === right.memoryKib &&
    left.parallelism === right.parallelism
  )
}

/** Whether a derivation under these costs an attacker less than under `today`. */
export function isWeaker(parameters: KdfParameters, today: KdfParameters): boolean {
  return parameters.time * parameters.memoryKib < today.time * today.memoryKib || parameters.memoryKib < today.memoryKib
}

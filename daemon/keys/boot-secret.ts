import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { writeFileDurably } from "../host/durable.ts"
import { allocateSecret, randomSecret, wipe } from "./secret.ts"

export const bootSecretBytes = 32

/** The boot secret cannot be used; the text says what to do. */
export class BootSecretError extends Error {
  override name = "BootSecretError"
}

/**
 * Makes a boot secret in a key file (0600). Losing it makes every mailbox unreadable: it is the salt key
 * of all password derivations.
 */
export function createBootSecret(path: string): void {
  const secret = randomSecret(bootSecretBytes)
  try {
    writeFileDurably(path, secret, 0o600)
  } finally {
    wipe(secret)
  }
}

/**
 * Reads the boot secret straight into guarded memory.
 *
 * @throws BootSecretError when it is absent, somebody else's, readable by others, or of the wrong length
 */
export function loadBootSecret(path: string): Buffer {
  const handle = openKeyFile(path)
  try {
    const found = fstatSync(handle)
    if (!isTrusted(found.uid))
      throw new BootSecretError(
        `${path} belongs to user ${found.uid}: run this as that user, or chown it to user ${process.geteuid?.()}`,
      )
    if ((found.mode & 0o077) !== 0) throw new BootSecretError(`${path} can be read by others: chmod 600 ${path}`)
    if (found.size !== bootSecretBytes)
      throw new BootSecretError(
        `${path} is not a boot secret (${bootSecretBytes} octets expected, ${found.size} found)`,
      )
    const secret = allocateSecret(bootSecretBytes)
    if (readSync(handle, secret, 0, bootSecretBytes, 0) !== bootSecretBytes)
      throw new BootSecretError(`${path} could not be read whole`)
    return secret
  } finally {
    closeSync(handle)
  }
}

function openKeyFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (cause) {
    throw new BootSecretError(
      `no boot secret at ${path} (${(cause as NodeJS.ErrnoException).code}): restore it from your backup; without it no mailbox can be opened`,
      { cause },
    )
  }
}

/** An owner besides root and oneself knows the secret, or chose it. */
function isTrusted(owner: number): boolean {
  return owner === 0 || owner === (process.geteuid?.() ?? owner)
}

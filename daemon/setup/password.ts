import { randomBytes } from "node:crypto"
import { allocateSecret, wipe } from "../keys/secret.ts"

/** No letter or digit that is easily taken for another. */
const alphabet = Buffer.from("abcdefghjkmnpqrstuvwxyz23456789")
const groups = 5
const perGroup = 4

/**
 * A random password, "xxxx-xxxx-xxxx-xxxx-xxxx": 20 characters of 31, 99 bits. Guarded memory; the caller
 * shows it once and wipes it.
 */
export function generatePassword(): Buffer {
  const password = allocateSecret(groups * perGroup + groups - 1)
  for (let at = 0; at < password.length; at++) password[at] = at % (perGroup + 1) === perGroup ? 0x2d : randomLetter()
  return password
}

/** Rejection sampling, so that each letter is equally likely. */
function randomLetter(): number {
  const bound = 256 - (256 % alphabet.length)
  for (;;) {
    const byte = randomBytes(1)
    const value = byte[0] ?? 255
    wipe(byte)
    if (value < bound) return alphabet[value % alphabet.length] ?? 0
  }
}

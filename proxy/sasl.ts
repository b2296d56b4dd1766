/** SASL before login: mechanisms PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login). */

import { limits } from "../daemon/contract/preface.ts"
import { stillCopy } from "../daemon/host/still.ts"

/**
 * Who wants in, and with what. The name is no secret and is text; `credential` is a copy of its own, and
 * whoever holds it wipes it.
 */
export type Credentials = { user: string; credential: Uint8Array }

export const maxUserBytes = 255

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * message = [authzid] UTF8NUL authcid UTF8NUL passwd
 *
 * RFC 4616 §2. The authorization identity must be empty or the same: nobody acts for another here.
 * `message` stays the caller's to wipe. Null when it is malformed.
 */
export function plainCredentials(message: Uint8Array): Credentials | null {
  const first = message.indexOf(0)
  const second = message.indexOf(0, first + 1)
  if (first === -1 || second === -1) return null
  const authzid = message.subarray(0, first)
  const authcid = message.subarray(first + 1, second)
  if (authzid.length > 0 && Buffer.compare(authzid, authcid) !== 0) return null
  return credentialsOf(authcid, message.subarray(second + 1))
}

/**
 * Checks what LOGIN or a SASL mechanism brought: a name of 1 to 255 octets of UTF-8, a password of 1 to
 * 1,024 octets, no NUL in either. Copies; both arguments stay the caller's to wipe.
 */
export function credentialsOf(user: Uint8Array, password: Uint8Array): Credentials | null {
  if (password.length === 0 || password.length > limits.credential || password.includes(0)) return null
  const name = userName(user)
  return name === null ? null : { user: name, credential: stillCopy(password) }
}

function userName(bytes: Uint8Array): string | null {
  if (bytes.length === 0 || bytes.length > maxUserBytes || bytes.includes(0)) return null
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

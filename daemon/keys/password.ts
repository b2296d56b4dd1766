import { TextDecoder } from "node:util"
import { allocateSecret, wipe } from "./secret.ts"

/** Version of the normalisation below; part of every key slot, so that a later one can be told apart. */
export const normalisationVersion = 1

/** A password that the profile does not admit. The text never holds any part of it. */
export class PasswordRefused extends Error {
  override name = "PasswordRefused"
}

/** RFC 8264 §9.11-§9.13 as far as it is not a letter, digit, symbol, punctuation or space. */
const disallowed =
  /[\p{Cc}\p{Cn}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\u{1100}-\u{11FF}\u{A960}-\u{A97F}\u{D7B0}-\u{D7FF}]/u
const nonAsciiSpace = /[\p{Zs}]/gu

/**
 * PRECIS OpaqueString (RFC 8265 §4.2): non-ASCII spaces become U+0020, then NFC; case and width are kept.
 *
 * The result is guarded memory that the caller wipes. ASCII never leaves buffers. A run of other characters
 * has to become a JavaScript string to be normalised; only that run (with the one ASCII character before
 * it, which may be the base of a combining mark) does, so that no string holds a mixed password whole.
 *
 * @throws PasswordRefused when empty, not UTF-8, or with a code point that the profile disallows
 */
export function opaqueString(password: Uint8Array): Buffer {
  if (password.length === 0) throw new PasswordRefused("a password may not be empty")
  // NFC grows UTF-8 by at most a factor of three (UAX #15 §12).
  const room = allocateSecret(password.length * 3)
  try {
    const length = normaliseInto(room, password)
    const result = allocateSecret(length)
    result.set(room.subarray(0, length))
    return result
  } finally {
    wipe(room)
  }
}

function normaliseInto(room: Buffer, password: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let written = 0
  for (let at = 0; at < password.length; ) {
    const byte = password[at] ?? 0
    if (byte < 0x80) {
      if (byte < 0x20 || byte === 0x7f) throw new PasswordRefused("a password may not hold control characters")
      room[written++] = byte
      at++
      continue
    }
    const end = endOfRun(password, at)
    if (written > 0 && at > 0 && (password[at - 1] ?? 0) < 0x80) written--
    const start = at > 0 && (password[at - 1] ?? 0) < 0x80 ? at - 1 : at
    written += room.write(normaliseRun(decoder, password.subarray(start, end)), written, "utf8")
    at = end
  }
  return written
}

function endOfRun(password: Uint8Array, from: number): number {
  let end = from
  while (end < password.length && (password[end] ?? 0) >= 0x80) end++
  return end
}

function normaliseRun(decoder: TextDecoder, run: Uint8Array): string {
  let text: string
  try {
    text = decoder.decode(run)
  } catch {
    throw new PasswordRefused("a password must be UTF-8")
  }
  if (disallowed.test(text))
    throw new PasswordRefused("a password may not hold control, invisible or unassigned characters")
  return text.replace(nonAsciiSpace, " ").normalize("NFC")
}

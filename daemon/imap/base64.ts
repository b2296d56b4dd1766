import { stillBytes } from "../host/still.ts"
import { ParseError } from "./errors.ts"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const EQUALS = 0x3d
const notBase64 = 0xff

/** Value of each octet, or `notBase64`. */
const sextets = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = alphabet.indexOf(String.fromCharCode(byte))
  return value === -1 ? notBase64 : value
})

/**
 * base64          = *(4base64-char) [base64-terminal]
 * base64-terminal = (2base64-char "==") / (3base64-char "=")
 *
 * RFC 3501 §9, RFC 4648 §4. Strict: no white space, full padding, bits left over are zero. What is decoded
 * may be a credential, so it goes from octets to octets and never becomes a string. The result is the caller's.
 *
 * @throws ParseError
 */
export function decodeBase64(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 !== 0) throw new ParseError("base64", bytes.length)
  const chars = bytes.length - paddingOf(bytes)
  const out = stillBytes(Math.floor((chars * 6) / 8))
  let bits = 0
  let held = 0
  let to = 0
  for (let from = 0; from < chars; from += 1) {
    const sextet = sextets[bytes[from] ?? 0] ?? notBase64
    if (sextet === notBase64) return refuse(out, from)
    bits = ((bits << 6) | sextet) & 0xfff
    held += 6
    if (held < 8) continue
    held -= 8
    out[to] = bits >>> held
    to += 1
  }
  if ((bits & ((1 << held) - 1)) !== 0) return refuse(out, chars)
  return out
}

function paddingOf(bytes: Uint8Array): number {
  if (bytes.at(-1) !== EQUALS) return 0
  return bytes.at(-2) === EQUALS ? 2 : 1
}

function refuse(out: Uint8Array, at: number): never {
  out.fill(0)
  throw new ParseError("base64", at)
}

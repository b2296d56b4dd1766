import { CLOSE_CURLY, CR, LF, OPEN_CURLY, PLUS, TILDE } from "./cursor.ts"

/** What the end of a line announces. A size that does not fit 32 bits is Infinity. */
export type LiteralSize = { size: number; nonSync: boolean; binary: boolean }

/** Digits looked at: enough for any 63-bit number. */
const maxDigits = 20
/** Octets at the end of a line that can matter: `~{` 20 digits `+}` CRLF. */
export const announcementBytes = 2 + maxDigits + 2 + 2

/** Length of the line without its CRLF or LF. */
export function withoutLineEnd(line: Uint8Array): number {
  const length = line.length
  if (line[length - 1] !== LF) return length
  return line[length - 2] === CR ? length - 2 : length - 1
}

/**
 * ["~"] "{" number ["+"] "}" at the end of a line (without its line end): a literal follows.
 *
 * RFC 3501 §9, RFC 7888 §8, RFC 4466 §3. Whatever stands before it: inside a quoted string the line is an
 * error anyway, but what the client sends next are the octets it announced.
 */
export function announcedLiteral(line: Uint8Array): LiteralSize | null {
  let at = line.length - 1
  if (line[at] !== CLOSE_CURLY) return null
  at -= 1
  const nonSync = line[at] === PLUS
  if (nonSync) at -= 1
  const lastDigit = at
  while (at >= 0 && lastDigit - at < maxDigits && isDigit(line[at])) at -= 1
  if (at === lastDigit || line[at] !== OPEN_CURLY) return null
  const value = Number(String.fromCharCode(...line.subarray(at + 1, lastDigit + 1)))
  return { size: value > 0xffff_ffff ? Number.POSITIVE_INFINITY : value, nonSync, binary: line[at - 1] === TILDE }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

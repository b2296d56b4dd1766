import { type Cursor, type GrammarContext, latin1 } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { astring, listMailbox } from "./strings.ts"

/**
 * Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3).
 *
 * Printable US-ASCII stands for itself, "&" is "&-", everything else is UTF-16BE in base64 with "," for "/",
 * without padding, between "&" and "-". Decoding is strict: each name has exactly one spelling, so that
 * `encodeMailbox(decodeMailbox(x))` is `x` for every accepted NFC name.
 */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
const sextets = new Map(Array.from(alphabet, (char, value) => [char, value]))
const isPrintable = (unit: number) => unit >= 0x20 && unit <= 0x7e

/** Unicode to modified UTF-7. A lone surrogate becomes U+FFFD. */
export function encodeMailbox(name: string): string {
  return name.toWellFormed().replace(/[^\x20-\x7e]+|&/g, (run) => (run === "&" ? "&-" : `&${encodeRun(run)}-`))
}

function encodeRun(run: string): string {
  return Buffer.from(run, "utf16le").swap16().toString("base64").replaceAll("/", ",").replace(/=+$/, "")
}

/**
 * Modified UTF-7 to Unicode, NFC, INBOX in capitals.
 *
 * @throws ParseError for 8-bit octets and for anything that is not the one right spelling of a name
 */
export function decodeMailbox(bytes: Uint8Array, at = 0): string {
  return canonicalMailbox(decodeUtf7(latin1(bytes), at))
}

/**
 * NFC, and "inbox" in any case is "INBOX" (RFC 3501 §5.1), also as the first level of a longer name:
 * what lies under "inbox/" would otherwise have a parent that nobody can name.
 */
export function canonicalMailbox(name: string): string {
  return name.normalize("NFC").replace(/^inbox(?=\/|$)/i, "INBOX")
}

function decodeUtf7(wire: string, at: number): string {
  let out = ""
  let position = 0
  let afterShift = false
  while (position < wire.length) {
    if (wire[position] !== "&") {
      const end = nextShift(wire, position)
      out += plain(wire.slice(position, end), at + position)
      afterShift = false
      position = end
      continue
    }
    const end = wire.indexOf("-", position)
    if (end === -1) throw new ParseError("- at the end of base64", at + wire.length)
    const encoded = wire.slice(position + 1, end)
    // Two runs of base64 in a row are one run with a superfluous shift (RFC 3501 §5.1.3).
    if (encoded !== "" && afterShift) throw new ParseError("no superfluous shift", at + position)
    out += encoded === "" ? "&" : decodeRun(encoded, at + position)
    afterShift = encoded !== ""
    position = end + 1
  }
  if (!out.isWellFormed()) throw new ParseError("well-formed UTF-16", at)
  return out
}

function nextShift(wire: string, from: number): number {
  const shift = wire.indexOf("&", from)
  return shift === -1 ? wire.length : shift
}

function plain(text: string, at: number): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new ParseError("modified UTF-7", at)
  return text
}

/** One run of base64: whole UTF-16 units, bits left over are zero, and nothing that could stand for itself. */
function decodeRun(encoded: string, at: number): string {
  const units: number[] = []
  let bits = 0
  let held = 0
  for (const char of encoded) {
    const sextet = sextets.get(char)
    if (sextet === undefined) throw new ParseError("modified base64", at)
    bits = ((bits << 6) | sextet) & 0x3f_ffff
    held += 6
    if (held < 16) continue
    held -= 16
    units.push((bits >>> held) & 0xffff)
  }
  if (held >= 6 || (bits & ((1 << held) - 1)) !== 0) throw new ParseError("whole UTF-16 units", at)
  if (units.length === 0 || units.some(isPrintable)) throw new ParseError("base64 only for what needs it", at)
  return units.map((unit) => String.fromCharCode(unit)).join("")
}

/**
 * mailbox = "INBOX" / astring
 *
 * RFC 3501 §9, decoded. With `utf8` the name is UTF-8 as it stands (RFC 6855 §3).
 */
export function mailbox(cursor: Cursor, context: GrammarContext): string {
  const start = cursor.at
  const bytes = astring(cursor, "mailbox")
  const name = nameFrom(bytes, start, context)
  if (context.supplied !== undefined && context.utf8) noteSupplied(context.supplied, name, utf8Text(bytes, start))
  return name
}

/**
 * list-mailbox = 1*list-char / string
 *
 * RFC 3501 §9, decoded as a mailbox name; the wildcards are printable, so decoding cannot make new ones.
 */
export function mailboxPattern(cursor: Cursor, context: GrammarContext): string {
  const start = cursor.at
  return nameFrom(listMailbox(cursor), start, context)
}

/** Octets above 0x7f are UTF-8 for everybody: they have no meaning in modified UTF-7, and RFC 6855 §3 wants them read. */
function nameFrom(bytes: Uint8Array, at: number, context: GrammarContext): string {
  const utf8 = context.utf8 || bytes.some((byte) => byte > 0x7f)
  return utf8 ? canonicalMailbox(utf8Text(bytes, at)) : decodeMailbox(bytes, at)
}

/** For OLDNAME (RFC 9051 §6.3.9.7). */
function noteSupplied(supplied: Map<string, string>, name: string, given: string): void {
  if (given !== name) supplied.set(name, given)
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** @throws ParseError for octets that are not UTF-8 */
export function utf8Text(bytes: Uint8Array, at: number): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) throw new ParseError("UTF-8", at)
    throw error
  }
}

import { isUtf8 } from "node:buffer"
import { stillBytes } from "../host/still.ts"
import type { StoredLiteral } from "./ast.ts"
import {
  BACKSLASH,
  byteClass,
  CLOSE_CURLY,
  CR,
  type Cursor,
  DQUOTE,
  expectByte,
  LF,
  next,
  OPEN_CURLY,
  PLUS,
  peek,
  TILDE,
  takeWhile,
  tryByte,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"

const atomSpecials = new Set(Array.from('(){ %*"\\]', (char) => char.charCodeAt(0)))
const isAtomChar = (byte: number) => byte > 0x1f && byte < 0x7f && !atomSpecials.has(byte)

/** ATOM-CHAR: 7-bit, no control, none of `( ) { SP % * " \ ]` (RFC 3501 §9). `}` is allowed. */
export const atomChars = byteClass(isAtomChar)
/** ASTRING-CHAR = ATOM-CHAR / "]" */
export const astringChars = byteClass((byte) => isAtomChar(byte) || byte === 0x5d)
/** list-char = ATOM-CHAR / "%" / "*" / "]" */
const listChars = byteClass((byte) => isAtomChar(byte) || byte === 0x25 || byte === 0x2a || byte === 0x5d)

/**
 * atom = 1*ATOM-CHAR
 *
 * RFC 3501 §9. A view of the command's octets.
 */
export function atom(cursor: Cursor, expected = "atom"): Uint8Array {
  return run(cursor, atomChars, expected)
}

/**
 * quoted      = DQUOTE *QUOTED-CHAR DQUOTE
 * QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
 *
 * RFC 3501 §9: no CR, LF or NUL. Bytes above 0x7f pass, as RFC 9051 §9 allows; with `utf8` they are checked.
 * A view of the command's octets where nothing was escaped, else a copy.
 */
export function quoted(cursor: Cursor): Uint8Array {
  expectByte(cursor, DQUOTE, "DQUOTE")
  const start = cursor.at
  const escapes = skipQuoted(cursor)
  const inside = cursor.bytes.subarray(start, cursor.at - 1)
  if (cursor.utf8 === true && !isUtf8(inside)) throw new ParseError("UTF-8", start)
  return escapes === 0 ? inside : unescaped(inside, escapes)
}

/** Moves behind the closing DQUOTE; gives the number of escapes. */
function skipQuoted(cursor: Cursor): number {
  let escapes = 0
  for (;;) {
    const byte = next(cursor, "closing DQUOTE")
    if (byte === DQUOTE) return escapes
    if (byte === CR || byte === LF || byte === 0) throw new ParseError("TEXT-CHAR", cursor.at - 1)
    if (byte !== BACKSLASH) continue
    const escaped = next(cursor, "quoted-special")
    if (escaped !== DQUOTE && escaped !== BACKSLASH) throw new ParseError("quoted-special", cursor.at - 1)
    escapes += 1
  }
}

function unescaped(inside: Uint8Array, escapes: number): Uint8Array {
  const out = stillBytes(inside.length - escapes)
  for (let from = 0, to = 0; from < inside.length; from += 1, to += 1) {
    if (inside[from] === BACKSLASH) from += 1
    out[to] = inside[from] ?? 0
  }
  return out
}

/** What `{n}` announces, and where its octets are: inline, or in the sink they were streamed to. */
export type LiteralOctets = { size: number; binary: boolean; octets: Uint8Array | StoredLiteral }

/**
 * literal  = "{" number ["+"] "}" CRLF *CHAR8        (RFC 7888 §8)
 * literal8 = "~{" number ["+"] "}" CRLF *OCTET       (RFC 4466 §3)
 *
 * The reader has already decided about size and "+"; here only the form is checked. A lone LF is taken
 * for CRLF, as the reader does.
 */
export function literalOctets(cursor: Cursor): LiteralOctets {
  const binary = tryByte(cursor, TILDE)
  expectByte(cursor, OPEN_CURLY, "literal")
  const size = literalSize(cursor)
  tryByte(cursor, PLUS)
  expectByte(cursor, CLOSE_CURLY, "}")
  tryByte(cursor, CR)
  expectByte(cursor, LF, "CRLF")
  const streamed = cursor.streamed?.get(cursor.at)
  if (streamed !== undefined) return { size, binary, octets: streamed }
  if (cursor.at + size > cursor.bytes.length) throw new ParseError("literal octets", cursor.bytes.length)
  const octets = cursor.bytes.subarray(cursor.at, cursor.at + size)
  cursor.at += size
  return { size, binary, octets }
}

function literalSize(cursor: Cursor): number {
  const start = cursor.at
  let size = 0
  for (let byte = peek(cursor); byte >= 0x30 && byte <= 0x39; byte = peek(cursor)) {
    size = size * 10 + byte - 0x30
    if (size > 0xffff_ffff) throw new ParseError("number", start)
    cursor.at += 1
  }
  if (cursor.at === start) throw new ParseError("number", start)
  return size
}

/**
 * literal = "{" number ["+"] "}" CRLF *CHAR8
 *
 * RFC 3501 §9 with RFC 7888 §8; CHAR8 is any octet but NUL (§4.3.1). A view of the command's octets.
 */
export function literal(cursor: Cursor): Uint8Array {
  if (peek(cursor) === TILDE) throw new ParseError("string", cursor.at)
  const start = cursor.at
  const { octets } = literalOctets(cursor)
  if (!(octets instanceof Uint8Array)) throw new ParseError("literal that is not a message", start)
  if (octets.indexOf(0) !== -1) throw new ParseError("CHAR8", cursor.at - octets.length + octets.indexOf(0))
  return octets
}

/**
 * string = quoted / literal
 *
 * RFC 3501 §9.
 */
export function string(cursor: Cursor): Uint8Array {
  const byte = peek(cursor)
  if (byte === DQUOTE) return quoted(cursor)
  if (byte === OPEN_CURLY) return literal(cursor)
  throw new ParseError("string", cursor.at)
}

/**
 * nstring = string / "NIL"
 *
 * RFC 3501 §9. NIL, in any case, is null.
 */
export function nstring(cursor: Cursor): Uint8Array | null {
  const byte = peek(cursor)
  if (byte === DQUOTE || byte === OPEN_CURLY) return string(cursor)
  const start = cursor.at
  const word = takeWhile(cursor, atomChars)
  if (word.length === 3 && /^nil$/i.test(String.fromCharCode(...word))) return null
  throw new ParseError("string or NIL", start)
}

/**
 * astring = 1*ASTRING-CHAR / string
 *
 * RFC 3501 §9. Stays octets, because it may be a password.
 */
export function astring(cursor: Cursor, expected = "astring"): Uint8Array {
  const byte = peek(cursor)
  if (byte === DQUOTE || byte === OPEN_CURLY) return string(cursor)
  return run(cursor, astringChars, expected)
}

/**
 * list-mailbox = 1*list-char / string
 *
 * RFC 3501 §9: as astring, with the wildcards "%" and "*".
 */
export function listMailbox(cursor: Cursor): Uint8Array {
  const byte = peek(cursor)
  if (byte === DQUOTE || byte === OPEN_CURLY) return string(cursor)
  return run(cursor, listChars, "list-mailbox")
}

function run(cursor: Cursor, allowed: Uint8Array, expected: string): Uint8Array {
  const start = cursor.at
  const bytes = takeWhile(cursor, allowed)
  if (bytes.length === 0) throw new ParseError(expected, start)
  return bytes
}

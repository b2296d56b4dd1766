import type { PartialRange, SequenceRanges, SequenceSet } from "./ast.ts"
import {
  ASTERISK,
  byteClass,
  COLON,
  COMMA,
  type Cursor,
  DOLLAR,
  expectByte,
  latin1,
  MINUS,
  peek,
  takeWhile,
  tryByte,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"

const maxNumber = 0xffff_ffff

/**
 * number = 1*DIGIT
 *
 * RFC 3501 §9: unsigned 32-bit integer.
 */
export function number(cursor: Cursor): number {
  return digits(cursor, maxNumber, "number")
}

/**
 * nz-number = digit-nz *DIGIT
 *
 * RFC 3501 §9: unsigned 32-bit integer, not zero, and no zero in front.
 */
export function nzNumber(cursor: Cursor): number {
  if (peek(cursor) === 0x30) throw new ParseError("nz-number", cursor.at)
  return digits(cursor, maxNumber, "nz-number")
}

/**
 * number64 = 1*DIGIT
 *
 * RFC 9051 §9: 63 bits. Nothing here counts as far as 2^53, so everything from there on means the same and is read as
 * 2^53-1.
 */
export function number64(cursor: Cursor): number {
  return bits63(cursor, "number64")
}

/** nz-number64 = digit-nz *DIGIT (RFC 9051 §9): as above, but not zero, and no zero in front. */
export function nzNumber64(cursor: Cursor): number {
  if (peek(cursor) === 0x30) throw new ParseError("nz-number64", cursor.at)
  return bits63(cursor, "nz-number64")
}

/** number64 that the answer repeats: only as far as JavaScript is exact. */
export function exactNumber64(cursor: Cursor): number {
  return digits(cursor, Number.MAX_SAFE_INTEGER, "number64")
}

/**
 * mod-sequence-valzer = "0" / mod-sequence-value
 * mod-sequence-value  = 1*DIGIT
 *
 * RFC 7162 §7: 63 bits. Mod-sequences that we give out stay far below 2^53, so everything from there on
 * means the same and is read as 2^53-1.
 */
export function modSequenceOrZero(cursor: Cursor): number {
  return bits63(cursor, "mod-sequence-valzer")
}

function bits63(cursor: Cursor, expected: string): number {
  const start = cursor.at
  const text = latin1(takeWhile(cursor, digitChars))
  const tooLong = text.length > most63.length
  if (text === "" || tooLong || (text.length === most63.length && text > most63)) throw new ParseError(expected, start)
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}

const most63 = "9223372036854775807"
const digitChars = byteClass((byte) => byte >= 0x30 && byte <= 0x39)

function digits(cursor: Cursor, most: number, expected: string): number {
  const start = cursor.at
  let value = 0
  for (let byte = peek(cursor); byte >= 0x30 && byte <= 0x39; byte = peek(cursor)) {
    value = value * 10 + (byte - 0x30)
    if (value > most) throw new ParseError(expected, start)
    cursor.at += 1
  }
  if (cursor.at === start) throw new ParseError(expected, start)
  return value
}

/**
 * sequence-set     = (seq-number / seq-range) *("," sequence-set) / seq-last-command
 * seq-range        = seq-number ":" seq-number
 * seq-number       = nz-number / "*"
 * seq-last-command = "$"
 *
 * RFC 3501 §9, RFC 5182 §3. As written: neither sorted nor merged, "*" is Infinity. At most `maxRanges` ranges.
 */
export function sequenceSet(cursor: Cursor, maxRanges: number): SequenceSet {
  return tryByte(cursor, DOLLAR) ? { kind: "saved" } : sequenceRanges(cursor, maxRanges)
}

/** The same without "$". */
export function sequenceRanges(cursor: Cursor, maxRanges: number): SequenceRanges {
  const ranges: [from: number, to: number][] = []
  do {
    if (ranges.length === maxRanges) throw new ParseError(`at most ${maxRanges} ranges`, cursor.at)
    const from = seqNumber(cursor)
    ranges.push([from, tryByte(cursor, COLON) ? seqNumber(cursor) : from])
  } while (tryByte(cursor, COMMA))
  return { kind: "ranges", ranges }
}

/** seq-number = nz-number / "*" (RFC 3501 §9) */
export function seqNumber(cursor: Cursor): number {
  return tryByte(cursor, ASTERISK) ? Number.POSITIVE_INFINITY : nzNumber(cursor)
}

/**
 * partial-range       = partial-range-first / partial-range-last
 * partial-range-first = nz-number ":" nz-number
 * partial-range-last  = MINUS nz-number ":" MINUS nz-number
 *
 * RFC 9394 §4: "A range 500:400 is the same as 400:500", and the answer names it in this one form, as other servers do.
 */
export function partialRange(cursor: Cursor): PartialRange {
  const fromLast = tryByte(cursor, MINUS)
  const from = nzNumber(cursor)
  expectByte(cursor, COLON, ":")
  if (fromLast) expectByte(cursor, MINUS, "-")
  const to = nzNumber(cursor)
  const [near, far] = [Math.min(from, to), Math.max(from, to)]
  return fromLast ? [-near, -far] : [near, far]
}

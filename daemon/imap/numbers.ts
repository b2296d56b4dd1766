import type { SequenceSet } from "./ast.ts"
import { ASTERISK, COLON, COMMA, type Cursor, peek, tryByte } from "./cursor.ts"
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
 * RFC 9051 §9: 63 bits. Up to 2^53-1 is taken, which is exact in JavaScript; sizes are never larger.
 */
export function number64(cursor: Cursor): number {
  return digits(cursor, Number.MAX_SAFE_INTEGER, "number64")
}

/**
 * mod-sequence-valzer = "0" / mod-sequence-value
 * mod-sequence-value  = 1*DIGIT
 *
 * RFC 7162 §7: 63 bits. Up to 2^53-1 is taken; mod-sequences that we give out stay far below.
 */
export function modSequenceOrZero(cursor: Cursor): number {
  return digits(cursor, Number.MAX_SAFE_INTEGER, "mod-sequence-valzer")
}

/** mod-sequence-value: as above, but positive. */
export function modSequence(cursor: Cursor): number {
  const start = cursor.at
  const value = digits(cursor, Number.MAX_SAFE_INTEGER, "mod-sequence-value")
  if (value === 0) throw new ParseError("mod-sequence-value", start)
  return value
}

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
 * sequence-set = (seq-number / seq-range) *("," sequence-set)
 * seq-range    = seq-number ":" seq-number
 * seq-number   = nz-number / "*"
 *
 * RFC 3501 §9. As written: neither sorted nor merged, "*" is Infinity. At most `maxRanges` ranges.
 */
export function sequenceSet(cursor: Cursor, maxRanges: number): SequenceSet {
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

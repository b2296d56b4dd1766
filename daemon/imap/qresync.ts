import type { Resync, SequenceRanges } from "./ast.ts"
import { CLOSE, type Cursor, expectByte, type GrammarContext, OPEN, peek, SP, space, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { modSequenceOrZero, nzNumber, sequenceRanges } from "./numbers.ts"

/**
 * select-param   =/ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
 * seq-match-data = "(" known-sequence-set SP known-uid-set ")"
 *
 * RFC 7162 §7: the numbers correspond to the UIDs, one to one. This reads what follows "QRESYNC". A mod-sequence is
 * positive; clients that know the UIDVALIDITY and no mod-sequence say 0, as in CHANGEDSINCE.
 */
export function resync(cursor: Cursor, context: GrammarContext): Resync {
  space(cursor)
  expectByte(cursor, OPEN, "(")
  const uidValidity = nzNumber(cursor)
  space(cursor)
  const modseq = modSequenceOrZero(cursor)
  let more = tryByte(cursor, SP)
  const knownUids = more && peek(cursor) !== OPEN ? knownSet(cursor, context) : null
  if (knownUids !== null) more = tryByte(cursor, SP)
  const match = more ? matchData(cursor, context) : null
  expectByte(cursor, CLOSE, ")")
  return { uidValidity, modseq, knownUids, match }
}

function matchData(cursor: Cursor, context: GrammarContext): Resync["match"] {
  expectByte(cursor, OPEN, "(")
  const numbers = ascendingSet(cursor, context)
  space(cursor)
  const start = cursor.at
  const uids = ascendingSet(cursor, context)
  if (countIn(uids) !== countIn(numbers)) throw new ParseError("as many UIDs as numbers", start)
  expectByte(cursor, CLOSE, ")")
  return { numbers, uids }
}

/** sequence-set in which "*" is not allowed, nor "$", which means nothing before the mailbox is selected. */
function knownSet(cursor: Cursor, context: GrammarContext): SequenceRanges {
  const start = cursor.at
  const set = sequenceRanges(cursor, context.maxSequenceRanges)
  if (set.ranges.flat().includes(Number.POSITIVE_INFINITY)) throw new ParseError("sequence-set without *", start)
  return set
}

function countIn({ ranges }: SequenceRanges): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)
}

/** RFC 7162 §3.2.5.2: "Both MUST be provided in ascending order." */
function ascendingSet(cursor: Cursor, context: GrammarContext): SequenceRanges {
  const start = cursor.at
  const set = knownSet(cursor, context)
  const ends = set.ranges.flatMap(([from, to]) => (from === to ? [from] : [from, to]))
  if (ends.some((end, index) => index > 0 && end <= (ends[index - 1] ?? 0)))
    throw new ParseError("sequence-set in ascending order", start)
  return set
}

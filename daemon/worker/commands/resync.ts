import type { Resync, SequenceRanges, SequenceSet } from "../../imap/ast.ts"
import { rangesWire } from "../../imap/response.ts"
import type { Mailbox } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import { intersection, merged, type Range, type View } from "../view.ts"

/** RFC 7162 §3.2.5, §3.2.6: only after ENABLE QRESYNC. @throws Refused */
export function refuseWithoutQresync({ qresync }: Conversation): void {
  if (!qresync) throw new Refused({ status: "BAD", text: "ENABLE QRESYNC comes first" })
}

/**
 * RFC 7162 §3.2.5: what vanished and what changed since the client last saw this mailbox. Nothing, when it
 * saw another one of that name.
 */
export async function resynchronise(
  conversation: Conversation,
  mailbox: Mailbox,
  view: View,
  { uidValidity, modseq, knownUids, match }: Resync,
): Promise<void> {
  if (uidValidity !== mailbox.uidValidity) return
  const known: Range[] = knownUids === null ? [[1, mailbox.uidNext - 1]] : namedUids(knownUids, view)
  tellVanished(conversation, view, known, modseq, match === null ? 0 : lastMatch(view, match))
  const pace = conversation.pace
  const named = inRanges(known)
  for (const message of conversation.account.store.messages.changedSince(mailbox.id, modseq)) {
    const sequence = named(message.uid) ? view.sequenceOf(message.uid) : null
    if (sequence !== null) conversation.tellFlags(sequence, message, true)
    if (conversation.writer.congested) await conversation.writer.drained()
    await pace.rest()
  }
}

/**
 * The UIDs which a set names, those that are gone included; "*" is the last UID that was given (RFC 7162 §3.2.6).
 * "$" never names what is gone (RFC 5182 §2.1).
 */
export function namedUids(set: SequenceSet, view: View): Range[] {
  if (set.kind === "saved") return merged(view.uidsIn(view.resolve(set, true)).map((uid): Range => [uid, uid]))
  const last = view.state.uidNext - 1
  const bounded = (uid: number) => (uid === Number.POSITIVE_INFINITY ? last : uid)
  return merged(set.ranges.map(([a, b]): Range => [Math.min(bounded(a), bounded(b)), Math.max(bounded(a), bounded(b))]))
}

/**
 * RFC 7162 §3.2.10.1. A message that the client still counts is not named: it is told as vanished when its
 * number may go.
 */
export function tellVanished({ account, writer }: Conversation, view: View, ranges: Range[], since: number, above = 0) {
  const gone = merged(account.store.messages.expungedSince(view.state.mailbox, since))
  const named = intersection(intersection(gone, ranges), [[above + 1, Number.POSITIVE_INFINITY]])
  const told = view.unknownOf(named)
  if (told.length > 0) writer.text(`* VANISHED (EARLIER) ${rangesWire(told)}\r\n`)
}

/** Tells of UIDs, asked in ascending order, whether they lie in ascending ranges. */
function inRanges(ranges: readonly Range[]): (uid: number) => boolean {
  let at = 0
  return (uid) => {
    while (at < ranges.length && (ranges[at]?.[1] ?? 0) < uid) at += 1
    return uid >= (ranges[at]?.[0] ?? Number.POSITIVE_INFINITY)
  }
}

/**
 * RFC 7162 §3.2.5.2: the highest UID which has the number that the client gives it. Up to there the client
 * knows of all expunges.
 */
function lastMatch(view: View, { numbers, uids }: NonNullable<Resync["match"]>): number {
  let last = 0
  const theirs = each(uids)
  for (const number of each(numbers)) {
    const { value: uid, done } = theirs.next()
    // Numbers ascend: beyond the last message none can match, so a set of any size costs no more than the view.
    if (done || number > view.state.uids.length) return last
    if (view.state.uids[number - 1] === uid) last = uid
  }
  return last
}

function* each({ ranges }: SequenceRanges): Generator<number, undefined> {
  for (const [from, to] of ranges) for (let number = from; number <= to; number += 1) yield number
}

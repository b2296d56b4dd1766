import type { FetchItem } from "../imap/ast.ts"
import { sequenceSetWire } from "../imap/response.ts"
import type { Message } from "../store/types.ts"
import { FetchAhead } from "./commands/fetch-ahead.ts"
import { tellIfThere } from "./commands/fetch-answer.ts"
import { BinaryAnswers } from "./commands/fetch-binary.ts"
import type { Conversation } from "./conversation.ts"
import type { SearchContext, Turnover } from "./search-context.ts"
import type { View, ViewUpdate } from "./view.ts"

/**
 * `uid`: it is to be named, as in answer to a UID command (RFC 3501 §6.4.8). `items`: what the client wants to know of
 * each new message. `first`: after REPLACE the new message is counted before the old one goes (RFC 8508 §3).
 */
export type Manner = { uid: boolean; items: readonly FetchItem[]; first: "expunges" | "arrivals" }

/**
 * Says what changed in the selected mailbox, in the order that numbers need: what goes, what comes, what changed,
 * and around it what that does to kept searches.
 *
 * EXISTS, FETCH, ESEARCH is the order of RFC 5465 §7; §5.2 wants ESEARCH before the FETCH of a new message, and
 * erratum 4833 lets servers choose.
 *
 * @throws ClientGone, PeerGone
 */
export async function tellUpdate(
  conversation: Conversation,
  view: View,
  update: ViewUpdate,
  { uid, items, first }: Manner,
): Promise<void> {
  const { writer, pace } = conversation
  if (update.changed.length > 0) conversation.tellKeywords(view)
  if (first === "arrivals" && update.exists !== null) {
    writer.text(`* ${update.exists + update.expunged.length} EXISTS\r\n`)
    await tellGone(conversation, view, update)
    conversation.tellRecent(view)
  } else {
    await tellGone(conversation, view, update)
    if (update.exists !== null) conversation.tellCounts(view)
    // RFC 3501 §7.3.2: when the size changes; EXPUNGE tells the number of messages (§7.4.1), but not this one.
    else if (update.fewerRecent) conversation.tellRecent(view)
  }
  for (const { sequence, message } of update.changed) {
    conversation.tellFlags(sequence, message, uid)
    if (writer.congested) await writer.drained()
    if (pace.due) await pace.rest()
  }
  const turnovers = new Map<SearchContext, Turnover>()
  if (update.news.length > 0) {
    const { store } = conversation.account
    for (const context of view.contexts.values())
      turnovers.set(context, await context.take(store, view, update.news, conversation.pace))
  }
  await tellArrived(conversation, view, update.arrived, wantedOf(items, turnovers))
  for (const [context, turnover] of turnovers) {
    context.tellTurnover(writer, view, turnover)
    if (pace.due) await pace.rest()
  }
}

async function tellGone(conversation: Conversation, view: View, { expunged, vanished }: ViewUpdate): Promise<void> {
  const { writer, pace } = conversation
  for (const context of view.contexts.values()) {
    context.tellExpunged(writer, expunged, vanished)
    if (pace.due) await pace.rest()
  }
  const byUid = conversation.qresync || conversation.uidOnly
  if (byUid && vanished.length > 0) writer.text(`* VANISHED ${sequenceSetWire(vanished)}\r\n`)
  for (const sequence of byUid ? [] : expunged) {
    writer.text(`* ${sequence} EXPUNGE\r\n`)
    if (writer.congested) await writer.drained()
    if (pace.due) await pace.rest()
  }
}

/** What is to be fetched of a new message: for NOTIFY, and for each kept search that found it (RFC 5465 §5.2, §7). */
function wantedOf(
  items: readonly FetchItem[],
  turnovers: ReadonlyMap<SearchContext, Turnover>,
): (uid: number) => readonly FetchItem[] {
  const finders = [...turnovers].filter(([context]) => context.items.length > 0)
  if (finders.length === 0) return () => items
  const found = finders.map(([context, { added }]) => ({
    items: context.items,
    uids: new Set(added.flatMap(({ uids }) => uids)),
  }))
  return (uid) => [...items, ...found.filter(({ uids }) => uids.has(uid)).flatMap((each) => each.items)]
}

async function tellArrived(
  conversation: Conversation,
  view: View,
  arrived: readonly Message[],
  wanted: (uid: number) => readonly FetchItem[],
): Promise<void> {
  const pace = conversation.pace
  for (const message of arrived) {
    const items = eachOnce(wanted(message.uid), conversation)
    if (items.length === 0) continue
    const prepared = {
      ahead: new FetchAhead(conversation.account.store.contents, items),
      binary: new BinaryAnswers(conversation, items, pace),
    }
    await tellIfThere(conversation, view, items, { message, marked: false }, prepared)
    await pace.rest()
  }
}

/**
 * Without data said twice (RFC 5465 §5.2). UID for IMAP4rev2 (RFC 9051 §7.5.2), with MODSEQ for CONDSTORE (RFC 7162
 * §3.2.4), as in every FETCH that nobody asked for.
 */
function eachOnce(wanted: readonly FetchItem[], { condstore, rev2, uidOnly }: Conversation): FetchItem[] {
  if (wanted.length === 0) return []
  const all = [...wanted]
  if ((condstore || rev2) && !uidOnly) all.unshift({ item: "UID" })
  if (condstore) all.push({ item: "MODSEQ" })
  return [...new Map(all.map((item) => [JSON.stringify({ ...item, peek: true }), item])).values()]
}

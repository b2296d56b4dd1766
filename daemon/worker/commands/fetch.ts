import type { FetchItem } from "../../imap/ast.ts"
import { flagBits } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { directionOf, inOrder, type Permitted, partial, permitted, refuseBeyond } from "../message-limit.ts"
import type { Progress } from "../progress.ts"
import { countOf, intersection, partOfRanges, type Range, type View } from "../view.ts"
import { type CommandOf, type Completion, type Family, forgives } from "./command.ts"
import { FetchAhead } from "./fetch-ahead.ts"
import { type Fetched, tellIfThere } from "./fetch-answer.ts"
import { BinaryAnswers } from "./fetch-binary.ts"
import { namedUids, refuseWithoutQresync, tellVanished } from "./resync.ts"
import { type RowReader, rowReader } from "./row-answer.ts"

/** Rows read at a time; and when \Seen is set on the way, few, so that not much is marked before it is sent. */
const batchMessages = 250
const seenBatchMessages = 16

export const fetchFamily: Family<"FETCH"> = {
  capabilities: [
    { name: "SAVEDATE", rfc: 8514 },
    { name: "PREVIEW", rfc: 8970 },
    { name: "BINARY", rfc: 3516 },
  ],
  commands: { FETCH: { state: "selected", expunges: "in-uid-form", run: fetch } },
}

type FetchCommand = CommandOf<"FETCH">

/** RFC 3501 §6.4.5; CHANGEDSINCE of RFC 7162 §3.1.4.1, VANISHED of §3.2.6. */
async function fetch(conversation: Conversation, command: FetchCommand): Promise<Completion> {
  const view = conversation.selected()
  if (command.vanished) refuseWithoutQresync(conversation)
  const { ranges, lowest } = rangesOf(conversation, view, command)
  if (asksOnlyUids(command)) return partial(conversation, await tellUids(conversation, view, ranges, lowest), lowest)
  const items = itemsOf(conversation, command)
  if (items.some(({ item }) => item === "MODSEQ")) conversation.enableCondstore()
  if (command.vanished) tellVanished(conversation, view, namedUids(command.set, view), command.changedSince ?? 0)
  const told: Told = { ranges, lowest, items, progress: conversation.progress(command.tag, countOf(ranges)) }
  const read = rowReader(items)
  const { found, refused } =
    read === null ? await tellEach(conversation, told) : await tellRows(conversation, told, read)
  const gone = command.changedSince === null && !forgives(command) && found < countOf(ranges)
  return partial(conversation, completion(gone, refused), lowest)
}

/** What is to be told, of which messages. */
type Told = { ranges: Range[]; lowest: number | null; items: readonly FetchItem[]; progress: Progress }

/** How many messages are there; `refused` when something of one could not be told. */
type Outcome = { found: number; refused: boolean }

/** Items that the row of a message says: a batch of them at one go. */
async function tellRows(
  conversation: Conversation,
  { ranges, lowest, progress }: Told,
  read: RowReader,
): Promise<Outcome> {
  const { pace, writer } = conversation
  const { messages } = conversation.account.store
  const view = conversation.selected()
  let found = 0
  for (const batch of view.batches(ranges, batchMessages, directionOf(lowest))) {
    found += read(messages, view.state.mailbox, batch).tell(conversation, view, lowest)
    progress.add(batchMessages)
    if (writer.congested) await writer.drained()
    if (pace.due) await pace.rest()
  }
  return { found, refused: false }
}

async function tellEach(conversation: Conversation, { ranges, lowest, items, progress }: Told): Promise<Outcome> {
  const { pace } = conversation
  const view = conversation.selected()
  const marks = !view.state.readOnly && items.some(setsSeen)
  const binary = new BinaryAnswers(conversation, items, pace)
  const ahead = new FetchAhead(conversation.account.store.contents, items)
  let found = 0
  for (const batch of view.batches(ranges, marks ? seenBatchMessages : batchMessages, directionOf(lowest))) {
    for (const fetched of ahead.over(inOrder(messagesOf(conversation, view, batch, marks), lowest))) {
      if (await tellIfThere(conversation, view, items, fetched, { ahead, binary })) found += 1
      progress.add(1)
      if (pace.due) await pace.rest()
    }
  }
  return { found, refused: binary.refused }
}

function completion(gone: boolean, refused: boolean): Completion {
  if (gone) return { status: "NO", code: "EXPUNGEISSUED", text: "Some of the messages no longer exist" }
  if (refused) return { status: "NO", code: "UNKNOWN-CTE", text: "The encoding of a part is not known" }
  return { text: "FETCH completed" }
}

/** Of message numbers: of UIDs that are gone nothing is said (RFC 3501 §6.4.8), nor of what was in "$" (RFC 5182 §2.1). */
function asksOnlyUids(command: FetchCommand): boolean {
  return !forgives(command) && command.changedSince === null && command.items.every(({ item }) => item === "UID")
}

/**
 * A number has its UID until its EXPUNGE is told, also when another session expunged the message (RFC 2180 §4.1.2): a
 * client needs it to understand VANISHED.
 */
async function tellUids(
  conversation: Conversation,
  view: View,
  ranges: readonly Range[],
  lowest: number | null,
): Promise<Completion> {
  const { writer } = conversation
  const pace = conversation.pace
  for (const [first, last] of inOrder([...ranges], lowest)) {
    for (let step = 0; step <= last - first; step += 1) {
      const index = lowest === null ? first + step : last - step
      writer.text(`* ${index + 1} FETCH (UID ${view.state.uids[index]})\r\n`)
      if (writer.congested) await writer.drained()
      await pace.rest()
    }
  }
  return { text: "FETCH completed", ...(await conversation.codeForNumbers()) }
}

/**
 * RFC 9394 §3.3: PARTIAL picks first, CHANGEDSINCE then looks at what was picked. Of the limit (RFC 9738 §3.1) a
 * PARTIAL is refused that could reach beyond it, and messages that have not changed are no work.
 */
function rangesOf(conversation: Conversation, view: View, command: FetchCommand): Permitted {
  const all = view.resolve(command.set, command.uid)
  if (command.partial === undefined) return permitted(conversation, view, changed(conversation, view, all, command))
  const [a, b] = command.partial
  refuseBeyond(conversation, [[Math.min(a, b), Math.max(a, b)]])
  const picked = partOfRanges(all, command.partial)
  return { ranges: changed(conversation, view, picked, command), lowest: null }
}

/** Found once for the command: what changes while it runs is told by itself. */
function changed({ account }: Conversation, view: View, ranges: Range[], { changedSince }: FetchCommand): Range[] {
  if (changedSince === null) return ranges
  const uids = account.store.messages.changedUids(view.state.mailbox, changedSince)
  return intersection(ranges, view.rangesOf(uids))
}

/** The items in the order asked for, UID first in a UID command (RFC 3501 §6.4.8) unless it is a UIDFETCH, MODSEQ with CHANGEDSINCE. */
function itemsOf(conversation: Conversation, { uid, items, changedSince }: FetchCommand): FetchItem[] {
  const has = (name: FetchItem["item"]) => items.some(({ item }) => item === name)
  const all: FetchItem[] = uid && !has("UID") && !conversation.uidOnly ? [{ item: "UID" }, ...items] : [...items]
  if (changedSince !== null && !has("MODSEQ")) all.push({ item: "MODSEQ" })
  return all
}

/** RFC 3501 §6.4.5, RFC 3516 §4.2: BODY[…], BINARY[…], RFC822 and RFC822.TEXT set \Seen, PEEK forms do not. */
function setsSeen(item: FetchItem): boolean {
  if (item.item === "BODY[]" || item.item === "BINARY[]") return !item.peek
  return item.item === "RFC822" || item.item === "RFC822.TEXT"
}

/** The messages of a batch that still exist; with `marks`, \Seen is set on them first. */
function messagesOf({ account }: Conversation, view: View, batch: Range[], marks: boolean): Fetched[] {
  const { messages } = account.store
  const { mailbox } = view.state
  const rows = [...messages.rows(mailbox, batch)]
  const unseen = marks ? rows.filter(({ flags }) => (flags & flagBits["\\Seen"]) === 0) : []
  if (unseen.length === 0) return rows.map((message) => ({ message, marked: false }))
  const change = { operation: "add" as const, flags: flagBits["\\Seen"], keywords: [], unchangedSince: null }
  const { changed } = messages.storeFlags(
    mailbox,
    unseen.map(({ uid }) => uid),
    change,
  )
  const [first] = changed
  if (first !== undefined) view.told(first.modseq)
  const marked = new Map(changed.map((message) => [message.uid, message]))
  return rows.map((row) => ({ message: { ...row, ...marked.get(row.uid) }, marked: marked.has(row.uid) }))
}

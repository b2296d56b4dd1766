import type { FetchItem } from "../../imap/ast.ts"
import type { ResponseCode } from "../../imap/response.ts"
import { type FlagChange, keepsKeywords } from "../../store/store.ts"
import type { Marked } from "../../store/types.ts"
import { type Conversation, storedFlags } from "../conversation.ts"
import { directionOf, inOrder, partial, permitted } from "../message-limit.ts"
import { countOf, type Range, type View, type ViewUpdate } from "../view.ts"
import { BatchSize, evenCost, evenSpan, keywordOctets } from "./batch-size.ts"
import { type CommandOf, type Completion, type Family, forgives } from "./command.ts"
import { rowReader } from "./row-answer.ts"

type StoreCommand = CommandOf<"STORE">

export const storeFamily: Family<"STORE"> = {
  capabilities: [],
  commands: { STORE: { state: "selected", expunges: "in-uid-form", run: store } },
}

/** RFC 3501 §6.4.6; UNCHANGEDSINCE of RFC 7162 §3.1.3. */
async function store(conversation: Conversation, command: StoreCommand): Promise<Completion> {
  conversation.refuseReadOnly()
  const view = conversation.selected()
  const { ranges, lowest } = permitted(conversation, view, view.resolve(command.set, command.uid))
  if (command.unchangedSince !== null) conversation.enableCondstore()
  const { operation, unchangedSince } = command
  const change = { operation, unchangedSince, ...storedFlags(command.flags) }
  const told = itemsTold(conversation, command)
  const even = marks(change)
  const size = even ? new BatchSize(evenCost(answerOctets(conversation, view, told))) : new BatchSize()
  const conflicted: number[] = []
  let found = 0
  const pace = conversation.pace
  const progress = conversation.progress(command.tag, countOf(ranges))
  for (const batch of view.batches(ranges, () => size.next(), directionOf(lowest))) {
    for (const part of even ? inOrder([...view.near(batch, evenSpan)], lowest) : [batch]) {
      const outcome = await storeBatch({ conversation, view, command, change, told, lowest, size }, part)
      found += outcome.found
      for (const { uid } of outcome.conflicted) conflicted.push(uid)
      await pace.rest()
    }
    progress.add(size.current)
  }
  return partial(conversation, completion(view, command, conflicted, countOf(ranges) - found), lowest)
}

/** The command, and how far it goes at a time. */
type Storing = {
  conversation: Conversation
  view: View
  command: StoreCommand
  change: FlagChange
  /** Of a message that was marked. */
  told: FetchItem[]
  lowest: number | null
  size: BatchSize
}

type Outcome = { found: number; conflicted: readonly Marked[] }

/** Whether all messages are changed alike, whatever they are now. */
function marks(change: FlagChange): boolean {
  return keepsKeywords(change) && change.unchangedSince === null
}

/**
 * What others changed is told first, in the same turn as our change is made: afterwards the mod-sequence
 * of a message would be ours, and their change could not be told from it.
 */
async function storeBatch(storing: Storing, batch: Range[]): Promise<Outcome> {
  const { conversation, view, command, change, lowest, size } = storing
  if (conversation.writer.congested) await conversation.writer.drained()
  const news = conversation.pull(false)
  if (marks(change)) return mark(storing, batch, news)
  const { messages } = conversation.account.store
  const outcome = size.measure(() => messages.storeFlags(view.state.mailbox, view.uidsBetween(batch), change))
  const { changed, unchanged, conflicted } = outcome
  const [first] = changed
  if (first !== undefined) view.told(first.modseq)
  await conversation.say(news, command.uid)
  if (command.flags.length > 0) conversation.tellKeywords(view)
  const told = new Set(news?.changed.map(({ message }) => message.uid))
  const failed = new Set(conflicted.filter(({ uid }) => !told.has(uid)))
  for (const message of inOrder(inUidOrder(changed, unchanged, [...failed]), lowest)) {
    await tellOutcome(conversation, view, command, message, failed.has(message))
  }
  return { found: changed.length + unchanged.length + conflicted.length, conflicted }
}

/** As `storeBatch`; no more is read than is told. */
async function mark(storing: Storing, batch: Range[], news: ViewUpdate | null): Promise<Outcome> {
  const { conversation, view, command, change, told, lowest, size } = storing
  const { messages } = conversation.account.store
  const { mailbox } = view.state
  const { found, modseq } = size.measure(() => messages.mark(mailbox, batch, change))
  if (modseq !== null) view.told(modseq)
  const read = told.length > 0 ? rowReader(told) : null
  const rows = size.measure(() => read?.(messages, mailbox, batch))
  await conversation.say(news, command.uid)
  if (command.flags.length > 0) conversation.tellKeywords(view)
  size.measure(() => rows?.tell(conversation, view, lowest))
  return { found, conflicted: [] }
}

/** As `tellOutcome` tells it. */
function itemsTold({ condstore, rev2, uidOnly }: Conversation, { uid, silent }: StoreCommand): FetchItem[] {
  if (silent && !condstore) return []
  const items: FetchItem[] = (uid || condstore || rev2) && !uidOnly ? [{ item: "UID" }] : []
  if (!silent) items.push({ item: "FLAGS" })
  if (condstore) items.push({ item: "MODSEQ" })
  return items
}

/** The longest answer that there can be: a FETCH with all flags, and all keywords of the mailbox. */
function answerOctets({ account }: Conversation, { state }: View, told: readonly FetchItem[]): number {
  if (told.length === 0) return 0
  return keywordOctets(account.store.mailboxes.keywords(state.mailbox)) + 130
}

function inUidOrder(...lists: Marked[][]): Marked[] {
  const [only, second] = lists.filter((list) => list.length > 0)
  return second === undefined ? (only ?? []) : lists.flat().sort((a, b) => a.uid - b.uid)
}

/**
 * The new flags, or with .SILENT nothing; but clients that want mod-sequences are told these in any case, and of a
 * message that `failed` UNCHANGEDSINCE the flags as well, so that they need not ask (RFC 7162 §3.1.3).
 */
async function tellOutcome(
  conversation: Conversation,
  view: View,
  command: StoreCommand,
  message: Marked,
  failed: boolean,
): Promise<void> {
  const sequence = view.sequenceOf(message.uid)
  if (sequence === null) return
  const { writer, pace } = conversation
  if (!command.silent || failed) conversation.tellFlags(sequence, message, command.uid)
  else if (conversation.condstore) {
    const uid = conversation.uidOnly ? "" : `UID ${message.uid} `
    writer.text(`${conversation.fetchHead(sequence, message.uid)}(${uid}MODSEQ (${message.modseq}))\r\n`)
  }
  if (writer.congested) await writer.drained()
  if (pace.due) await pace.rest()
}

/** RFC 7162 §3.1.3: MODIFIED names what failed the test. RFC 2180 §4.2.2: NO when messages are gone. */
function completion(view: View, command: CommandOf<"STORE">, conflicted: number[], gone: number): Completion {
  const numbers = command.uid
    ? conflicted
    : conflicted.map((each) => view.sequenceOf(each)).filter((each) => each !== null)
  const code: ResponseCode | null = numbers.length > 0 ? { code: "MODIFIED", numbers } : null
  if (gone > 0 && !forgives(command))
    return { status: "NO", code: code ?? "EXPUNGEISSUED", text: "Some of the messages no longer exist" }
  if (code !== null) return { code, text: "Conditional STORE failed" }
  return { text: "STORE completed" }
}

import type { SearchKey } from "../../imap/ast.ts"
import { type Message, StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { refuseBeyond } from "../message-limit.ts"
import type { Pace } from "../pace.ts"
import type { Progress } from "../progress.ts"
import { countOf, intersection, type Range, type View } from "../view.ts"
import { compile, type Test } from "./search-key.ts"
import { SearchTexts } from "./search-text.ts"

/** Rows read at a time. */
const batchMessages = 500

/** What is searched for, and the tag of the command that wants it. */
type Wanted = { tag: string; key: SearchKey }

/**
 * The messages of the view that match, in mailbox order. Gives way to other connections meanwhile.
 *
 * @throws ClientGone, Refused when there are more to look at than one command may work on
 */
export async function find(conversation: Conversation, view: View, wanted: Wanted): Promise<Message[]> {
  const ranges = candidates(view, wanted.key)
  refuseBeyond(conversation, ranges)
  return findWithin(conversation, view, wanted, ranges)
}

/** As `find`, among these; `onlyFirst` stops soon after the first. */
export async function findWithin(
  conversation: Conversation,
  view: View,
  { tag, key }: Wanted,
  ranges: Range[],
  onlyFirst = false,
): Promise<Message[]> {
  const pace = conversation.pace
  const { store, limits } = conversation.account
  const texts = new SearchTexts(store.contents, pace)
  const test = compile(key, { store, view, texts, pace, maxCharacters: limits.max_search_characters })
  const progress = conversation.progress(tag, countOf(ranges))
  const found: Message[] = []
  for (const batch of view.batches(ranges, batchMessages)) {
    for (const message of await matching(conversation, view, test, batch, pace, progress)) found.push(message)
    if (onlyFirst && found.length > 0) break
  }
  return found
}

/** The messages of a batch that pass. It waits only when a test or the pace wants it: most searches never do. */
async function matching(
  { account }: Conversation,
  view: View,
  test: Test,
  batch: Range[],
  pace: Pace,
  progress: Progress,
): Promise<Message[]> {
  const found: Message[] = []
  for (const message of [...account.store.messages.rows(view.state.mailbox, batch)]) {
    const answer = passes(test, message)
    const passed: boolean = typeof answer === "boolean" ? answer : await answer
    if (passed) found.push(message)
    progress.add(1)
    if (pace.due) await pace.rest()
  }
  return found
}

/** A message that another session expunged after its row was read passes nothing. */
export function passes(test: Test, message: Message): boolean | Promise<boolean> {
  try {
    const passed = test.passes(message)
    return typeof passed === "boolean" ? passed : passed.catch(falseWhenGone)
  } catch (error) {
    return falseWhenGone(error)
  }
}

function falseWhenGone(error: unknown): false {
  if (error instanceof StoreError && error.fault === "no-such-message") return false
  throw error
}

/** What the sets among the keys leave to be looked at; without one, everything. */
export function candidates(view: View, key: SearchKey): Range[] {
  if (key.key === "set") return view.resolveWithin(key.set, key.uid)
  const all: Range[] = view.state.uids.length === 0 ? [] : [[0, view.state.uids.length - 1]]
  const narrowing = key.key === "and" ? key.keys.filter((each) => each.key === "set" || each.key === "and") : []
  return narrowing.reduce((left, each) => intersection(left, candidates(view, each)), all)
}

/** Whether `candidates` leaves nothing to be looked at: these messages are what was searched for. */
export function isSettled(key: SearchKey): boolean {
  return key.key === "all" || key.key === "set" || (key.key === "and" && key.keys.every(isSettled))
}

/** Whether mod-sequences are to be told (RFC 7162 §3.1.5). */
export function mentionsModseq(key: SearchKey): boolean {
  if (key.key === "and") return key.keys.some(mentionsModseq)
  if (key.key === "or") return mentionsModseq(key.left) || mentionsModseq(key.right)
  return key.key === "modseq" || (key.key === "not" && mentionsModseq(key.not))
}

/** Whether a set of message numbers is among the keys; "$" is none. */
export function namesNumbers(key: SearchKey): boolean {
  if (key.key === "and") return key.keys.some(namesNumbers)
  if (key.key === "or") return namesNumbers(key.left) || namesNumbers(key.right)
  if (key.key === "not") return namesNumbers(key.not)
  return key.key === "set" && !key.uid && key.set.kind === "ranges"
}

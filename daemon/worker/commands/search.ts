import type { SearchKey, SearchReturn } from "../../imap/ast.ts"
import { sequenceSetWire, stringWire } from "../../imap/response.ts"
import { type Message, StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { Pace } from "../pace.ts"
import { Refused } from "../refusal.ts"
import type { Range, View } from "../view.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { compile, type Test } from "./search-key.ts"
import { SearchTexts } from "./search-text.ts"

/** Rows read at a time. */
const batchMessages = 500

export const searchFamily: Family<"SEARCH"> = {
  capabilities: [{ name: "ESEARCH", rfc: 4731 }],
  commands: {
    SEARCH: { state: "selected", expunges: "in-uid-form", run: search, holdsExpunges: ({ key }) => namesNumbers(key) },
  },
}

type SearchCommand = CommandOf<"SEARCH">

/** A message that was found: its number or UID as the command wants it, and its mod-sequence. */
type Hit = { number: number; modseq: number }

/** RFC 3501 §6.4.4, RFC 4731 (in IMAP4rev2 always, RFC 9051 §6.4.4), MODSEQ of RFC 7162 §3.1.5. */
async function search(conversation: Conversation, command: SearchCommand): Promise<Completion> {
  refuseCharset(conversation, command)
  const view = conversation.selected()
  const pace = conversation.pace()
  const texts = new SearchTexts(conversation.account.store.contents, pace)
  const test = compile(command.key, { store: conversation.account.store, view, texts })
  const wantsModseq = mentionsModseq(command.key)
  if (wantsModseq) conversation.enableCondstore()
  const onlyFirst = command.returns?.length === 1 && command.returns[0] === "MIN"
  const hits: Hit[] = []
  for (const batch of view.batches(candidates(view, command.key), batchMessages)) {
    for (const { uid, modseq } of await matching(conversation, view, test, batch, pace)) {
      const number = command.uid ? uid : view.sequenceOf(uid)
      if (number !== null) hits.push({ number, modseq })
    }
    if (onlyFirst && hits.length > 0) break
  }
  const returns = command.returns ?? (conversation.rev2 ? ["ALL" as const] : null)
  if (returns === null) await tellSearch(conversation, hits, wantsModseq)
  else tellExtended(conversation, command, returns, hits, wantsModseq)
  // RFC 5530 §3: some of these numbers may be of messages that are gone; a NOOP would say which.
  return { ...(view.expungesHeld && !command.uid ? { code: "EXPUNGEISSUED" as const } : {}), text: "SEARCH completed" }
}

/** RFC 6855 §3: after UTF8=ACCEPT there is one charset. IMAP4rev2 permits to name it (RFC 9051 §6.4.4). */
function refuseCharset({ utf8Accept, rev2 }: Conversation, { charset }: SearchCommand): void {
  if (utf8Accept && !rev2 && charset !== null)
    throw new Refused({ status: "BAD", text: "After ENABLE UTF8=ACCEPT there is no CHARSET" })
}

/** The messages of a batch that pass. It waits only when a test or the pace wants it: most searches never do. */
async function matching(
  { account }: Conversation,
  view: View,
  test: Test,
  batch: Range[],
  pace: Pace,
): Promise<Message[]> {
  const found: Message[] = []
  for (const message of [...account.store.messages.rows(view.state.mailbox, batch)]) {
    const answer = passes(test, message)
    const passed: boolean = typeof answer === "boolean" ? answer : await answer
    if (passed) found.push(message)
    if (pace.due) await pace.rest()
  }
  return found
}

/** A message that another session expunged after its row was read passes nothing. */
function passes(test: Test, message: Message): boolean | Promise<boolean> {
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

/** What a set among the keys leaves to be looked at; without one, everything. */
function candidates(view: View, key: SearchKey): Range[] {
  if (key.key === "set") return view.resolve(key.set, key.uid)
  const set = key.key === "and" ? key.keys.find((each) => each.key === "set") : undefined
  if (set !== undefined) return candidates(view, set)
  return view.state.uids.length === 0 ? [] : [[0, view.state.uids.length - 1]]
}

/** Whether a set of message numbers is among the keys. */
function namesNumbers(key: SearchKey): boolean {
  if (key.key === "and") return key.keys.some(namesNumbers)
  if (key.key === "or") return namesNumbers(key.left) || namesNumbers(key.right)
  if (key.key === "not") return namesNumbers(key.not)
  return key.key === "set" && !key.uid
}

function mentionsModseq(key: SearchKey): boolean {
  if (key.key === "and") return key.keys.some(mentionsModseq)
  if (key.key === "or") return mentionsModseq(key.left) || mentionsModseq(key.right)
  return key.key === "modseq" || (key.key === "not" && mentionsModseq(key.not))
}

/** RFC 3501 §7.2.5; RFC 7162 §3.1.6 for the mod-sequence, which is the highest of what was found. */
async function tellSearch({ writer }: Conversation, hits: Hit[], wantsModseq: boolean): Promise<void> {
  writer.text("* SEARCH")
  for (const { number } of hits) {
    writer.text(` ${number}`)
    if (writer.congested) await writer.drained()
  }
  writer.text(wantsModseq && hits.length > 0 ? ` (MODSEQ ${highest(hits)})\r\n` : "\r\n")
}

/** RFC 4731 §3.1: one ESEARCH; MIN, MAX and ALL are left out when nothing was found. */
function tellExtended(
  { writer }: Conversation,
  { tag, uid }: SearchCommand,
  returns: SearchReturn[],
  hits: Hit[],
  wantsModseq: boolean,
): void {
  writer
    .text("* ESEARCH (TAG ")
    .bytes(stringWire(tag))
    .text(`)${uid ? " UID" : ""}`)
  const first = hits[0]
  const last = hits.at(-1)
  if (returns.includes("MIN") && first !== undefined) writer.text(` MIN ${first.number}`)
  if (returns.includes("MAX") && last !== undefined) writer.text(` MAX ${last.number}`)
  if (returns.includes("ALL") && first !== undefined)
    writer.text(` ALL ${sequenceSetWire(hits.map(({ number }) => number))}`)
  if (returns.includes("COUNT")) writer.text(` COUNT ${hits.length}`)
  if (wantsModseq && hits.length > 0) writer.text(` MODSEQ ${highest(returned(returns, hits))}`)
  writer.text("\r\n")
}

/** RFC 4731 §3.2: with MIN or MAX and nothing else, only these messages count as returned. */
function returned(returns: SearchReturn[], hits: Hit[]): Hit[] {
  if (returns.includes("ALL") || returns.includes("COUNT")) return hits
  const ends = [returns.includes("MIN") ? hits[0] : undefined, returns.includes("MAX") ? hits.at(-1) : undefined]
  return ends.filter((hit) => hit !== undefined)
}

function highest(hits: Hit[]): number {
  return hits.reduce((most, { modseq }) => Math.max(most, modseq), 0)
}

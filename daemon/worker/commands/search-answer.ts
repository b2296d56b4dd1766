import type { FetchItem, PartialRange, SearchReturn } from "../../imap/ast.ts"
import { sequenceSetWire, stringWire } from "../../imap/response.ts"
import type { Message } from "../../store/types.ts"
import type { Members } from "../context-members.ts"
import type { Conversation } from "../conversation.ts"
import { type Permitted, partial, permitted, refuseBeyond } from "../message-limit.ts"
import { partialSlice, type Range, type View } from "../view.ts"
import type { CommandOf, Completion } from "./command.ts"
import { candidates, mentionsModseq } from "./search-run.ts"
import { keepUpdated, refuseTagReuse, sayNoUpdate } from "./search-update.ts"

/** A message that was found: its UID, its number or UID as the command wants it, and its mod-sequence. */
export type Hit = { uid: number; number: number; modseq: number }

/** What is known of a message that was found; its mod-sequence only where the key mentions it. */
export type Found = Pick<Message, "uid" | "modseq">

/** Gives those of these messages that match, in the order wanted; `onlyFirst` stops soon after the first. */
export type Find = (ranges: Range[], onlyFirst: boolean) => Promise<readonly Found[]>

export type Searching = CommandOf<"SEARCH"> | CommandOf<"SORT">

/** How a result is found, in its order, and what keeps it up to date in that order. */
export type Arrangement = {
  find: Find
  /** Of what was found, these the client knows. */
  members: (told: readonly Hit[]) => Members
}

/**
 * What SEARCH and SORT have in common: finds, saves, answers.
 *
 * RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 5267 §3, RFC 9394 §3.1, MODSEQ of RFC 7162 §3.1.5.
 */
export async function answerSearch(
  conversation: Conversation,
  command: Searching,
  arrangement: Arrangement,
): Promise<Completion> {
  const view = conversation.selected()
  const saves = command.returns?.includes("SAVE") === true
  const updates = updatedItems(command.returns ?? [])
  if (updates !== null) refuseTagReuse(conversation, command.tag)
  const { ranges, lowest } = toSearch(conversation, view, command)
  // RFC 5182 §2.1: a search that fails leaves nothing behind; but the search itself may still ask for "$".
  const hits = await findInOrder(conversation, view, command, ranges, arrangement).catch((error: unknown) => {
    if (saves) view.saved = []
    throw error
  })
  const wantsModseq = mentionsModseq(command.key)
  const returns = command.returns ?? returnsUnasked(conversation, command)
  // RFC 9738 §3.1: a part of the whole is told from its highest UID down.
  const told = lowest === null ? hits : hits.toReversed()
  if (returns === null) await tellNumbers(conversation, command.name, told, wantsModseq)
  else tellExtended(conversation, command, returns, hits, wantsModseq)
  if (command.returns !== null && saves) view.saved = savedUids(command.returns, hits)
  if (updates !== null && lowest === null) keepUpdated(conversation, command, hits, arrangement, updates)
  else if (updates !== null) sayNoUpdate(conversation, command.tag)
  const code = command.uid ? {} : await conversation.codeForNumbers()
  return partial(conversation, { ...code, text: `${command.name} completed` }, lowest)
}

/** RFC 9051 §6.4.4: in IMAP4rev2 SEARCH is always answered by ESEARCH; of SORT it says nothing. */
function returnsUnasked({ rev2 }: Conversation, { name }: Searching): SearchReturn[] | null {
  return rev2 && name === "SEARCH" ? ["ALL"] : null
}

/** RFC 9738 §3.1, §3.3: SEARCH looks at the newest messages that it may, SORT at all or none. @throws Refused */
function toSearch(conversation: Conversation, view: View, { name, key }: Searching): Permitted {
  const ranges = candidates(view, key)
  if (name === "SEARCH") return permitted(conversation, view, ranges)
  refuseBeyond(conversation, ranges)
  return { ranges, lowest: null }
}

async function findInOrder(
  conversation: Conversation,
  view: View,
  command: Searching,
  ranges: Range[],
  { find }: Arrangement,
): Promise<Hit[]> {
  if (mentionsModseq(command.key)) conversation.enableCondstore()
  const onlyFirst = command.name === "SEARCH" && command.returns?.length === 1 && command.returns[0] === "MIN"
  return hitsOf(view, await find(ranges, onlyFirst), command.uid)
}

/** In the same order, without what the client does not know. */
export function hitsOf(view: View, found: readonly Found[], asUid: boolean): Hit[] {
  const hits: Hit[] = []
  for (const { uid, modseq } of found) {
    const number = asUid ? uid : view.sequenceOf(uid)
    if (number !== null) hits.push({ uid, number, modseq })
  }
  return hits
}

const numbersAtOnce = 1000

/** RFC 3501 §7.2.5, RFC 5256 §4; RFC 7162 §3.1.6 for the mod-sequence, which is the highest of what was found. */
async function tellNumbers(
  { writer }: Conversation,
  name: "SEARCH" | "SORT",
  hits: readonly Hit[],
  wantsModseq: boolean,
): Promise<void> {
  writer.text(`* ${name}`)
  for (let at = 0; at < hits.length; at += numbersAtOnce) {
    let numbers = ""
    for (const { number } of hits.slice(at, at + numbersAtOnce)) numbers += ` ${number}`
    writer.text(numbers)
    if (writer.congested) await writer.drained()
  }
  writer.text(wantsModseq && hits.length > 0 ? ` (MODSEQ ${highest(hits)})\r\n` : "\r\n")
}

/** RFC 4731 §3.1: one ESEARCH. RFC 5182 §2.1: none when SAVE is all that was asked for. */
function tellExtended(
  { writer }: Conversation,
  { tag, uid }: { tag: string; uid: boolean },
  returns: readonly SearchReturn[],
  hits: readonly Hit[],
  wantsModseq: boolean,
): void {
  if (returns.every((each) => each === "SAVE")) return
  writer
    .text("* ESEARCH (TAG ")
    .bytes(stringWire(tag))
    .text(`)${uid ? " UID" : ""}${returnData(returns, hits, wantsModseq)}\r\n`)
}

/**
 * search-return-data, with a space before each: MIN, MAX and ALL are left out when nothing was found (RFC 4731
 * §3.1), PARTIAL is NIL then (RFC 9394 §3.1). Hits are in the order of the result.
 */
export function returnData(returns: readonly SearchReturn[], hits: readonly Hit[], wantsModseq: boolean): string {
  const data: string[] = []
  const [first, last] = [hits[0], hits.at(-1)]
  if (returns.includes("MIN") && first !== undefined) data.push(` MIN ${first.number}`)
  if (returns.includes("MAX") && last !== undefined) data.push(` MAX ${last.number}`)
  if (returns.includes("ALL") && first !== undefined) data.push(` ALL ${setOf(hits)}`)
  if (returns.includes("COUNT")) data.push(` COUNT ${hits.length}`)
  const range = partialOf(returns)
  if (range !== null) {
    const part = hits.slice(...partialSlice(range, hits.length))
    data.push(` PARTIAL (${range.join(":")} ${part.length === 0 ? "NIL" : setOf(part)})`)
  }
  if (wantsModseq && hits.length > 0) data.push(modseqOf(returns, hits))
  return data.join("")
}

/** RFC 4731 §3.2: with MIN, MAX or PARTIAL and nothing else, only these messages count as returned. */
function modseqOf(returns: readonly SearchReturn[], hits: readonly Hit[]): string {
  const counted = chosen(returns, hits) ?? hits
  return counted.length === 0 ? "" : ` MODSEQ ${highest(counted)}`
}

/**
 * The UIDs that "$" stands for afterwards, ascending: with MIN, MAX or PARTIAL and nothing that means all, only
 * these messages (RFC 5182 §2.4, RFC 9394 §3.2).
 */
export function savedUids(returns: readonly SearchReturn[], hits: readonly Hit[]): number[] {
  const uids = (chosen(returns, hits) ?? hits).map(({ uid }) => uid)
  return [...new Set(uids)].sort((a, b) => a - b)
}

/** What MIN, MAX and PARTIAL pick; null when ALL or COUNT, or nothing at all, makes it everything. */
function chosen(returns: readonly SearchReturn[], hits: readonly Hit[]): Hit[] | null {
  const range = partialOf(returns)
  if (returns.includes("ALL") || returns.includes("COUNT")) return null
  if (range === null && !returns.includes("MIN") && !returns.includes("MAX")) return null
  const ends = [returns.includes("MIN") ? hits[0] : undefined, returns.includes("MAX") ? hits.at(-1) : undefined]
  const part = range === null ? [] : hits.slice(...partialSlice(range, hits.length))
  return [...ends.filter((hit) => hit !== undefined), ...part]
}

function partialOf(returns: readonly SearchReturn[]): PartialRange | null {
  return returns.find((each) => typeof each === "object" && "partial" in each)?.partial ?? null
}

/** What is to be fetched of new results; null when the result is not to be kept up to date. */
export function updatedItems(returns: readonly SearchReturn[]): FetchItem[] | null {
  return returns.find((each) => typeof each === "object" && "update" in each)?.update ?? null
}

/** RFC 5267 §3.2: ranges only where numbers go up by one, so that a sorted result keeps its order. */
function setOf(hits: readonly Hit[]): string {
  return sequenceSetWire(hits.map(({ number }) => number))
}

function highest(hits: readonly Hit[]): number {
  return hits.reduce((most, { modseq }) => Math.max(most, modseq), 0)
}

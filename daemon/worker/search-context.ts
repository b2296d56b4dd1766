import type { FetchItem, SearchKey } from "../imap/ast.ts"
import { type ResponseWriter, sequenceSetWire, stringWire } from "../imap/response.ts"
import type { Store } from "../store/store.ts"
import type { Message } from "../store/types.ts"
import { compile } from "./commands/search-key.ts"
import { passes } from "./commands/search-run.ts"
import { SearchTexts } from "./commands/search-text.ts"
import type { Members, Placement } from "./context-members.ts"
import type { Pace } from "./pace.ts"
import type { View } from "./view.ts"

/** Above every UID: what "*" behind a colon means while messages still come. */
const highestUid = 0xffff_ffff

/**
 * A search key whose answer for a message changes only when the message does: numbers and "$" become the UIDs
 * that they mean now (RFC 5267 §4.3). Null when there is none, because it looks at the clock, or at which
 * message is the last.
 */
export function lastingKey(key: SearchKey, view: View): SearchKey | null {
  switch (key.key) {
    case "and": {
      const keys = key.keys.map((each) => lastingKey(each, view)).filter((each) => each !== null)
      return keys.length === key.keys.length ? { key: "and", keys } : null
    }
    case "or": {
      const [left, right] = [lastingKey(key.left, view), lastingKey(key.right, view)]
      return left === null || right === null ? null : { key: "or", left, right }
    }
    case "not": {
      const not = lastingKey(key.not, view)
      return not === null ? null : { key: "not", not }
    }
    case "within":
      return null
    case "set":
      return lastingSet(key, view)
    default:
      return key
  }
}

function lastingSet({ uid, set }: Extract<SearchKey, { key: "set" }>, view: View): SearchKey | null {
  if (!uid || set.kind === "saved") {
    return { key: "set", uid: true, set: { kind: "ranges", ranges: view.uidRanges(view.resolveWithin(set, uid)) } }
  }
  const last = view.state.uids.at(-1) ?? 0
  const openEnded = set.ranges.filter((range) => range.includes(Number.POSITIVE_INFINITY))
  // "n:*" means the last message, whichever that is, as long as there is none from n on.
  if (openEnded.some((range) => Math.min(...range) > last)) return null
  const ranges = set.ranges.map(([a, b]): [number, number] => [Math.min(a, highestUid), Math.min(b, highestUid)])
  return { key: "set", uid: true, set: { kind: "ranges", ranges } }
}

/** How much there is to remember of the sets in a key: "$" can be long, and be there many times. */
export function rangesIn(key: SearchKey): number {
  if (key.key === "and") return key.keys.reduce((sum, each) => sum + rangesIn(each), 0)
  if (key.key === "or") return rangesIn(key.left) + rangesIn(key.right)
  if (key.key === "not") return rangesIn(key.not)
  return key.key === "set" && key.set.kind === "ranges" ? key.set.ranges.length : 0
}

/** A search that is to be kept up to date: its key is a lasting one, `items` are told of new messages that it finds (RFC 5465 §7). */
export type KeptSearch = { tag: string; uid: boolean; key: SearchKey; items: readonly FetchItem[] }

/** What changed in a result: first what went, then what came. */
export type Turnover = { added: Placement[]; removed: Placement[] }

/** The result of one search, kept as the mailbox changes (RFC 5267 §4.3). */
export class SearchContext {
  readonly items: readonly FetchItem[]
  readonly members: Members
  readonly #tag: string
  readonly #uid: boolean
  readonly #key: SearchKey

  /** `members` are what the client was told of, or could ask for. */
  constructor({ tag, uid, key, items }: KeptSearch, members: Members) {
    this.items = items
    this.#tag = tag
    this.#uid = uid
    this.#key = key
    this.members = members
  }

  /**
   * RFC 5267 §4.3.4: to be said before the EXPUNGE, while the numbers are good. Both lists name the same
   * messages, `sequences` from the highest down and `uids` up.
   */
  tellExpunged(writer: ResponseWriter, sequences: readonly number[], uids: readonly number[]): void {
    const gone = this.members.remove(uids)
    if (gone.length === 0) return
    const numberOf = new Map(this.#uid ? [] : uids.map((uid, index) => [uid, sequences.at(-1 - index) ?? 0]))
    this.#tell(
      writer,
      placed("REMOVEFROM", gone, (uid) => numberOf.get(uid) ?? uid),
    )
  }

  /** Takes in what changed or came, given in UID order. @throws ClientGone */
  async take(store: Store, view: View, news: readonly Message[], pace: Pace): Promise<Turnover> {
    const texts = new SearchTexts(store.contents, pace)
    // What was too long was refused before it came here.
    const test = compile(this.#key, { store, view, texts, pace, maxCharacters: Number.POSITIVE_INFINITY })
    const added: Message[] = []
    const removed: number[] = []
    for (const message of news) {
      if (view.sequenceOf(message.uid) === null) continue
      const found = await passes(test, message)
      if (pace.due) await pace.rest()
      if (found === this.members.has(message.uid)) continue
      if (found) added.push(message)
      else removed.push(message.uid)
    }
    return { removed: this.members.remove(removed), added: this.members.add(added) }
  }

  /** RFC 5267 §4.3.3: to be said after EXISTS, and after FETCH (RFC 5465 §5.1, §7). */
  tellTurnover(writer: ResponseWriter, view: View, { added, removed }: Turnover): void {
    const numberOf = (uid: number) => (this.#uid ? uid : (view.sequenceOf(uid) ?? 0))
    const data = placed("REMOVEFROM", removed, numberOf) + placed("ADDTO", added, numberOf)
    if (data !== "") this.#tell(writer, data)
  }

  #tell(writer: ResponseWriter, data: string): void {
    writer
      .text("* ESEARCH (TAG ")
      .bytes(stringWire(this.#tag))
      .text(`)${this.#uid ? " UID" : ""}${data}\r\n`)
  }
}

/** ret-data-addto = "ADDTO" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")" (RFC 5267 §5). */
function placed(name: string, placements: readonly Placement[], numberOf: (uid: number) => number): string {
  if (placements.length === 0) return ""
  const pairs = placements.map(({ position, uids }) => `${position} ${sequenceSetWire(uids.map(numberOf))}`)
  return ` ${name} (${pairs.join(" ")})`
}

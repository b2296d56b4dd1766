import type { PartialRange, SequenceSet } from "../imap/ast.ts"
import type { Change, Store } from "../store/store.ts"
import type { Mailbox, Marked, Message } from "../store/types.ts"
import { Refused } from "./refusal.ts"
import type { SearchContext } from "./search-context.ts"

/** First and last, both included: of indexes into `uids`, or of UIDs. */
export type Range = [first: number, last: number]

/** What one client has been told of its selected mailbox; plain data, so that it can be put away and resumed. */
export type ViewState = {
  mailbox: number
  readOnly: boolean
  /** The message with sequence number n is `uids[n - 1]`; expunged ones stay until the client was told. */
  uids: number[]
  /** UIDs from here on have not been told. */
  uidNext: number
  /** Flags and new messages are told up to this mod-sequence. */
  toldChanges: number
  /** Expunges are told up to this one, which may be older: they have to wait for their moment. */
  toldExpunges: number
  /** UIDs that are \Recent for this client (RFC 3501 §2.3.2), ascending. */
  recent: Range[]
  /** How many keywords of the mailbox were told; there are never fewer later. */
  keywords: number
}

/** What may be told at a moment, and is wanted (RFC 3501 §7.4.1, RFC 5465 §5). */
export type Moment = {
  /** Of all messages that are gone, of those that this client took away itself, or of none. */
  expunges: "all" | "own" | "none"
  /** New messages and changed ones, new ones only, or neither. */
  news: "all" | "arrivals" | "none"
}

/** What is new, in the order in which it must be said. */
export type ViewUpdate = {
  /** Sequence numbers, highest first, so that none moves another. */
  expunged: number[]
  /** The UIDs of the same messages, ascending, for clients that are told these (RFC 7162 §3.2.10, RFC 9586 §3). */
  vanished: number[]
  /** Whether one of them was \Recent. */
  fewerRecent: boolean
  /** New number of messages, or null when none came. */
  exists: number | null
  changed: { sequence: number; message: Marked }[]
  /** New messages that this client did not bring itself. */
  arrived: Message[]
  /** All messages that changed or came, those that this client changed itself too. */
  news: Message[]
}

type Gone = Pick<ViewUpdate, "expunged" | "vanished" | "fewerRecent">

/** Another session deleted the mailbox that this client has selected. */
export class MailboxGone extends Error {
  constructor() {
    super("the selected mailbox was deleted")
    this.name = "MailboxGone"
  }
}

const nothingNew: ViewUpdate = {
  expunged: [],
  vanished: [],
  fewerRecent: false,
  exists: null,
  changed: [],
  arrived: [],
  news: [],
}

/** Above every UID. */
const noUid = 2 ** 32

/**
 * The selected mailbox as one client knows it. The mailbox changes under it (by other connections, by
 * delivery), the view only when `update` is called, at a moment when the client may be told.
 */
export class View {
  readonly state: ViewState
  /** Mod-sequences of what this client itself changed and was already told; each is of one of its transactions. */
  readonly #own = new Set<number>()
  /** UIDs that came and that went by this client's own doing, until that was told. */
  readonly #ownArrivals = new Set<number>()
  readonly #ownExpunges = new Set<number>()
  /** UIDs of the last search that was saved, ascending: what "$" stands for (RFC 5182). */
  saved: readonly number[] = []
  #resolved: { saved: readonly number[]; uids: readonly number[]; ranges: Range[]; byUid: Range[] } | null = null
  /** Searches whose changes the client wants to hear of, by the tag of their command (RFC 5267 §4.3). */
  readonly contexts = new Map<string, SearchContext>()
  /** What happened since the last update. */
  #since: "nothing" | "own flags" | "more" = "nothing"
  #expungesHeld = false
  /** Changes of flags are kept from the client, so one of its own cannot stand for those before it. */
  #flagsHeld = false
  /** There are such changes. */
  #flagsChanged = false

  constructor(state: ViewState) {
    this.state = state
  }

  /** Selects: reads the UIDs and, unless read-only, takes what is \Recent (RFC 3501 §2.3.2: by one session only). */
  static open(store: Store, mailbox: Mailbox, readOnly: boolean): View {
    const { id, uidNext, highestModseq } = mailbox
    const recentFrom = store.mailboxes.recentFrom(id, !readOnly)
    return new View({
      mailbox: id,
      readOnly,
      uids: store.messages.uids(id),
      uidNext,
      toldChanges: highestModseq,
      toldExpunges: highestModseq,
      recent: recentFrom < uidNext ? [[recentFrom, uidNext - 1]] : [],
      keywords: 0,
    })
  }

  /** The store says what changed in this mailbox, and whether this client did it. */
  notice(change: Change, own: boolean): void {
    this.#since = own && change.what === "flags" && this.#since !== "more" ? "own flags" : "more"
    if (change.what === "flags") this.#flagsChanged = true
    if (!own) return
    if (change.what === "added") for (const uid of change.uids) this.#ownArrivals.add(uid)
    if (change.what === "expunged") for (const uid of change.uids) this.#ownExpunges.add(uid)
  }

  get dirty(): boolean {
    return this.#since !== "nothing"
  }

  /** Messages which the client still counts are gone; it would learn that from a NOOP. */
  get expungesHeld(): boolean {
    return this.#expungesHeld
  }

  /** Everything up to this mod-sequence is told, expunges too: what a client may resynchronise from (RFC 7162 §3.2). */
  get toldModseq(): number {
    return this.#expungesHeld ? this.state.toldExpunges : this.state.toldChanges
  }

  /**
   * What this client changed by a transaction of its own, already told, is not to be told again. When nothing else
   * happened, it need not even be read.
   */
  told(modseq: number): void {
    if (this.#flagsHeld) return
    if (this.#since === "own flags" && this.contexts.size === 0 && modseq === this.state.toldChanges + 1) {
      this.state.toldChanges = modseq
      this.#since = "nothing"
      this.#flagsChanged = false
    } else this.#own.add(modseq)
  }

  /**
   * Reads what changed since the last time and makes it the view, as far as it may be told; expunged messages
   * that may not keep their numbers until a later call.
   *
   * @throws MailboxGone
   */
  update(store: Store, { expunges, news: wanted }: Moment): ViewUpdate {
    this.#flagsHeld = wanted !== "all"
    if (!this.dirty && !(expunges !== "none" && this.#expungesHeld)) return nothingNew
    const mailbox = store.mailboxes.byId(this.state.mailbox)
    if (mailbox === undefined || !mailbox.selectable) throw new MailboxGone()
    const gone = this.#expunge(store, mailbox, expunges)
    if (wanted === "none") return { ...nothingNew, ...gone }
    const news = this.#news(store, mailbox)
    const changed = wanted === "all" ? this.#changed(store, mailbox, news) : []
    const arrivals = this.#append(store, mailbox, news)
    if (wanted === "all") {
      this.#own.clear()
      this.#since = "nothing"
      this.#flagsChanged = false
    }
    if (!this.#flagsChanged) this.state.toldChanges = mailbox.highestModseq
    return { ...gone, ...arrivals, changed, news }
  }

  #expunge(store: Store, mailbox: Mailbox, which: Moment["expunges"]): Gone {
    const { state } = this
    const expunged: number[] = []
    const vanished: number[] = []
    this.#expungesHeld = false
    for (const gone of store.messages.expungedSince(mailbox.id, state.toldExpunges).reverse()) {
      for (const index of this.#within(gone).reverse()) {
        const uid = state.uids[index] ?? 0
        if (which === "none" || (which === "own" && !this.#ownExpunges.has(uid))) {
          this.#expungesHeld = true
          continue
        }
        expunged.push(index + 1)
        vanished.push(uid)
      }
    }
    const told = new Set(vanished)
    if (told.size > 0) state.uids = state.uids.filter((uid) => !told.has(uid))
    if (which !== "none") this.#ownExpunges.clear()
    if (which === "all") state.toldExpunges = mailbox.highestModseq
    return { expunged, vanished: vanished.reverse(), fewerRecent: vanished.some((uid) => this.isRecent(uid)) }
  }

  /** What came; and what changed where kept searches look at it, also when the client does not want to hear of it. */
  #news(store: Store, { id }: Mailbox): Message[] {
    const { toldChanges, uidNext } = this.state
    const came: Range = [uidNext, noUid]
    if (this.contexts.size === 0) return [...store.messages.rows(id, [came])]
    const changed = store.messages.changedUids(id, toldChanges).filter((uid) => uid < uidNext)
    return [...store.messages.rows(id, merged([...changed.map((uid): Range => [uid, uid]), came]))]
  }

  #changed(store: Store, { id }: Mailbox, news: readonly Message[]): ViewUpdate["changed"] {
    const changed: ViewUpdate["changed"] = []
    // With kept searches the news have them all.
    const marked = this.contexts.size > 0 ? news : store.messages.changedSince(id, this.state.toldChanges)
    for (const message of marked) {
      if (message.uid >= this.state.uidNext || this.#own.has(message.modseq)) continue
      const sequence = this.sequenceOf(message.uid)
      if (sequence !== null) changed.push({ sequence, message })
    }
    return changed
  }

  #append(store: Store, mailbox: Mailbox, news: Message[]): Pick<ViewUpdate, "exists" | "arrived"> {
    const { state } = this
    const fresh = news.filter((message) => message.uid >= state.uidNext)
    if (fresh.length > 0) {
      const recentFrom = Math.max(store.mailboxes.recentFrom(mailbox.id, !state.readOnly), state.uidNext)
      if (recentFrom < mailbox.uidNext) state.recent = merged([...state.recent, [recentFrom, mailbox.uidNext - 1]])
      for (const { uid } of fresh) state.uids.push(uid)
    }
    state.uidNext = Math.max(state.uidNext, mailbox.uidNext)
    const arrived = fresh.filter(({ uid }) => !this.#ownArrivals.has(uid))
    this.#ownArrivals.clear()
    return { exists: fresh.length > 0 ? state.uids.length : null, arrived }
  }

  isRecent(uid: number): boolean {
    return isWithin(this.state.recent, uid)
  }

  /** How many messages are \Recent. */
  get recentCount(): number {
    return this.state.recent.reduce((sum, [first, last]) => sum + this.#from(last + 1) - this.#from(first), 0)
  }

  /** The sequence number of a UID, or null when the client does not know it. */
  sequenceOf(uid: number): number | null {
    const index = this.#from(uid)
    return this.state.uids[index] === uid ? index + 1 : null
  }

  /** Of UIDs, ascending ranges, those that the client does not count. */
  unknownOf(ranges: readonly Range[]): Range[] {
    const unknown: Range[] = []
    for (const [first, last] of ranges) {
      let next = first
      for (const index of this.#within([first, last])) {
        const uid = this.state.uids[index] ?? 0
        if (next < uid) unknown.push([next, uid - 1])
        next = uid + 1
      }
      if (next <= last) unknown.push([next, last])
    }
    return unknown
  }

  /** Indexes of the UIDs in a range, ascending. */
  #within([first, last]: Range): number[] {
    const from = this.#from(first)
    return Array.from({ length: this.#from(last + 1) - from }, (_, at) => from + at)
  }

  /** Index of the first UID that is not below. */
  #from(uid: number): number {
    const { uids } = this.state
    let low = 0
    let high = uids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((uids[middle] ?? 0) < uid) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * The messages a sequence set names, as sorted ranges of indexes without overlap. UIDs that do not exist
   * are passed over (RFC 3501 §6.4.8), and so is what was expunged of "$" (RFC 5182 §2.1).
   *
   * @throws Refused BAD for a sequence number above the number of messages, "*" in an empty mailbox
   *   included (RFC 3501 §9, seq-number)
   */
  resolve(set: SequenceSet, uid: boolean): Range[] {
    if (set.kind === "saved") return this.#savedRanges()
    return merged(uid ? this.#resolveUids(set.ranges) : this.#resolveSequence(set.ranges))
  }

  /** As `resolve`, for search keys: there numbers that no message has are no error (RFC 7377 §2). */
  resolveWithin(set: SequenceSet, uid: boolean): Range[] {
    if (set.kind === "saved" || uid) return this.resolve(set, uid)
    const count = this.state.uids.length
    const within = set.ranges
      .map(([a, b]): Range => [a === Infinity ? count : a, b === Infinity ? count : b])
      .map(([a, b]): Range => [Math.min(a, b) - 1, Math.min(Math.max(a, b), count) - 1])
      .filter(([first, last]) => first >= 0 && first <= last)
    return merged(within)
  }

  /** Worked out once for all the "$" of a command. What is appended to the view moves no index. */
  #savedRanges(): Range[] {
    const { saved, state } = this
    if (this.#resolved?.saved !== saved || this.#resolved.uids !== state.uids) {
      const ranges = this.rangesOf(saved)
      this.#resolved = { saved, uids: state.uids, ranges, byUid: this.uidRanges(ranges) }
    }
    return this.#resolved.ranges
  }

  /** UIDs in ascending order as ranges of indexes, those that the client does not know left out. */
  rangesOf(uids: readonly number[]): Range[] {
    const ranges: Range[] = []
    for (const uid of uids) {
      const sequence = this.sequenceOf(uid)
      if (sequence === null) continue
      const before = ranges.at(-1)
      if (before !== undefined && sequence <= before[1] + 2) before[1] = sequence - 1
      else ranges.push([sequence - 1, sequence - 1])
    }
    return ranges
  }

  #resolveUids(ranges: readonly Range[]): Range[] {
    const highest = this.state.uids.at(-1)
    if (highest === undefined) return []
    return ranges
      .map(([a, b]): Range => [a === Infinity ? highest : a, b === Infinity ? highest : b])
      .map(([a, b]): Range => [this.#from(Math.min(a, b)), this.#from(Math.max(a, b) + 1) - 1])
      .filter(([first, last]) => first <= last)
  }

  #resolveSequence(ranges: readonly Range[]): Range[] {
    const count = this.state.uids.length
    return ranges.map(([from, to]): Range => {
      const a = from === Infinity ? count : from
      const b = to === Infinity ? count : to
      if (Math.min(a, b) < 1 || Math.max(a, b) > count) {
        throw new Refused({ status: "BAD", text: `There are ${count} messages` })
      }
      return [Math.min(a, b) - 1, Math.max(a, b) - 1]
    })
  }

  /** UIDs at these indexes, ascending. */
  uidsIn(ranges: Range[]): number[] {
    return ranges.flatMap(([first, last]) => this.state.uids.slice(first, last + 1))
  }

  /** Ranges of indexes as ranges of UIDs: what is between two UIDs of a view is in the view, or gone. */
  uidRanges(ranges: readonly Range[]): Range[] {
    if (ranges === this.#resolved?.ranges) return this.#resolved.byUid
    return ranges.map(([first, last]): Range => [this.state.uids[first] ?? 0, this.state.uids[last] ?? 0])
  }

  /** UIDs of the view within ranges of UIDs. */
  uidsBetween(ranges: Range[]): number[] {
    return ranges.flatMap(([first, last]) => this.state.uids.slice(this.#from(first), this.#from(last + 1)))
  }

  /**
   * The same messages as ranges of UIDs, so many at a time: the unit of work between two yields. A size that is a
   * function is asked before each batch.
   */
  *batches(ranges: readonly Range[], size: number | (() => number), order: "up" | "down" = "up"): Generator<Range[]> {
    // These stay what was meant, whatever is told as expunged meanwhile.
    const { uids } = this.state
    const left = order === "up" ? ranges.toReversed() : [...ranges]
    while (left.length > 0) {
      const batch: Range[] = []
      for (let room = typeof size === "number" ? size : size(); room > 0; ) {
        const next = left.pop()
        if (next === undefined) break
        const [[first, last], rest] = cut(next, room, order)
        if (rest !== null) left.push(rest)
        batch.push([uids[first] ?? 0, uids[last] ?? 0])
        room -= last - first + 1
      }
      yield order === "up" ? batch : batch.reverse()
    }
  }

  /** A batch in parts of which none spans more UIDs than this: what lies far apart costs more. */
  *near(batch: readonly Range[], span: number): Generator<Range[]> {
    let part: Range[] = []
    let end = 0
    for (const [from, to] of batch) {
      for (let next = from; next <= to; next = this.state.uids[this.#from(end)] ?? Number.POSITIVE_INFINITY) {
        if (next >= end) {
          if (part.length > 0) yield part
          part = []
          end = next + span
        }
        part.push([next, Math.min(to, end - 1)])
      }
    }
    if (part.length > 0) yield part
  }
}

/** The first `room` of a range, going up, or the last of it; and what is left. */
function cut([first, last]: Range, room: number, order: "up" | "down"): [Range, Range | null] {
  if (last - first < room) return [[first, last], null]
  return order === "up"
    ? [
        [first, first + room - 1],
        [first + room, last],
      ]
    : [
        [last - room + 1, last],
        [first, last - room],
      ]
}

/** The messages of these ranges from the `from`-th to the `to`-th, counted from the end if negative (RFC 9394 §3.3). */
export function partOfRanges(ranges: Range[], partial: PartialRange): Range[] {
  const [first, end] = partialSlice(partial, countOf(ranges))
  let skipped = 0
  return ranges.flatMap(([from, to]): Range[] => {
    const start = from + Math.max(0, first - skipped)
    const last = Math.min(to, from + end - 1 - skipped)
    skipped += to - from + 1
    return start <= last ? [[start, last]] : []
  })
}

/** Which of `count` results a partial range means, as the arguments of `slice` (RFC 9394 §3.1). */
export function partialSlice([near, far]: PartialRange, count: number): [start: number, end: number] {
  return near > 0 ? [near - 1, far] : [Math.max(0, count + far), Math.max(0, count + near + 1)]
}

/** What is in both; each is sorted and without overlap. */
export function intersection(a: Range[], b: Range[]): Range[] {
  const out: Range[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [[from, to], [low, high]] = [a[i] as Range, b[j] as Range]
    if (Math.max(from, low) <= Math.min(to, high)) out.push([Math.max(from, low), Math.min(to, high)])
    if (to < high) i += 1
    else j += 1
  }
  return out
}

/** How many messages such ranges of indexes hold. */
export function countOf(ranges: Range[]): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

/** Whether one of these ranges, sorted and without overlap, has the number. */
export function isWithin(ranges: readonly Range[], number: number): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[middle]?.[1] ?? 0) < number) low = middle + 1
    else high = middle
  }
  return (ranges[low]?.[0] ?? Number.POSITIVE_INFINITY) <= number
}

/** Sorted, and without overlap: a message named twice is meant once. */
export function merged(ranges: Range[]): Range[] {
  const out: Range[] = []
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = out.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else out.push([first, last])
  }
  return out
}

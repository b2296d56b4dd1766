import type { Message } from "../store/types.ts"
import type { Placed } from "./commands/sort-key.ts"

/** Results to be put in, or taken out, from a position on; the first is 1, and 0 is wherever mailbox order has them (RFC 5267 §4.3.3). */
export type Placement = { position: number; uids: number[] }

/** The result of a search that is kept up to date, in its order. */
export interface Members {
  /** About what it takes in memory. */
  readonly octets: number
  has(uid: number): boolean
  /** What of these was in it, as placements that are right one after the other. */
  remove(uids: readonly number[]): Placement[]
  /** New ones, given in UID order. What is gone meanwhile is left out. */
  add(messages: readonly Message[]): Placement[]
}

/** In memory, about: a number in a set; what else there is of a message in an order, apart from texts. */
const octetsInSet = 40
const octetsPlaced = 160

/** Of SEARCH: in mailbox order, so that positions need not be told. */
export class MailboxOrder implements Members {
  readonly #uids: Set<number>

  constructor(uids: Iterable<number>) {
    this.#uids = new Set(uids)
  }

  get octets(): number {
    return this.#uids.size * octetsInSet
  }

  has(uid: number): boolean {
    return this.#uids.has(uid)
  }

  remove(uids: readonly number[]): Placement[] {
    return somewhere(uids.filter((uid) => this.#uids.delete(uid)))
  }

  add(messages: readonly Message[]): Placement[] {
    for (const { uid } of messages) this.#uids.add(uid)
    return somewhere(messages.map(({ uid }) => uid))
  }
}

function somewhere(uids: number[]): Placement[] {
  return uids.length === 0 ? [] : [{ position: 0, uids }]
}

/** An order, and how a message comes by its place in it. */
export type Sorter = {
  compare: (a: Placed, b: Placed) => number
  place: (messages: readonly Message[]) => Placed[]
}

/** Of SORT: what a message is sorted by never changes, so that each keeps its place among the others. */
export class SortedOrder implements Members {
  readonly #sorter: Sorter
  readonly #uids: Set<number>
  #inOrder: Placed[]
  #octets: number

  /** `placed` is in the order of the sorter. */
  constructor(sorter: Sorter, placed: readonly Placed[]) {
    this.#sorter = sorter
    this.#inOrder = [...placed]
    this.#octets = octetsOf(placed)
    this.#uids = new Set(placed.map(({ uid }) => uid))
  }

  get octets(): number {
    return this.#octets
  }

  has(uid: number): boolean {
    return this.#uids.has(uid)
  }

  /** From the last position to the first: then none of them moves another. */
  remove(uids: readonly number[]): Placement[] {
    const gone = new Set(uids.filter((uid) => this.#uids.delete(uid)))
    if (gone.size === 0) return []
    const placements = runs(this.#inOrder, ({ uid }) => gone.has(uid)).reverse()
    this.#octets -= octetsOf(this.#inOrder.filter(({ uid }) => gone.has(uid)))
    this.#inOrder = this.#inOrder.filter(({ uid }) => !gone.has(uid))
    return placements
  }

  /** From the first position to the last: what is put in before a place has moved it already. */
  add(messages: readonly Message[]): Placement[] {
    const { compare, place } = this.#sorter
    const fresh = place(messages).sort(compare)
    if (fresh.length === 0) return []
    for (const { uid } of fresh) this.#uids.add(uid)
    this.#inOrder = merged(this.#inOrder, fresh, compare)
    this.#octets += octetsOf(fresh)
    const added = new Set(fresh.map(({ uid }) => uid))
    return runs(this.#inOrder, ({ uid }) => added.has(uid))
  }
}

function octetsOf(placed: readonly Placed[]): number {
  let octets = placed.length * (octetsInSet + octetsPlaced)
  for (const { values } of placed) {
    for (const value of values) if (typeof value === "string") octets += value.length * 2
  }
  return octets
}

/** Runs of those that are meant, with the positions at which they stand. */
function runs(inOrder: readonly Placed[], meant: (placed: Placed) => boolean): Placement[] {
  const found: Placement[] = []
  let open: Placement | null = null
  for (const [index, placed] of inOrder.entries()) {
    if (!meant(placed)) {
      open = null
    } else if (open === null) {
      open = { position: index + 1, uids: [placed.uid] }
      found.push(open)
    } else {
      open.uids.push(placed.uid)
    }
  }
  return found
}

function merged(old: readonly Placed[], fresh: readonly Placed[], compare: (a: Placed, b: Placed) => number): Placed[] {
  const out: Placed[] = []
  let at = 0
  for (const each of fresh) {
    for (let next = old[at]; next !== undefined && compare(next, each) < 0; next = old[at]) {
      out.push(next)
      at += 1
    }
    out.push(each)
  }
  for (const rest of old.slice(at)) out.push(rest)
  return out
}

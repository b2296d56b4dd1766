/** A batch is to take about this long: short enough for others, long enough that a commit is a small part of it. */
const goalMs = 12

const least = 10

/** How many messages the first batch has, and how many none exceeds. */
export type Bounds = { first: number; most: number }

/** What a message costs is known only afterwards: a hundred long keywords cost a thousand times as much as none. */
const unknownCost: Bounds = { first: 100, most: 1000 }

/** What is told of a batch waits in memory until it is written; keywords that go take as long as a few messages. */
const batchOctets = 1_000_000

/** Of work that costs nearly the same for every message, when no more than so many octets are told of each, or go with it. */
export function evenCost(octetsEach = 0): Bounds {
  const most = Math.max(least, Math.min(10_000, Math.floor(batchOctets / Math.max(octetsEach, 1))))
  return { first: Math.min(1000, most), most }
}

/** The most that a message can have of the keywords of its mailbox, written, read or removed. */
export function keywordOctets(keywords: readonly string[]): number {
  return keywords.reduce((sum, { length }) => sum + length + 1, 0)
}

/** UIDs that such work may span at a time: messages far apart lie in rows of their own, and cost twenty times as much. */
export const evenSpan = 25_600

/** How many messages are read or changed at one go. */
export class BatchSize {
  readonly #most: number
  #size: number
  #tookMs: number | null = null

  constructor({ first, most }: Bounds = unknownCost) {
    this.#size = first
    this.#most = most
  }

  /** For the next batch, from what the last one took. */
  next(): number {
    if (this.#tookMs !== null) this.#size = following(this.#size, this.#tookMs, this.#most)
    this.#tookMs = null
    return this.#size
  }

  get current(): number {
    return this.#size
  }

  /** Part of the work on a batch during which nobody else has a turn. */
  measure<T>(work: () => T): T {
    const begun = performance.now()
    const result = work()
    this.#tookMs = (this.#tookMs ?? 0) + performance.now() - begun
    return result
  }
}

/** At most twice as many, in case the next messages are of another kind. */
export function following(size: number, tookMs: number, most: number): number {
  const fitting = Math.floor((size * goalMs) / Math.max(tookMs, 1))
  return Math.max(least, Math.min(fitting, size * 2, most))
}

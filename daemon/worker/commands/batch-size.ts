/** A batch is to take about this long: short enough for others, long enough that a commit is a small part of it. */
const goalMs = 12

const first = 100
const least = 10
const most = 1000

/**
 * How many messages are read or changed at one go. What one costs is known only afterwards: one with a hundred
 * long keywords, or a subject of a million characters, costs a thousand times as much as another.
 */
export class BatchSize {
  #size = first
  #tookMs: number | null = null

  /** For the next batch, from what the last one took. */
  next(): number {
    if (this.#tookMs !== null) this.#size = following(this.#size, this.#tookMs)
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
export function following(size: number, tookMs: number): number {
  const fitting = Math.floor((size * goalMs) / Math.max(tookMs, 1))
  return Math.max(least, Math.min(fitting, size * 2, most))
}

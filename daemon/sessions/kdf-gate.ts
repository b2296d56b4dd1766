/**
 * How many password derivations run at one time, over all workers. Each takes tens of MiB and a core, so
 * a flood of logins must queue, and a queue that is full must say so instead of growing.
 */
export class KdfGate {
  readonly #concurrency: number
  readonly #queueLength: number
  readonly #waiting: ((granted: boolean) => void)[] = []
  #running = 0

  constructor(concurrency: number, queueLength: number) {
    this.#concurrency = concurrency
    this.#queueLength = queueLength
  }

  /** True once the derivation may start (then `leave` must follow), false when the queue is full. */
  enter(): Promise<boolean> {
    if (this.#running < this.#concurrency) {
      this.#running++
      return Promise.resolve(true)
    }
    if (this.#waiting.length >= this.#queueLength) return Promise.resolve(false)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next(true)
  }

  /** For `status`. */
  load(): { running: number; waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length }
  }
}

import { setTimeout } from "node:timers/promises"
import { isFull } from "../store/fault.ts"
import type { Store } from "../store/store.ts"
import type { WorkerLog } from "./account.ts"

/** After a change its upkeep waits this long: more changes are likely, and upkeep for many costs less than for each. */
const settleMs = 100

/** While changes follow one another, what has no hurry waits, but no longer than this: a client may never stop. */
const patienceMs = 2000

/**
 * Upkeep of a mailbox beside its connections: what a deletion or a crash left in it, the search index, free pages.
 * It works in slices, and rests after each as long as it took, so that it never has more than half of the time; what
 * has no hurry, after the last of many changes, such as the batches of one long command.
 */
export class Tidying {
  readonly #store: Store
  readonly #log: WorkerLog
  readonly #ended = new AbortController()
  #running: Promise<void> | null = null
  #again = false
  #toldFull = false
  /** When somebody else changed something. */
  #changedAt = 0
  #unlisten = () => {}

  constructor(store: Store, log: WorkerLog) {
    this.#store = store
    this.#log = log
  }

  /** Soon, and after each change of the mailbox from now on. */
  start(): void {
    this.#unlisten = this.#store.onCommit(({ by }) => {
      if (by !== this) this.#changedAt = performance.now()
      this.#wake()
    })
    this.#wake()
  }

  /** Resolves when the store is not used any more. What is left waits for the next start. */
  async stop(): Promise<void> {
    this.#unlisten()
    this.#ended.abort()
    await this.#running
  }

  #wake(): void {
    this.#again = true
    // Not the doing of the client whose change it follows.
    this.#running ??= this.#store
      .by(this, () => this.#run())
      .finally(() => {
        this.#running = null
        if (this.#again) this.#wake()
      })
  }

  /** Never rejects: a damaged page of what nobody sees any more keeps nobody from his mail. */
  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false
        await this.#rest(settleMs)
        await this.#everything()
      }
    } catch (error) {
      this.#again = false
      this.#unlisten()
      if (!this.#ended.signal.aborted)
        this.#log.error({ err: error }, "upkeep of a mailbox failed: it is left for the next login")
    }
  }

  /**
   * Once patience is over it goes on to the end: with a slice now and then a client that adds and deletes without end
   * would fill the disk, quota or not.
   */
  async #everything(): Promise<void> {
    const since = performance.now()
    for (;;) {
      const begun = performance.now()
      const isBusy = begun - this.#changedAt < settleMs && begun - since < patienceMs
      const did = this.#slice(isBusy)
      if (!did && !isBusy) return
      await this.#rest(did ? performance.now() - begun : settleMs)
    }
  }

  /** False when there is nothing to do, or no room to do it: the next change comes when there is. */
  #slice(isBusy: boolean): boolean {
    try {
      return isBusy ? this.#store.tidySoon() : this.#store.tidy()
    } catch (error) {
      if (!isFull(error)) throw error
      if (!this.#toldFull) this.#log.warn({}, "the disk is full: upkeep of a mailbox waits")
      this.#toldFull = true
      return false
    }
  }

  async #rest(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#ended.signal })
  }
}

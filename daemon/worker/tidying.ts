import { isFull } from "../store/fault.ts"
import type { Store } from "../store/store.ts"
import type { WorkerLog } from "./account.ts"
import { Pace } from "./pace.ts"

/** Takes away what a crash left in a mailbox, beside its connections and in slices: a large folder that was being deleted takes long. */
export class Tidying {
  readonly #store: Store
  readonly #log: WorkerLog
  #stopped = false
  #done: Promise<void> = Promise.resolve()

  constructor(store: Store, log: WorkerLog) {
    this.#store = store
    this.#log = log
  }

  start(): void {
    this.#done = this.#run()
  }

  /** Resolves when the store is not used any more. What is left waits for the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  /** Never rejects: a full disk, or a damaged page of what nobody sees any more, keeps nobody from his mail. */
  async #run(): Promise<void> {
    const pace = new Pace(() => false, 0)
    try {
      for (await pace.rest(); !this.#stopped && this.#store.tidy(); await pace.rest());
    } catch (error) {
      if (isFull(error)) this.#log.warn({}, "the disk is full: what a crash left in a mailbox is still there")
      else this.#log.error({ err: error }, "what a crash left in a mailbox could not be removed")
    }
  }
}

import type { Logger } from "pino"
import type { WorkerProcess } from "./worker-process.ts"

/**
 * Workers that are started but belong to nobody yet, so that a login does not wait for a fork. A worker
 * taken from here serves one user and then exits; none ever comes back.
 */
export class WorkerPool {
  readonly #start: () => Promise<WorkerProcess>
  readonly #size: number
  readonly #log: Logger
  readonly #warm: WorkerProcess[] = []
  #starting = 0
  #closed = false

  constructor(start: () => Promise<WorkerProcess>, size: number, log: Logger) {
    this.#start = start
    this.#size = size
    this.#log = log
  }

  /** A ready worker; forked on the spot when none is warm. */
  async take(): Promise<WorkerProcess> {
    const warm = this.#warm.shift()
    setImmediate(() => this.fill())
    return warm ?? (await this.#start())
  }

  /** Starts workers until the pool has its size. Failures are logged and tried again at the next login. */
  fill(): void {
    while (!this.#closed && this.#warm.length + this.#starting < this.#size) {
      this.#starting++
      this.#start()
        .then((worker) => this.#keep(worker))
        .catch((error) => this.#log.error({ err: error }, "a warm worker could not be started"))
        .finally(() => this.#starting--)
    }
  }

  #keep(worker: WorkerProcess): void {
    if (this.#closed) return worker.close("shutdown", 1000)
    this.#warm.push(worker)
    worker.observe({
      message: () => {},
      exit: () => {
        const at = this.#warm.indexOf(worker)
        if (at < 0) return
        this.#warm.splice(at, 1)
        this.#log.warn({ worker: worker.pid }, "a warm worker exited")
      },
    })
  }

  warm(): number {
    return this.#warm.length
  }

  close(): void {
    this.#closed = true
    for (const worker of this.#warm.splice(0)) worker.close("shutdown", 1000)
  }
}

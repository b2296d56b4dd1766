import { setImmediate as nextTurn } from "node:timers/promises"

/** A long command gives way after this long, so that the user's other connections are answered meanwhile. */
const turnMs = 10

/** The connection ended while its command ran; there is nobody to answer. */
export class ClientGone extends Error {
  constructor() {
    super("the client is gone")
    this.name = "ClientGone"
  }
}

/** Divides a long command into turns of bounded length. */
export class Pace {
  readonly #gone: () => boolean
  readonly #turnMs: number
  #since = performance.now()

  constructor(gone: () => boolean, turn = turnMs) {
    this.#gone = gone
    this.#turnMs = turn
  }

  /** To be called when nothing was done since the others had their turn, because there was nothing to do. */
  begin(): void {
    this.#since = performance.now()
  }

  /** True when `rest` is due: lets inner loops stay synchronous. */
  get due(): boolean {
    return performance.now() - this.#since >= this.#turnMs
  }

  /** Between two messages: gives way when it is time. @throws ClientGone */
  async rest(): Promise<void> {
    if (!this.due) return
    await nextTurn()
    if (this.#gone()) throw new ClientGone()
    this.begin()
  }
}

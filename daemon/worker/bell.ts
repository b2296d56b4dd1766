/** Wakes one sleeper; a ring that nobody slept through is heard by the next one. */
export class Bell {
  #rung = false
  #wake: (() => void) | null = null

  /** Ends `sleep`, or keeps the next one from beginning. */
  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Waits until there may be something to do, at most this long; one sleeper at a time. */
  async sleep(limitMs: number): Promise<"rung" | "silence"> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    this.#wake = resolve
    if (!this.#rung) await promise
    clearTimeout(timer)
    this.#wake = null
    const outcome = this.#rung ? "rung" : "silence"
    this.#rung = false
    return outcome
  }
}

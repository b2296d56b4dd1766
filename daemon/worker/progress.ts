import { type ResponseWriter, untagged } from "../imap/response.ts"

/**
 * Tells a client now and then how far a long command is (RFC 9585), so that it neither gives up nor takes the
 * connection for dead. To be used between responses, not in the middle of one.
 */
export class Progress {
  readonly #writer: ResponseWriter
  readonly #tag: string
  readonly #goal: number | null
  readonly #everyMs: number
  #done = 0
  #toldAt = performance.now()

  /** `goal` is null for work that cannot be counted together with what was told before. */
  constructor(writer: ResponseWriter, tag: string, goal: number | null, everyMs: number) {
    this.#writer = writer
    this.#tag = tag
    this.#goal = goal
    this.#everyMs = everyMs
  }

  /** This many more messages are done. Before the last one it may be told. */
  add(messages: number): void {
    this.#done += messages
    if (performance.now() - this.#toldAt < this.#everyMs) return
    if (this.#goal !== null && this.#done >= this.#goal) return
    this.#toldAt = performance.now()
    const state = this.#goal === null ? null : { done: this.#done, goal: this.#goal }
    const code = { code: "INPROGRESS", tag: this.#tag, state } as const
    this.#writer.text(untagged("OK", "Still working", code)).flush()
  }
}

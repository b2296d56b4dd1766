import { type ResponseWriter, untagged } from "../imap/response.ts"

/**
 * Tells a client now and then how far a long command is (RFC 9585), so that it neither gives up nor takes the
 * connection for dead. Only for commands that are not in the middle of another response.
 */
export class Progress {
  readonly #writer: ResponseWriter
  readonly #tag: string
  readonly #goal: number
  readonly #everyMs: number
  #done = 0
  #toldAt = performance.now()

  constructor(writer: ResponseWriter, tag: string, goal: number, everyMs: number) {
    this.#writer = writer
    this.#tag = tag
    this.#goal = goal
    this.#everyMs = everyMs
  }

  /** This many more messages are done. Before the last one it may be told. */
  add(messages: number): void {
    this.#done += messages
    if (this.#done >= this.#goal || performance.now() - this.#toldAt < this.#everyMs) return
    this.#toldAt = performance.now()
    const code = { code: "INPROGRESS", tag: this.#tag, done: this.#done, goal: this.#goal } as const
    this.#writer.text(untagged("OK", "Still working", code)).flush()
  }
}

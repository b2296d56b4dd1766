import { untagged } from "../imap/response.ts"
import type { Conversation } from "./conversation.ts"

/** Middleboxes forget silent connections, often after five minutes; a word now and then also finds dead clients. */
const stillHereMs = 120_000

/** Tells a client things while it says nothing: during IDLE (RFC 2177), and after NOTIFY at any time (RFC 5465). */
export class Push {
  readonly #conversation: Conversation
  #telling: Promise<void> | null = null

  constructor(conversation: Conversation) {
    this.#conversation = conversation
  }

  /**
   * What `awaited` brings; until then the client is told what changes. With `expunges` numbers may change.
   *
   * @throws MailboxGone, and when the client left
   */
  async until<T>(awaited: Promise<T>, expunges: boolean): Promise<T> {
    const { bell, writer } = this.#conversation
    const arrived: { value?: T; yet: boolean } = { yet: false }
    const listening = awaited.finally(() => {
      arrived.yet = true
      bell.ring()
    })
    while (!arrived.yet) {
      await this.#tell(expunges)
      writer.flush()
      if ((await bell.sleep(stillHereMs)) === "silence") writer.text(untagged("OK", "Still here"))
    }
    return listening
  }

  async #tell(expunges: boolean): Promise<void> {
    this.#telling = this.#conversation.tell(expunges)
    try {
      await this.#telling
    } finally {
      this.#telling = null
    }
  }

  /** Writes when no response is half written: for the reader, which invites a literal while something may be pushed. */
  async between(write: () => void): Promise<void> {
    // A failure is the pusher's, who hears of it as well.
    while (this.#telling !== null) await this.#telling.catch(() => {})
    write()
  }
}

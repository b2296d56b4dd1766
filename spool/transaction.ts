import type { Logger } from "pino"
import type { Incoming } from "./incoming.ts"
import type { Queue } from "./queue.ts"
import { SpoolError } from "./queue-files.ts"
import type { Found, Recipients } from "./recipients.ts"
import { type Envelope, Sealer } from "./sealed.ts"

/** Whom the MTA named, and what the directory knew of him. */
export type Accepted = { address: string; found: Found }

/** One reply, as text that begins with the enhanced code (RFC 3463). */
export type Reply = { code: number; text: string }

/** One recipient's copy on its way: DATA -> sealer -> tmp/ -> new/. The first fault ends it; the others go on. */
export class Copy {
  readonly mailbox: string
  readonly address: string
  readonly #found: Found
  readonly #recipients: Recipients
  readonly #log: Logger
  #sealer: Sealer | null = null
  #file: Incoming | null = null
  #reply: Reply | null = null
  #bytes = 0

  constructor(accepted: Accepted, recipients: Recipients, log: Logger) {
    this.mailbox = accepted.found.mailbox
    this.address = accepted.address
    this.#found = accepted.found
    this.#recipients = recipients
    this.#log = log
  }

  /** What the MTA is told; 250 only after `finish`, when the message is durable. */
  get reply(): Reply {
    return this.#reply ?? replies.interrupted
  }

  async begin(queue: Queue, envelope: Envelope): Promise<void> {
    await this.#guarded(async () => {
      this.#sealer = await Sealer.start(this.#found.recipients, envelope)
      this.#file = await queue.incoming(this.mailbox)
    })
  }

  async push(chunk: Uint8Array): Promise<void> {
    await this.#guarded(() => this.#write(this.#begun.sealer.push(chunk)))
  }

  async finish(): Promise<void> {
    await this.#guarded(async () => {
      const { sealer, file } = this.#begun
      await this.#write(sealer.finish())
      if (!(await this.#commit(file))) return await this.abandon(replies.full)
      this.#reply = { code: 250, text: `2.0.0 <${this.address}> Saved ${file.id}` }
      this.#log.info({ mailbox: this.mailbox, id: file.id, bytes: this.#bytes }, "stored")
    })
  }

  /**
   * False when there is no room. It was looked at for RCPT, but other addresses of this mailbox and other connections
   * may have had it since; nothing is awaited between looking and taking.
   */
  async #commit(file: Incoming): Promise<boolean> {
    const taken = this.#recipients.take(this.#found, this.#bytes)
    if (taken === null) return false
    try {
      await file.commit()
    } catch (error) {
      taken.giveBack()
      throw error
    }
    taken.keep()
    return true
  }

  /** Leaves nothing behind; what was decided before stays. */
  async abandon(reply: Reply): Promise<void> {
    if (this.#reply !== null) return
    this.#reply = reply
    this.#sealer?.wipe()
    await this.#file?.abort()
  }

  get #begun(): { sealer: Sealer; file: Incoming } {
    if (this.#sealer === null || this.#file === null) throw new Error("this copy was not begun")
    return { sealer: this.#sealer, file: this.#file }
  }

  async #write(ready: Uint8Array[]): Promise<void> {
    if (ready.length === 0) return
    const octets = ready.length === 1 && ready[0] !== undefined ? ready[0] : Buffer.concat(ready)
    this.#bytes += octets.length
    await this.#begun.file.write(octets)
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.#reply !== null) return
    try {
      await work()
    } catch (error) {
      this.#log.error({ err: error, mailbox: this.mailbox }, "a message could not be stored")
      await this.abandon(error instanceof SpoolError && error.fault === "disk-full" ? replies.diskFull : replies.fault)
    }
  }
}

/** Every refusal of the spool; the texts reveal no configuration. */
export const replies = {
  fault: { code: 451, text: "4.3.0 Could not be stored, try again later" },
  diskFull: { code: 452, text: "4.3.1 No room left, try again later" },
  tooLarge: { code: 552, text: "5.3.4 Message is too large" },
  tooMany: { code: 452, text: "4.5.3 Too many recipients" },
  unreachable: { code: 451, text: "4.3.0 Recipients cannot be checked now, try again later" },
  interrupted: { code: 451, text: "4.4.2 The message was not received in full" },
  "no-such-user": { code: 550, text: "5.1.1 No such user here" },
  disabled: { code: 550, text: "5.2.1 Mailbox is disabled" },
  /** Not for good: the daemon is asked again when the MTA comes again. */
  full: { code: 452, text: "4.2.2 Mailbox is full, try again later" },
  "over-quota": { code: 552, text: "5.2.2 Mailbox is over quota" },
} as const satisfies Record<string, Reply>

/**
 * One DATA: every octet goes to every copy, at the pace of the slowest disk. The input is read to its end
 * also when nothing is left to store, because LMTP can be answered only there. Each copy then has its reply.
 *
 * @throws what the input throws, when the client goes away; nothing is stored then
 */
export async function store(copies: Copy[], input: AsyncIterable<Uint8Array>, maxBytes: number): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of input) {
      bytes += chunk.length
      if (bytes <= maxBytes) await Promise.all(copies.map((copy) => copy.push(chunk)))
      else await Promise.all(copies.map((copy) => copy.abandon(replies.tooLarge)))
    }
  } catch (error) {
    await Promise.all(copies.map((copy) => copy.abandon(replies.interrupted)))
    throw error
  }
  await Promise.all(copies.map((copy) => copy.finish()))
}

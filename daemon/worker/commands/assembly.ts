import type { MessagePart } from "../../imap/ast.ts"
import { messageUrl } from "../../imap/url.ts"
import { StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { Incoming } from "../ingest.ts"
import { Pace } from "../pace.ts"
import { Refused } from "../refusal.ts"
import { type Octets, rangeOf, sectionOctets } from "./fetch-section.ts"

/** The buffer of a message that is being written, when it is small and when it is large. */
const [leastHeld, mostHeld] = [16_384, 262_144]

/**
 * One message of an APPEND while it is put together: literals as they arrive, and between them octets of
 * messages that are here already (RFC 4469). It is the handle of each of its literals.
 */
export class Assembly {
  readonly #incoming: Incoming
  /** Parts whose octets are in. */
  #done = 0
  #copied = 0
  #content: number | null = null

  constructor(incoming: Incoming) {
    this.#incoming = incoming
  }

  /** Octets so far. */
  get size(): number {
    return this.#incoming.size
  }

  /** Octets that are held in memory for it, about. */
  get held(): number {
    return this.#content === null ? Math.max(leastHeld, Math.min(this.size, mostHeld)) : 0
  }

  /** Octets that were copied from other messages. */
  get copied(): number {
    return this.#copied
  }

  /** So many octets more are announced. @throws StoreError `over-quota` when they would not be taken */
  expect(octets: number): void {
    this.#incoming.expect(octets)
  }

  /** Octets of the literal that arrives; `partArrived` follows. */
  push(chunk: Uint8Array): void {
    this.#incoming.push(chunk)
  }

  /** The literal is complete. */
  partArrived(): void {
    this.#done += 1
  }

  /**
   * Octets of those parts that are named by URL and are not in yet.
   *
   * @throws Refused with BADURL, ClientGone
   */
  async waiting(conversation: Conversation, parts: readonly MessagePart[]): Promise<number> {
    let sum = 0
    for (const part of this.#rest(parts)) {
      if (part.part === "url") sum += octetsAt(conversation, part.url).size
      if (conversation.pace.due) await conversation.pace.rest()
    }
    return sum
  }

  /**
   * Brings in what is missing of these parts, all that come before the literal which arrives next.
   *
   * @throws Refused with BADURL, StoreError `over-quota`, `disk-full`, ClientGone
   */
  async complete(conversation: Conversation, parts: readonly MessagePart[]): Promise<void> {
    const pace = conversation.pace
    for (const part of this.#rest(parts)) {
      for (const chunk of chunksOf(conversation, part)) {
        this.#incoming.push(chunk)
        if (part.part === "url") this.#copied += chunk.length
        await pace.rest()
      }
      this.#done += 1
      if (pace.due) await pace.rest()
    }
  }

  /** All parts are in: reads the message to its end. What was sent is stored, also when nobody waits for the answer. */
  async read(): Promise<void> {
    await this.#incoming.complete(new Pace(() => false))
  }

  /** Makes the octets durable and lets go of what is held in memory, after `read`. Outside transactions. */
  settle(): void {
    this.#content ??= this.#incoming.finish()
  }

  /** The finished content, after `read`. May be called inside the transaction that links it. */
  finish(): number {
    return this.#content ?? this.#incoming.finish()
  }

  discard(): void {
    this.#incoming.discard()
  }

  #rest(parts: readonly MessagePart[]): readonly MessagePart[] {
    return parts.slice(this.#done)
  }
}

/** The message's assembly, when one of its literals was streamed. */
export function assemblyOf(parts: readonly MessagePart[]): Assembly | null {
  for (const part of parts) {
    if (part.part === "text" && part.literal.handle instanceof Assembly) return part.literal.handle
  }
  return null
}

function* chunksOf(conversation: Conversation, part: MessagePart): Generator<Uint8Array> {
  if (part.part === "url") {
    const { size, pieces } = octetsAt(conversation, part.url)
    try {
      yield* pieces(0, size)
    } catch (error) {
      // Expunged by another session while it was copied.
      throw error instanceof StoreError && error.fault === "no-such-message" ? badUrl(part.url) : error
    }
  } else if (part.literal.handle instanceof Uint8Array) yield part.literal.handle
  else throw new Error("a literal of APPEND that nobody stored")
}

/**
 * What a URL names, "as if the literal returned in a FETCH BODY response were put in place" (RFC 4469 §3).
 *
 * @throws Refused with BADURL
 */
function octetsAt(conversation: Conversation, url: string): Octets {
  const found = messageUrl(url)
  const { store } = conversation.account
  const selected = conversation.view?.state.mailbox
  if (found === null) throw badUrl(url)
  const mailbox =
    found.mailbox !== null
      ? store.mailboxes.find(found.mailbox)
      : selected === undefined
        ? undefined
        : store.mailboxes.byId(selected)
  if (mailbox === undefined || (found.uidValidity ?? mailbox.uidValidity) !== mailbox.uidValidity) throw badUrl(url)
  const message = store.messages.one(mailbox.id, found.uid)
  const octets = message === undefined ? null : sectionOctets(store.contents, message, found.section)
  if (octets === null) throw badUrl(url)
  return rangeOf(octets, found.range)
}

function badUrl(url: string): Refused {
  return new Refused({
    status: "NO",
    code: { code: "BADURL", url },
    text: "That is no message or part of this account",
  })
}

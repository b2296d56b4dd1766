import { LRUCache } from "lru-cache"
import type { Replies } from "../daemon/contract/control.ts"
import type { Settings } from "../daemon/host/settings.ts"
import { Rooms, type Taken } from "./rooms.ts"

/** Asks the daemon; rejects when it cannot be asked. */
export type Resolve = (address: string) => Promise<Replies<"recipient.resolve">>

/** `unreachable`: nobody could be asked and nothing usable is remembered; the MTA is to keep the mail (451). */
export type Lookup = Replies<"recipient.resolve"> | { kind: "unreachable" }

export type Found = Extract<Lookup, { kind: "found" }>
type Remembered = { found: Found; askedAt: number; fresh: boolean }

/** Longest address that the contract carries; RFC 5321 §4.5.3.1.3 allows 254. */
const maxAddress = 320
const askTimeoutMs = 10_000

/**
 * Who may receive, and to which keys it is sealed, remembered from the daemon's answers.
 *
 * Only `found` is remembered. It is fresh for `recipient_cache_s`; while the daemon cannot be asked it is
 * used up to `recipient_stale_s`, so that mail is accepted during a restart. A refusal is asked for each
 * time: one that is out of date would bounce mail for a user who exists by now. Nothing is written to disk,
 * since the answers contain addresses, and since this process lives on while the daemon restarts.
 */
export class Recipients {
  readonly #resolve: Resolve
  readonly #known: LRUCache<string, Remembered> | null
  readonly #rooms: Rooms
  readonly #asking = new Map<string, Promise<Lookup>>()
  readonly #freshMs: number
  readonly #staleMs: number
  readonly #now: () => number
  /** Counts notices, to recognise an answer that was overtaken by one. */
  #notices = 0

  constructor(resolve: Resolve, settings: Settings["spool"], now: () => number = () => performance.now()) {
    this.#resolve = resolve
    const max = settings.recipient_cache_entries
    this.#known = max > 0 ? new LRUCache({ max }) : null
    this.#rooms = new Rooms(max, now)
    this.#freshMs = settings.recipient_cache_s * 1000
    this.#staleMs = Math.max(settings.recipient_stale_s, settings.recipient_cache_s) * 1000
    this.#now = now
  }

  /**
   * Looked up in lower case; the daemon knows about `+detail`. Never rejects. Questions about one address at
   * the same time are asked once. Where no room is left the daemon is asked again: the user may have made some.
   */
  lookup(address: string): Promise<Lookup> {
    const key = keyOf(address)
    if (key.length === 0 || key.length > maxAddress) return Promise.resolve({ kind: "refused", why: "no-such-user" })
    const known = this.#known?.get(key)
    if (known?.fresh && this.#now() - known.askedAt < this.#freshMs && this.#rooms.has(known.found.mailbox))
      return Promise.resolve(known.found)
    return this.#asking.get(key) ?? this.#askOnce(key)
  }

  /** Room for a message of this many octets of file, before it is made durable; null when others had the last of it. */
  take({ mailbox, room }: Found, bytes: number): Taken | null {
    return this.#rooms.take(mailbox, bytes, room)
  }

  /** What the daemon said about this address, or about all (null), is no longer true. */
  forget(address: string | null): void {
    this.#notices += 1
    this.#asking.clear()
    if (address === null) this.#known?.clear()
    else this.#known?.delete(keyOf(address))
  }

  /** Notices may have been missed: ask again, but keep what is known for as long as nobody answers. */
  doubtAll(): void {
    for (const remembered of this.#known?.values() ?? []) remembered.fresh = false
  }

  #askOnce(key: string): Promise<Lookup> {
    const asking = this.#ask(key).finally(() => {
      if (this.#asking.get(key) === asking) this.#asking.delete(key)
    })
    this.#asking.set(key, asking)
    return asking
  }

  async #ask(key: string): Promise<Lookup> {
    const notices = this.#notices
    const askedAt = this.#now()
    let reply: Replies<"recipient.resolve">
    try {
      reply = await withinTime(this.#resolve(key))
    } catch {
      // The channel logs why it is down; to the MTA it is one and the same.
      return this.#whileUnreachable(key)
    }
    if (reply.kind === "refused") this.#known?.delete(key)
    else if (notices === this.#notices) {
      this.#known?.set(key, { found: reply, askedAt: this.#now(), fresh: true })
      this.#rooms.told(reply.mailbox, reply.room, askedAt)
    }
    return reply
  }

  /** Only as much as there was room for when the daemon was last asked. */
  #whileUnreachable(key: string): Lookup {
    const known = this.#known?.get(key)
    const isUsable = known !== undefined && this.#now() - known.askedAt < this.#staleMs
    return isUsable && this.#rooms.has(known.found.mailbox) ? known.found : { kind: "unreachable" }
  }
}

function keyOf(address: string): string {
  return address.normalize("NFC").toLowerCase()
}

function withinTime<T>(answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error("the daemon did not answer")), askTimeoutMs)
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

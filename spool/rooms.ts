import { LRUCache } from "lru-cache"
import type { Replies } from "../daemon/contract/control.ts"

/** Octets of files, and messages; null is no limit. */
export type Room = Extract<Replies<"recipient.resolve">, { kind: "found" }>["room"]

/** Room that one message has taken. Exactly one of `keep` and `giveBack` ends it. */
export type Taken = {
  /** The message is durable: whoever counts from now on finds it. */
  keep(): void
  /** The message was not stored. */
  giveBack(): void
}

type Taking = { bytes: number; keptAt: number | null }
type Left = { room: Room; takings: Set<Taking> }

/** A mailbox that is open brings in what came, and says what it holds then; until then an answer lacks it. */
const bringInMs = 5000

/** Longer than an answer takes. */
const answerMs = 15_000

/** Kept also by a spool that remembers no recipients: connections at the same time must see the same room. */
const fewestMailboxes = 1000

/**
 * How much may still come into each mailbox, counted down between two answers of the daemon. A mailbox has many
 * addresses (RFC 5233) and many clients deliver to it at once, so room is taken at one place, when the size of a file
 * is known and before it is made durable. As long as there is any a message may have it, and go beyond it by itself:
 * an answer is minutes old, and what it leaves is no reason to refuse a message of more than that.
 *
 * An answer counts what the daemon saw. What it may not have seen is taken off it: what is not durable yet, and what
 * became so shortly before it was asked, or later. That takes off some twice; who is then told that there is no room
 * is told to come again, and finds it.
 */
export class Rooms {
  readonly #left: LRUCache<string, Left>
  readonly #now: () => number

  constructor(mailboxes: number, now: () => number) {
    this.#left = new LRUCache({ max: Math.max(mailboxes, fewestMailboxes) })
    this.#now = now
  }

  /** The daemon's answer to a question of that time. */
  told(mailbox: string, room: Room, askedAt: number): void {
    const takings = this.#left.get(mailbox)?.takings ?? new Set()
    const left = { room, takings }
    for (const taking of this.#recent(takings)) {
      if ((taking.keptAt ?? askedAt) > askedAt - bringInMs) left.room = less(left.room, 1, taking.bytes)
    }
    this.#left.set(mailbox, left)
  }

  /** False also for a mailbox of which nothing is known. */
  has(mailbox: string): boolean {
    return isRoom(this.#left.get(mailbox)?.room ?? { bytes: 0, messages: 0 })
  }

  /** Room for one message; null when there is none. @param atFirst what was said of a mailbox that is forgotten by now */
  take(mailbox: string, bytes: number, atFirst: Room): Taken | null {
    const known = this.#left.get(mailbox)
    const { room, takings } = known ?? { room: atFirst, takings: new Set() }
    if (!isRoom(room)) return null
    const taking: Taking = { bytes, keptAt: null }
    if (isLimited(room)) this.#recent(takings).add(taking)
    this.#left.set(mailbox, { room: less(room, 1, bytes), takings })
    return {
      keep: () => {
        taking.keptAt = this.#now()
      },
      giveBack: () => this.#giveBack(mailbox, taking),
    }
  }

  #giveBack(mailbox: string, taking: Taking): void {
    const known = this.#left.get(mailbox)
    if (known?.takings.delete(taking)) this.#left.set(mailbox, { ...known, room: less(known.room, -1, -taking.bytes) })
  }

  /** Without those that every answer still to come has counted. */
  #recent(takings: Set<Taking>): Set<Taking> {
    const until = this.#now() - bringInMs - answerMs
    for (const taking of takings) if (taking.keptAt !== null && taking.keptAt <= until) takings.delete(taking)
    return takings
  }
}

function isRoom({ bytes, messages }: Room): boolean {
  return (bytes ?? 1) > 0 && (messages ?? 1) > 0
}

function isLimited({ bytes, messages }: Room): boolean {
  return bytes !== null || messages !== null
}

function less(room: Room, messages: number, bytes: number): Room {
  return {
    bytes: room.bytes === null ? null : room.bytes - bytes,
    messages: room.messages === null ? null : room.messages - messages,
  }
}

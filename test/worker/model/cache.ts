import type { Flags } from "./flags.ts"
import { type Mailbox, message } from "./truth.ts"
import type { Client } from "./view.ts"

/**
 * What a client that disconnects keeps of a mailbox: it may come back later and ask what it missed (RFC 7162 §3.2.5,
 * §6). Nothing but what the server said to it is in here.
 */
export type Cache = {
  mailbox: number
  validity: number
  modseq: number
  /** Whether VANISHED was said to it, so that it knows of all expunges up to `modseq`. */
  complete: boolean
  messages: { uid: number; flags: Flags | null }[]
}

export function cacheOf({ view, highest, qresync, condstore }: Client): Cache | null {
  if (view === null || !condstore || highest === 0) return null
  const messages = view.messages.map(({ uid, flags }) => ({ uid, flags }))
  return { mailbox: view.mailbox, validity: view.validity, modseq: highest, complete: qresync, messages }
}

/** What somebody keeps who knows no message, but what the mailbox was like at this moment. */
export function strangerTo({ id, validity }: Mailbox, modseq: number): Cache {
  return { mailbox: id, validity: validity ?? 0, modseq, complete: false, messages: [] }
}

/**
 * The client comes back: with what is now said to have vanished and changed, it must know the truth about all it
 * knew. `later` says of which messages its new session has not been told yet.
 *
 * @returns what it has wrong, or null
 */
export function wrongIn(
  cache: Cache,
  mailbox: Mailbox,
  vanished: readonly number[],
  changed: ReadonlyMap<number, Flags>,
  later: (uid: number) => boolean,
): string | null {
  for (const { uid, flags } of cache.messages) {
    if (vanished.includes(uid) || later(uid)) continue
    const now = message(mailbox, uid)
    if (now === undefined && cache.complete)
      return `UID ${uid} is gone, and the client that knew it does not hear of it`
    const believed = changed.get(uid) ?? flags
    if (now !== undefined && believed !== null && believed !== now.flags)
      return `UID ${uid} has (${now.flags}), and the client that comes back believes (${believed})`
  }
  return null
}

import type { Flags } from "./flags.ts"
import { type Account, type Mailbox, message, withId } from "./truth.ts"

/** A message that a client counts; it may be gone, and the client not know yet. */
export type Told = {
  uid: number
  /** Changes up to this mod-sequence are told. */
  told: number
  /** A higher one, when the client itself asked for FLAGS: what it saw need not be told again. */
  seen: number
  /** The flags that the client believes; null when it never heard them. */
  flags: Flags | null
}

/** The selected mailbox as one client must believe it to be. */
export type View = {
  mailbox: number
  /** UIDVALIDITY, as SELECT said it. */
  validity: number
  readOnly: boolean
  /** Sequence number n is messages[n - 1]. */
  messages: Told[]
  /** Messages from here on were not announced. */
  uidNext: number
  /** What happened up to this mod-sequence was told, but for expunges that had to wait. */
  synced: number
  recent: number[]
  /** "$" (RFC 5182). */
  saved: number[]
}

export type Client = {
  condstore: boolean
  qresync: boolean
  rev2: boolean
  uidOnly: boolean
  view: View | null
  /** The tag of an IDLE that has not ended. */
  idling: string | null
  closed: boolean
  /** The client's copy of HIGHESTMODSEQ, and what it heard since the last tagged answer (RFC 7162 §6). */
  highest: number
  said: number | null
  fetched: number
}

export const newClient = (): Client => ({
  condstore: false,
  qresync: false,
  rev2: false,
  uidOnly: false,
  view: null,
  idling: null,
  closed: false,
  highest: 0,
  said: null,
  fetched: 0,
})

export type Scene = { account: Account; clients: Client[] }

/** What a client has to be told, as it was at one moment. */
export type News = {
  gone: number[]
  arrived: number[]
  changed: { uid: number; flags: Flags; modseq: number; required: boolean }[]
}

export const emptyNews = (): News => ({ gone: [], arrived: [], changed: [] })

/** Null when the mailbox itself is gone. */
export function newsOf(account: Account, view: View, expunges: boolean): News | null {
  const mailbox = withId(account, view.mailbox)
  if (mailbox === undefined) return null
  const arrived = mailbox.messages.filter(({ uid }) => uid >= view.uidNext).map(({ uid }) => uid)
  return { gone: expunges ? goneFrom(mailbox, view) : [], arrived, changed: changesIn(mailbox, view) }
}

/** Messages that the client counts and that are no more. */
function goneFrom(mailbox: Mailbox, view: View): number[] {
  return view.messages.filter(({ uid }) => message(mailbox, uid) === undefined).map(({ uid }) => uid)
}

function changesIn(mailbox: Mailbox, view: View): News["changed"] {
  return view.messages.flatMap(({ uid, told, seen }) => {
    const now = message(mailbox, uid)
    if (now === undefined || now.modseq <= told) return []
    return [{ uid, flags: now.flags, modseq: now.modseq, required: now.modseq > seen }]
  })
}

export function isNothing(news: News | null): boolean {
  return (
    news !== null && news.gone.length + news.arrived.length + news.changed.filter((each) => each.required).length === 0
  )
}

/**
 * The moment at which a client is told. Of new messages the first session that is told takes \Recent, unless it is
 * read-only (RFC 3501 §2.3.2).
 */
export function pull(account: Account, view: View, expunges: boolean): News | null {
  const news = newsOf(account, view, expunges)
  const mailbox = withId(account, view.mailbox)
  if (news === null || mailbox === undefined) return null
  if (news.arrived.length > 0) claimRecent(mailbox, view)
  view.uidNext = mailbox.uidNext
  view.synced = mailbox.modseq
  return news
}

export function claimRecent(mailbox: Mailbox, view: View): void {
  for (const { uid } of mailbox.messages) if (uid >= Math.max(mailbox.recentFrom, view.uidNext)) view.recent.push(uid)
  if (!view.readOnly) mailbox.recentFrom = mailbox.uidNext
}

export function recentIn(view: View): number {
  return view.messages.filter(({ uid }) => view.recent.includes(uid)).length
}

export function told(view: View, uid: number): Told | undefined {
  return view.messages.find((each) => each.uid === uid)
}

/** A message that is gone, and is told to be: it is no longer in "$" either (RFC 5182 §2.1). */
export function strike(view: View, uid: number): void {
  view.messages = view.messages.filter((each) => each.uid !== uid)
  view.saved = view.saved.filter((each) => each !== uid)
}

/** Mod-sequences of expunges that the client was not told of. */
export function untold(mailbox: Mailbox, view: View): number[] {
  return mailbox.gone.filter(({ uid }) => told(view, uid) !== undefined).map(({ modseq }) => modseq)
}

export type NumberSet = "$" | [from: number, to: number][]

/**
 * The messages that a set names in this view, in order, each once. A UID that no message has is passed over; null
 * for a sequence number that none has (RFC 3501 §9).
 */
export function named(view: View, set: NumberSet, uid: boolean): number[] | null {
  const uids = view.messages.map((each) => each.uid)
  if (set === "$") return uids.filter((each) => view.saved.includes(each))
  if (!uid && set.flat().some((number) => number > uids.length && number !== Infinity)) return null
  if (uids.length === 0) return uid ? [] : null
  return within(view, set, uid)
}

/** As a search key: there a number that no message has is no error. */
export function within(view: View, set: NumberSet, uid: boolean): number[] {
  const uids = view.messages.map((each) => each.uid)
  if (set === "$") return uids.filter((each) => view.saved.includes(each))
  const last = uid ? (uids.at(-1) ?? 0) : uids.length
  const bounds = set.map((range) => range.map((number) => (number === Infinity ? last : number)))
  return uids.filter((each, index) =>
    bounds.some((range) => {
      const number = uid ? each : index + 1
      return number >= Math.min(...range) && number <= Math.max(...range)
    }),
  )
}

import type { SearchFields } from "../message/search-fields.ts"
import type { Part } from "../message/types.ts"

/** RFC 3501 §2.3.2 system flags as bits; \Recent is not stored with a message. */
export const flagBits = { "\\Seen": 1, "\\Answered": 2, "\\Flagged": 4, "\\Deleted": 8, "\\Draft": 16 } as const

export type SpecialUse = "\\Drafts" | "\\Sent" | "\\Junk" | "\\Trash" | "\\Archive" | "\\All" | "\\Flagged"

/** A folder, in IMAP's words a mailbox. Names are Unicode (NFC), levels separated by "/", "INBOX" in capitals. */
export type Mailbox = {
  id: number
  name: string
  uidValidity: number
  uidNext: number
  highestModseq: number
  specialUse: SpecialUse | null
  /** False for a name that exists only because it has children (\Noselect). */
  selectable: boolean
  /** RFC 8474 MAILBOXID. */
  objectId: string
}

/** RFC 3501 §6.3.10, RFC 8438, RFC 7162. `firstUnseen` is a UID or null. `recent` counts what no session was told of yet. */
export type MailboxStatus = {
  messages: number
  recent: number
  uidNext: number
  uidValidity: number
  unseen: number
  deleted: number
  size: number
  highestModseq: number
}

/** What changes about a message: what FETCH FLAGS and MODSEQ tell. */
export type Marked = {
  uid: number
  /** Bits of `flagBits`. */
  flags: number
  /** Keywords, sorted, as first written in this mailbox. */
  keywords: readonly string[]
  modseq: number
}

export type Message = Marked & {
  /** Row in `content`; shared by copies. */
  content: number
  /** ms since the epoch, and the time zone it was given with, minutes east of UTC. */
  internalDate: number
  internalZone: number
  /** ms since the epoch: when it entered this mailbox (RFC 8514). */
  savedAt: number
  /** RFC822.SIZE */
  size: number
  /** Row in `content` of the thread's first content. */
  thread: number
}

/** What the parser found, in the form in which it is stored; wire forms are answered as they are. */
export type ContentMeta = {
  size: number
  /** ENVELOPE, BODY, BODYSTRUCTURE as IMAP writes them, without the item's name. */
  envelope: Uint8Array
  body: Uint8Array
  bodyStructure: Uint8Array
  /** MIME tree with offsets, for sections. */
  root: Part
  /** Header block: exactly the message's first octets. They are kept with the message, only their number is taken from here. */
  header: Uint8Array
  sentAt: number | null
  sentDay: number | null
  messageId: string | null
  references: string[]
  subject: string
  baseSubject: string
  headerText: string
  /** Null when they are too long to be kept beside the header. */
  searchFields: SearchFields | null
  /** As `daemon/message/listed-fields.ts` writes them, or null when they are too long for it. */
  listedFields: Uint8Array | null
  bodyText: string
  bodyTextComplete: boolean
  preview: string
}

export type SlotKind = "password" | "app" | "recovery" | "escrow"
/** Pending until its file is durable; retired until its file is gone. */
export type SlotState = "pending" | "active" | "retired"

/** One entry of the user's own list of key slots. Dates are ms since the epoch. */
export type Slot = {
  /** Slot id in lower-case hex; it names the slot's file. */
  id: string
  kind: SlotKind
  label: string
  state: SlotState
  createdAt: number
  lastUsedAt: number | null
  expiresAt: number | null
}

/** What a store can refuse. Each is answered in `daemon/worker/refusal.ts`. */
export type StoreFault =
  | "mailbox-exists"
  | "no-such-mailbox"
  | "not-selectable"
  | "inbox-is-fixed" // DELETE INBOX
  | "has-children" // DELETE of a \Noselect name with children
  | "bad-name"
  | "over-quota"
  | "too-big"
  | "disk-full"
  | "damaged"
  | "newer-schema" // the file was written by a newer program
  | "no-such-message"
  | "no-more-uids"
  | "name-too-long"
  | "too-many-mailboxes"
  | "too-many-subscriptions"
  | "too-many-keywords"
  | "too-many-annotations"

/** What one user may have of everything that a client can make more of; quota is apart. */
export type StoreLimits = {
  /** Mailboxes, names that only hold others included. */
  mailboxes: number
  /** Of a mailbox's name: levels, and octets of UTF-8 in all. */
  nameLevels: number
  nameBytes: number
  subscriptions: number
  /** Different keywords in a mailbox, and those of one message. */
  keywords: number
  keywordsPerMessage: number
  /** Octets of all annotations, names and values. */
  annotationBytes: number
}

/** Thrown by the store; `fault` says what, in the domain's words. */
export class StoreError extends Error {
  readonly fault: StoreFault

  constructor(fault: StoreFault, detail?: string, options?: ErrorOptions) {
    super(detail === undefined ? fault : `${fault}: ${detail}`, options)
    this.name = "StoreError"
    this.fault = fault
  }
}

/** What was read of a content. @throws StoreError `no-such-message` when there was nothing */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new StoreError("no-such-message")
  return value
}

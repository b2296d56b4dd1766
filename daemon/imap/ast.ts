import type { ByteString } from "../message/types.ts"

/**
 * What a client can say after login, as values. The grammar functions of this folder turn bytes into these
 * and never look at a socket or at a mailbox; the handlers in `daemon/worker/commands` never look at bytes.
 *
 * Mailbox names are already decoded (modified UTF-7, RFC 3501 §5.1.3) and NFC-normalised; "inbox" in any
 * case is "INBOX". Flags keep their spelling; system flags are written as in RFC 3501 §2.3.2.
 */
export type Command = { tag: string } & CommandBody

/** A message given as a literal that was streamed to a sink; `Handle` is what the sink returned. */
export type StoredLiteral<Handle = unknown> = { size: number; binary: boolean; handle: Handle }

/** A message of APPEND; of several parts when it is to be put together by the server (RFC 4469). */
export type NewMessage = { flags: string[]; internalDate: DateTime | null; parts: MessagePart[] }
export type MessagePart = { part: "text"; literal: StoredLiteral } | { part: "url"; url: ByteString }

export type CommandBody =
  | {
      name:
        | "CAPABILITY"
        | "NOOP"
        | "LOGOUT"
        | "CHECK"
        | "CLOSE"
        | "UNSELECT"
        | "IDLE"
        | "NAMESPACE"
        | "EXPUNGE"
        | "STARTTLS"
        | "UNAUTHENTICATE"
    }
  | { name: "ID"; fields: Map<string, string | null> | null }
  | { name: "ENABLE"; capabilities: string[] }
  | { name: "COMPRESS"; algorithm: string }
  | { name: "LOGIN" | "AUTHENTICATE" }
  | { name: "SELECT" | "EXAMINE"; mailbox: string; parameters: SelectParameters }
  | { name: "CREATE"; mailbox: string; uses: string[] }
  | { name: "DELETE" | "SUBSCRIBE" | "UNSUBSCRIBE"; mailbox: string }
  | { name: "RENAME"; from: string; to: string }
  | { name: "LIST"; list: ListCommand }
  | { name: "LSUB"; reference: string; pattern: string }
  | { name: "GETMETADATA"; mailbox: string; options: MetadataOptions; entries: string[] }
  | { name: "SETMETADATA"; mailbox: string; changes: AnnotationChange[] }
  | { name: "GETQUOTA"; root: string }
  | { name: "GETQUOTAROOT"; mailbox: string }
  | { name: "SETQUOTA"; root: string; limits: { resource: string; limit: number }[] }
  | { name: "STATUS"; mailbox: string; items: StatusItem[] }
  | { name: "APPEND"; mailbox: string; messages: NewMessage[] }
  | { name: "REPLACE"; uid: boolean; replaced: number; mailbox: string; messages: NewMessage[] } // RFC 8508; one message
  | { name: "UID EXPUNGE"; set: SequenceSet }
  | { name: "SEARCH"; uid: boolean; returns: SearchReturn[] | null; charset: string | null; key: SearchKey }
  | ({ name: "FETCH"; uid: boolean; set: SequenceSet; items: FetchItem[] } & FetchModifiers)
  | {
      name: "SORT"
      uid: boolean
      returns: SearchReturn[] | null
      criteria: SortCriterion[]
      charset: string
      key: SearchKey
    }
  | {
      name: "ESEARCH"
      /** Null when only the selected mailbox is meant. */
      sources: MailboxSource[] | null
      returns: SearchReturn[]
      charset: string | null
      key: SearchKey
    }
  | { name: "CANCELUPDATE"; tags: string[] }
  /** RFC 5465 §3.1; null is NONE. */
  | { name: "NOTIFY"; set: { status: boolean; groups: EventGroup[] } | null }
  | { name: "UIDBATCHES"; size: number; batches: [first: number, last: number] | null }
  | { name: "THREAD"; uid: boolean; algorithm: ThreadAlgorithm; charset: string; key: SearchKey }
  | {
      name: "STORE"
      uid: boolean
      set: SequenceSet
      unchangedSince: number | null
      operation: "replace" | "add" | "remove"
      silent: boolean
      flags: string[]
    }
  | { name: "COPY" | "MOVE"; uid: boolean; set: SequenceSet; mailbox: string }

export type CommandName = CommandBody["name"]

/** RFC 4466 fetch-modifier: CHANGEDSINCE (RFC 7162 §3.1.4.1), VANISHED (§3.2.6), PARTIAL (RFC 9394 §3.3). */
export type FetchModifiers = {
  changedSince: number | null
  /** Only in UID FETCH, beside CHANGEDSINCE. */
  vanished: boolean
  /** Only in UID FETCH. */
  partial?: PartialRange
}

/** RFC 5464 §4.2.1, §4.2.2. `depth` is 0, 1 or Infinity. */
export type MetadataOptions = { maxSize: number | null; depth: number }

/** RFC 5464 §4.3: null removes the entry. */
export type AnnotationChange = { entry: string; value: Uint8Array | null }

/** RFC 4466 select-param; unknown ones are refused by the grammar. */
export type SelectParameters = { condstore: boolean; qresync: Resync | null }

/** RFC 7162 §3.2.5: what a client knew of the mailbox when it last saw it. No set has a "*". */
export type Resync = {
  uidValidity: number
  modseq: number
  knownUids: SequenceRanges | null
  /** Numbers of some messages, and their UIDs, both ascending. */
  match: { numbers: SequenceRanges; uids: SequenceRanges } | null
}

/** `Infinity` stands for "*". Not sorted, not merged: as written. */
export type SequenceRanges = { kind: "ranges"; ranges: [from: number, to: number][] }

/** `saved` is "$", the result of the last search that was saved (RFC 5182). */
export type SequenceSet = SequenceRanges | { kind: "saved" }

/** date-time of RFC 3501 §9: an instant and the zone it was written in. */
export type DateTime = { at: number; zoneMinutes: number }

export type StatusItem =
  | "MESSAGES"
  | "RECENT"
  | "UIDNEXT"
  | "UIDVALIDITY"
  | "UNSEEN"
  | "HIGHESTMODSEQ"
  | "SIZE"
  | "DELETED"
  | "DELETED-STORAGE"
  | "MAILBOXID"
  | "APPENDLIMIT"

/** LIST with the selection and return options of RFC 5258 that RFC 6154, 5819 and 3348 use. */
export type ListCommand = {
  /** More than one pattern, or any option, makes it an extended LIST. */
  extended: boolean
  selection: { subscribed: boolean; specialUse: boolean; remote: boolean; recursiveMatch: boolean }
  reference: string
  patterns: string[]
  returns: {
    subscribed: boolean
    children: boolean
    specialUse: boolean
    status: StatusItem[] | null
    /** Entries of RFC 9590. */
    metadata: string[] | null
  }
}

/** filter-mailboxes-other (RFC 5465 §8, RFC 7377 §4). */
export type MailboxFilter =
  | { source: "inboxes" | "personal" | "subscribed" }
  | { source: "subtree" | "subtree-one" | "mailboxes"; mailboxes: string[] }

/** Which mailboxes to search (RFC 7377 §4). */
export type MailboxSource = MailboxFilter | { source: "selected" }

/** Which mailboxes to watch (RFC 5465 §8). */
export type MailboxWatch = MailboxFilter | { source: "selected" | "selected-delayed" }

/** RFC 5465 §8: what is to be told of which mailboxes; no events are "NONE". */
export type EventGroup = { mailboxes: MailboxWatch; events: NotifyEvent[] }

/** An event by its name as the client wrote it, which may be one that nobody knows (event-ext). */
export type NotifyEvent = {
  event: string
  /** What FETCH is to say of a new message; null when nothing. Only with MessageNew. */
  items: FetchItem[] | null
}

/** RFC 4731 §3.1, RFC 5182 §2.1, RFC 5267 §4, RFC 9394 §3.1; UPDATE with what is to be fetched of new messages (RFC 5465 §7). */
export type SearchReturn =
  | "MIN"
  | "MAX"
  | "ALL"
  | "COUNT"
  | "SAVE"
  | "CONTEXT"
  | { update: FetchItem[] }
  | { partial: PartialRange }

/** RFC 9394 §4: results from the nearer to the farther; both negative when counted from the last one. */
export type PartialRange = [near: number, far: number]

/** RFC 5256 §5, RFC 5957 §5. */
export type SortKey = "ARRIVAL" | "CC" | "DATE" | "FROM" | "SIZE" | "SUBJECT" | "TO" | "DISPLAYFROM" | "DISPLAYTO"

export type SortCriterion = { key: SortKey; reverse: boolean }

/** RFC 5256 §3. */
export type ThreadAlgorithm = "ORDEREDSUBJECT" | "REFERENCES"

/** Fields that have search keys of their own. */
export type SearchField = "from" | "to" | "cc" | "bcc" | "subject"

/** RFC 3501 §6.4.4 and RFC 7162 §3.1.5. Dates are days since the epoch. Strings are decoded by CHARSET to Unicode. */
export type SearchKey =
  | { key: "and"; keys: SearchKey[] }
  | { key: "or"; left: SearchKey; right: SearchKey }
  | { key: "not"; not: SearchKey }
  | { key: "all" }
  | { key: "set"; uid: boolean; set: SequenceSet }
  | { key: "flag"; flag: string; on: boolean } // ANSWERED, UNSEEN, KEYWORD x, UNKEYWORD x, …
  | { key: "recent"; on: boolean } // RECENT, OLD; NEW is and(recent, unseen)
  | { key: "size"; compare: "larger" | "smaller"; octets: number }
  | { key: "internal-date" | "sent-date"; compare: "before" | "on" | "since"; day: number }
  | { key: "field"; field: SearchField; text: string } // FROM, TO, CC, BCC, SUBJECT
  | { key: "header"; field: string; text: string } // HEADER x
  | { key: "body"; text: string }
  | { key: "text"; text: string }
  | { key: "modseq"; atLeast: number }
  | { key: "email-id" | "thread-id"; id: string } // RFC 8474 §6
  | { key: "save-date"; compare: "before" | "on" | "since"; day: number } // RFC 8514 §4.3
  | { key: "save-date-supported" }
  | { key: "within"; compare: "older" | "younger"; seconds: number } // RFC 5032

export type FetchItem =
  | {
      item:
        | "FLAGS"
        | "INTERNALDATE"
        | "UID"
        | "ENVELOPE"
        | "BODY"
        | "BODYSTRUCTURE"
        | "MODSEQ"
        | "RFC822"
        | "RFC822.HEADER"
        | "RFC822.TEXT"
        | "RFC822.SIZE"
        | "EMAILID"
        | "THREADID"
        | "SAVEDATE"
    }
  | { item: "BODY[]"; peek: boolean; section: Section; partial: OctetRange | null }
  | { item: "BINARY[]"; peek: boolean; parts: number[]; partial: OctetRange | null } // RFC 3516 §4.2
  | { item: "BINARY.SIZE"; parts: number[] } // RFC 3516 §4.2
  | { item: "PREVIEW"; lazy: boolean } // RFC 8970 §3.1

/** "<" offset "." length ">" behind a section: first octet, and at most how many. */
export type OctetRange = { offset: number; length: number }

/** RFC 3501 §6.4.5 section: part numbers, then what of that part. */
export type Section = {
  parts: number[]
  what:
    | { text: "ALL" | "HEADER" | "TEXT" | "MIME" }
    | { text: "HEADER.FIELDS" | "HEADER.FIELDS.NOT"; fields: ByteString[] }
}

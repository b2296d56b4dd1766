import type { Account } from "./account.ts"
import type { Connection } from "./connection.ts"
import type { Contents } from "./contents.ts"
import { type Copied, Copies, type Originals } from "./copies.ts"
import { Deliveries } from "./deliveries.ts"
import { Expunges } from "./expunges.ts"
import type { FlagChange } from "./flag-change.ts"
import { type FlagResult, FlagStore } from "./flag-store.ts"
import { Keywords, keywordText } from "./keywords.ts"
import { MessageRows } from "./message-rows.ts"
import type { Query } from "./query.ts"
import { type Flagged, type Message, StoreError, type StoreLimits } from "./types.ts"

export type Given = {
  flags: number
  keywords: string[]
  internalDate: number
  internalZone: number
  deliveryId?: string
}

type Taken = { first: number; modseq: number; selectable: number }
type NewRow = [
  mailbox: number,
  uid: number,
  content: number,
  flags: number,
  keywords: string,
  modseq: number,
  internalDate: number,
  internalZone: number,
  savedAt: number,
  size: number,
  thread: number,
]

/** Messages of all mailboxes: reading, flags, adding, copying, removing. */
export class Messages {
  readonly #connection: Connection
  readonly #account: Account
  readonly #contents: Contents
  readonly #rows: MessageRows
  readonly #keywords: Keywords
  readonly #limits: StoreLimits
  readonly #deliveries: Deliveries
  readonly #take: Query<[count: number, mailbox: number, count: number], Taken>
  readonly #unseen: Query<[mailbox: number], number>
  readonly #nextModseq: Query<[mailbox: number], number>
  readonly #insert: Query<NewRow, unknown>
  readonly #flags: FlagStore
  readonly #copies: Copies
  readonly #expunges: Expunges

  constructor(connection: Connection, account: Account, contents: Contents, limits: StoreLimits) {
    this.#limits = limits
    this.#connection = connection
    this.#account = account
    this.#contents = contents
    this.#rows = new MessageRows(connection)
    this.#keywords = new Keywords(connection, limits.keywords)
    this.#deliveries = new Deliveries(connection)
    this.#take = connection.prepare(
      `UPDATE mailbox SET uid_next = uid_next + ?, modseq = modseq + 1 WHERE id = ?
       RETURNING uid_next - ? AS first, modseq, selectable`,
    )
    this.#unseen = connection.pluck("SELECT unseen FROM mailbox WHERE id = ?")
    this.#nextModseq = connection.pluck("UPDATE mailbox SET modseq = modseq + 1 WHERE id = ? RETURNING modseq")
    this.#insert = connection.prepare(
      `INSERT INTO message (mailbox, uid, content, flags, keywords, modseq, internal_date, internal_zone, saved_at, size, thread)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#flags = new FlagStore(connection, this.#rows, this.#keywords, limits.keywordsPerMessage)
    this.#copies = new Copies(connection, this.#keywords)
    this.#expunges = new Expunges(connection)
  }

  /** Ascending. */
  uids(mailbox: number): number[] {
    return this.#rows.uids(mailbox)
  }

  /**
   * Messages whose UID lies in one of the ranges (inclusive, finite, ascending), in UID order; with
   * `changedSince`, only those with a greater mod-sequence. Lazy: a few hundred are read at a time, and
   * other statements, writes too, may run in between.
   */
  rows(mailbox: number, ranges: [number, number][], changedSince?: number): Iterable<Message> {
    if (changedSince === undefined) return this.#rows.rows(mailbox, ranges)
    return this.#rows.changedRows(mailbox, ranges, changedSince)
  }

  /** Flags and keywords of the same messages, in a fraction of the time; all at once, so of a few thousand at most. */
  flags(mailbox: number, ranges: [number, number][]): Flagged[] {
    return this.#rows.flags(mailbox, ranges)
  }

  /** How many of the messages are there. */
  count(mailbox: number, ranges: [number, number][]): number {
    return this.#rows.count(mailbox, ranges)
  }

  one(mailbox: number, uid: number): Message | undefined {
    return this.#rows.one(mailbox, uid)
  }

  /** With a mod-sequence greater than the given one, in UID order. */
  changedSince(mailbox: number, modseq: number): Message[] {
    return this.#rows.changedSince(mailbox, modseq)
  }

  /** UIDs of the same messages, in a fraction of the time. */
  changedUids(mailbox: number, modseq: number): number[] {
    return this.#rows.changedUids(mailbox, modseq)
  }

  /** UIDs removed after the given mod-sequence, ascending. */
  expungedSince(mailbox: number, modseq: number): number[] {
    return this.#expunges.since(mailbox, modseq)
  }

  /** Keywords ever used in this mailbox, as first written: what FLAGS and PERMANENTFLAGS list. */
  keywords(mailbox: number): string[] {
    return this.#keywords.list(mailbox)
  }

  /**
   * STORE (RFC 3501 §6.4.6). All that change get one new mod-sequence; a message whose flags stay as they are
   * keeps its own. One with a mod-sequence above `unchangedSince` is left alone and listed as conflicted
   * (RFC 7162 §3.1.3). UIDs that do not exist are skipped.
   *
   * @throws StoreError `too-many-keywords`
   */
  storeFlags(mailbox: number, uids: number[], change: FlagChange): FlagResult {
    return this.#connection.transaction(() => {
      const unseen = this.#unseen.get(mailbox)
      const result = this.#flags.store(mailbox, uids, change, () => this.#newModseq(mailbox))
      if (result.changed.length > 0) this.#noteFlags(mailbox, unseen)
      return result
    })
  }

  /**
   * As `storeFlags`, in ranges of UIDs, of a change that keeps keywords and has no condition: many times faster, because
   * nothing is read back. Returns the new mod-sequence, or null when nothing changed.
   */
  mark(mailbox: number, ranges: readonly [number, number][], change: FlagChange): number | null {
    return this.#connection.transaction(() => {
      const unseen = this.#unseen.get(mailbox)
      const modseq = this.#flags.mark(mailbox, ranges, change, () => this.#newModseq(mailbox))
      if (modseq !== null) this.#noteFlags(mailbox, unseen)
      return modseq
    })
  }

  #noteFlags(mailbox: number, unseenBefore: number | undefined): void {
    this.#connection.note({ what: "flags", mailbox, seen: this.#unseen.get(mailbox) !== unseenBefore })
  }

  /** EXPUNGE, or UID EXPUNGE with `uids` (RFC 4315 §2.1): removes and logs what has \Deleted. Returns the UIDs removed, ascending. */
  expunge(mailbox: number, uids: number[] | null): number[] {
    return this.#connection.transaction(() => {
      const gone = this.#expunges.deleted(mailbox, uids)
      this.#takeAway(mailbox, gone)
      return gone
    })
  }

  /**
   * Flags, keywords and internal date are kept (RFC 3501 §6.4.7); the target may be the source. Pairs in
   * ascending order of the source UID; UIDs that do not exist are skipped.
   *
   * @throws StoreError `no-such-mailbox`, `not-selectable`, `over-quota`, `too-many-keywords`
   */
  copy(from: number, uids: number[], to: number): Copied {
    return this.#connection.transaction(() => {
      const originals = this.#copies.originals(from, uids)
      if (originals.uids.length > 0) this.#account.admit(originals.bytes, originals.uids.length)
      return this.#link(from, originals, to)
    })
  }

  /** Copies that were not to be: logged as expunged, because others may have seen them. */
  takeBack(mailbox: number, uids: number[]): void {
    this.#connection.transaction(() => this.#takeAway(mailbox, uids))
  }

  /** As `copy`, and the source is removed and logged, all or nothing (RFC 6851 §3.3). Needs no quota. */
  move(from: number, uids: number[], to: number): Copied {
    return this.#connection.transaction(() => {
      const copied = this.#link(from, this.#copies.originals(from, uids), to)
      this.#takeAway(from, copied.source)
      return copied
    })
  }

  /**
   * Links a finished content into a mailbox. A `deliveryId` that was used before changes nothing and gives
   * null: that is how a spool file is delivered exactly once. It also lifts the quota: what waits in the spool
   * got its 250 already.
   *
   * @throws StoreError `no-such-mailbox`, `not-selectable`, `no-such-message`, `over-quota`, `too-many-keywords`
   */
  add(mailbox: number, content: number, given: Given): { uid: number; modseq: number } | null {
    return this.#connection.transaction(() => {
      if (given.deliveryId !== undefined && this.#deliveries.known(given.deliveryId)) return null
      const { size, thread } = this.#contents.facts(content)
      if (given.deliveryId === undefined) this.#account.admit(size, 1)
      const { first: uid, modseq } = this.#takeUids(mailbox, 1)
      if (new Set(given.keywords).size > this.#limits.keywordsPerMessage) throw new StoreError("too-many-keywords")
      const keywords = keywordText(this.#keywords.learn(mailbox, given.keywords))
      this.#insert.run(
        mailbox,
        uid,
        content,
        given.flags,
        keywords,
        modseq,
        given.internalDate,
        given.internalZone,
        Date.now(),
        size,
        thread,
      )
      if (given.deliveryId !== undefined) this.#deliveries.add(given.deliveryId)
      this.#connection.note({ what: "added", mailbox, uids: [uid] })
      return { uid, modseq }
    })
  }

  delivered(deliveryId: string): boolean {
    return this.#deliveries.known(deliveryId)
  }

  /** All delivery ids that are remembered. */
  deliveries(): string[] {
    return this.#deliveries.list()
  }

  /** For ids whose spool file is gone. */
  forgetDeliveries(deliveryIds: string[]): void {
    this.#deliveries.forget(deliveryIds)
  }

  /** All messages of a mailbox that is about to go, with its log and keywords. */
  removeAll(mailbox: number): void {
    this.#connection.transaction(() => {
      const contents = this.#expunges.removeMailbox(mailbox)
      this.#keywords.forget(mailbox)
      this.#contents.unlinked(contents)
    })
  }

  /** The first so many messages of a mailbox that is about to go; nobody needs to be told of them. */
  removeSome(mailbox: number, count: number): void {
    this.#connection.transaction(() => this.#contents.unlinked(this.#expunges.removeFirst(mailbox, count)))
  }

  /** UIDs of what has \Deleted, ascending. */
  deleted(mailbox: number): number[] {
    return this.#expunges.deleted(mailbox, null)
  }

  /** New rows in `to`, with one mod-sequence. */
  #link(from: number, originals: Originals, to: number): Copied {
    if (originals.uids.length === 0) return { source: [], target: [] }
    const { first, modseq } = this.#takeUids(to, originals.uids.length)
    const copied = this.#copies.link(from, originals, to, first, modseq)
    this.#connection.note({ what: "added", mailbox: to, uids: copied.target })
    return copied
  }

  #takeAway(mailbox: number, uids: readonly number[]): void {
    if (uids.length === 0) return
    this.#contents.unlinked(this.#expunges.remove(mailbox, uids, this.#newModseq(mailbox)))
    this.#connection.note({ what: "expunged", mailbox, uids })
  }

  /** UIDs are never given twice, also after expunge (RFC 3501 §2.3.1.1). */
  #takeUids(mailbox: number, count: number): Taken {
    const taken = this.#take.get(count, mailbox, count)
    if (taken === undefined) throw new StoreError("no-such-mailbox")
    if (taken.selectable === 0) throw new StoreError("not-selectable")
    return taken
  }

  #newModseq(mailbox: number): number {
    const modseq = this.#nextModseq.get(mailbox)
    if (modseq === undefined) throw new StoreError("no-such-mailbox")
    return modseq
  }
}

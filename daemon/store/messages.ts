import type { Account } from "./account.ts"
import type { Connection } from "./connection.ts"
import type { Contents } from "./contents.ts"
import { type Copied, Copies } from "./copies.ts"
import { Deliveries } from "./deliveries.ts"
import { Expunges } from "./expunges.ts"
import type { FlagChange } from "./flag-change.ts"
import { type FlagResult, FlagStore, type MarkResult } from "./flag-store.ts"
import { Keywords, keywordText } from "./keywords.ts"
import { Links, type Originals } from "./links.ts"
import { Marks } from "./marks.ts"
import { MessageRows } from "./message-rows.ts"
import type { Query } from "./query.ts"
import { type Marked, type Message, StoreError, type StoreLimits } from "./types.ts"
import { uidRuns } from "./uid-runs.ts"
import { Uids } from "./uids.ts"

export type Given = {
  flags: number
  keywords: string[]
  internalDate: number
  internalZone: number
  deliveryId?: string
}

/** UIDs and UIDNEXT have 32 bits (RFC 3501 §9, uniqueid); marks of a UID beyond would lie in the next mailbox's rows. */
const highestUidNext = 0xffff_ffff

type Taken = { first: number; modseq: number; selectable: number }

/** Messages of all mailboxes: reading, flags, adding, copying, removing. */
export class Messages {
  readonly #connection: Connection
  readonly #account: Account
  readonly #contents: Contents
  readonly #marks: Marks
  readonly #links: Links
  readonly #uids: Uids
  readonly #rows: MessageRows
  readonly #keywords: Keywords
  readonly #limits: StoreLimits
  readonly #deliveries: Deliveries
  readonly #take: Query<[count: number, mailbox: number, count: number], Taken>
  readonly #unseen: Query<[mailbox: number], number>
  readonly #nextModseq: Query<[mailbox: number], number>
  readonly #flags: FlagStore
  readonly #copies: Copies
  readonly #expunges: Expunges

  constructor(connection: Connection, account: Account, contents: Contents, limits: StoreLimits) {
    this.#limits = limits
    this.#connection = connection
    this.#account = account
    this.#contents = contents
    this.#marks = new Marks(connection)
    this.#links = new Links(connection, this.#marks)
    this.#uids = new Uids(connection, this.#marks)
    this.#rows = new MessageRows(connection, this.#marks)
    this.#keywords = new Keywords(connection, limits.keywords)
    this.#deliveries = new Deliveries(connection)
    this.#take = connection.prepare(
      `UPDATE mailbox SET uid_next = uid_next + ?, modseq = modseq + 1 WHERE id = ?
       RETURNING uid_next - ? AS first, modseq, selectable`,
    )
    this.#unseen = connection.pluck("SELECT unseen FROM mailbox WHERE id = ?")
    this.#nextModseq = connection.pluck("UPDATE mailbox SET modseq = modseq + 1 WHERE id = ? RETURNING modseq")
    this.#flags = new FlagStore(this.#marks, this.#keywords, limits.keywordsPerMessage)
    this.#copies = new Copies(this.#marks, this.#links, this.#keywords)
    this.#expunges = new Expunges(connection, this.#links)
  }

  /** Ascending. */
  uids(mailbox: number): number[] {
    return this.#uids.of(mailbox)
  }

  /**
   * Messages whose UID lies in one of the ranges (inclusive, ascending), in UID order. Lazy: a few hundred are read at a
   * time, and other statements, writes too, may run in between.
   */
  rows(mailbox: number, ranges: readonly [number, number][]): Iterable<Message> {
    return this.#rows.rows(mailbox, ranges)
  }

  /** What changes about the same messages, in a fraction of the time; all at once, so of a few thousand at most. */
  marks(mailbox: number, ranges: readonly [number, number][]): Marked[] {
    return this.#marks.read(mailbox, ranges)
  }

  one(mailbox: number, uid: number): Message | undefined {
    return this.#rows.one(mailbox, uid)
  }

  /** With a mod-sequence greater than the given one, in UID order. Lazy, as `rows`. */
  changedSince(mailbox: number, modseq: number): Iterable<Marked> {
    return this.#marks.changedSince(mailbox, modseq)
  }

  /** UIDs of the same messages. */
  changedUids(mailbox: number, modseq: number): number[] {
    return this.#marks.changedUids(mailbox, modseq)
  }

  /** The lowest UID without \Seen, or null. */
  firstUnseen(mailbox: number): number | null {
    return this.#marks.firstUnseen(mailbox)
  }

  /** UIDs removed after the given mod-sequence, in runs, ascending. */
  expungedSince(mailbox: number, modseq: number): [first: number, last: number][] {
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

  /** As `storeFlags`, in ranges of UIDs, of a change that keeps keywords and has no condition: many times faster. */
  mark(mailbox: number, ranges: readonly [number, number][], change: FlagChange): MarkResult {
    return this.#connection.transaction(() => {
      const unseen = this.#unseen.get(mailbox)
      const result = this.#flags.mark(mailbox, ranges, change, () => this.#newModseq(mailbox))
      if (result.modseq !== null) this.#noteFlags(mailbox, unseen)
      return result
    })
  }

  #noteFlags(mailbox: number, unseenBefore: number | undefined): void {
    this.#connection.note({ what: "flags", mailbox, seen: this.#unseen.get(mailbox) !== unseenBefore })
  }

  /** EXPUNGE, or UID EXPUNGE with `uids` (RFC 4315 §2.1): removes and logs what has \Deleted. Returns the UIDs removed, ascending. */
  expunge(mailbox: number, uids: number[] | null): number[] {
    return this.#connection.transaction(() => {
      const gone = this.#marks.deleted(mailbox, uids === null ? null : uidRuns(uids))
      this.#takeAway(mailbox, gone)
      return gone
    })
  }

  /**
   * Flags, keywords and internal date are kept (RFC 3501 §6.4.7); the target may be the source. Pairs in
   * ascending order of the source UID; UIDs that do not exist are skipped.
   *
   * @throws StoreError `no-such-mailbox`, `not-selectable`, `no-more-uids`, `over-quota`, `too-many-keywords`
   */
  copy(from: number, uids: number[], to: number): Copied {
    return this.#connection.transaction(() => {
      const originals = this.#copies.originals(from, uids)
      if (originals.marks.length > 0) this.#account.admit(originals.bytes, originals.marks.length)
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
   * @throws StoreError `no-such-mailbox`, `not-selectable`, `no-more-uids`, `no-such-message`, `over-quota`,
   *   `too-many-keywords`
   */
  add(mailbox: number, content: number, given: Given): { uid: number; modseq: number } | null {
    return this.#connection.transaction(() => {
      if (given.deliveryId !== undefined && this.#deliveries.known(given.deliveryId)) return null
      const { size, thread } = this.#contents.facts(content)
      if (given.deliveryId === undefined) this.#account.admit(size, 1)
      const { first: uid, modseq } = this.#takeUids(mailbox, 1)
      if (new Set(given.keywords).size > this.#limits.keywordsPerMessage) throw new StoreError("too-many-keywords")
      const keywords = keywordText(this.#keywords.learn(mailbox, given.keywords))
      this.#links.add(mailbox, { ...given, uid, content, keywords, size, thread }, modseq)
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
    return this.#marks.deleted(mailbox, null)
  }

  /** Octets of the same messages. */
  deletedSize(mailbox: number): number {
    const [, bytes] = this.#links.totals(mailbox, uidRuns(this.deleted(mailbox)))
    return bytes
  }

  /** New rows in `to`, with one mod-sequence. */
  #link(from: number, originals: Originals, to: number): Copied {
    if (originals.marks.length === 0) return { source: [], target: [] }
    const { first, modseq } = this.#takeUids(to, originals.marks.length)
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
    if (taken.first + count > highestUidNext) throw new StoreError("no-more-uids")
    return taken
  }

  #newModseq(mailbox: number): number {
    const modseq = this.#nextModseq.get(mailbox)
    if (modseq === undefined) throw new StoreError("no-such-mailbox")
    return modseq
  }
}

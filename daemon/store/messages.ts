import type { Account } from "./account.ts"
import type { Connection } from "./connection.ts"
import type { Contents } from "./contents.ts"
import { Deliveries } from "./deliveries.ts"
import { type FlagChange, flagsAfter } from "./flag-change.ts"
import { Keywords, keywordList, keywordText } from "./keywords.ts"
import { MessageRows } from "./message-rows.ts"
import type { Query } from "./query.ts"
import { type Message, StoreError } from "./types.ts"

export type Given = {
  flags: number
  keywords: string[]
  internalDate: number
  internalZone: number
  deliveryId?: string
}
export type Copied = { source: number[]; target: number[] }
export type FlagResult = { changed: Message[]; unchanged: Message[]; conflicted: Message[] }

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
  readonly #deliveries: Deliveries
  readonly #take: Query<[count: number, mailbox: number, count: number], Taken>
  readonly #nextModseq: Query<[mailbox: number], number>
  readonly #insert: Query<NewRow, unknown>
  readonly #setFlags: Query<[flags: number, keywords: string, modseq: number, mailbox: number, uid: number], unknown>
  readonly #deleted: Query<[mailbox: number], number>
  readonly #remove: Query<[mailbox: number, uid: number], { content: number; flags: number }>
  readonly #removeAll: Query<[mailbox: number], unknown>
  readonly #contentsOf: Query<[mailbox: number], number>
  readonly #log: Query<[mailbox: number, modseq: number, uid: number], unknown>
  readonly #logged: Query<[mailbox: number, modseq: number], number>
  readonly #dropLog: Query<[mailbox: number], unknown>

  constructor(connection: Connection, account: Account, contents: Contents) {
    this.#connection = connection
    this.#account = account
    this.#contents = contents
    this.#rows = new MessageRows(connection, account.objectIds)
    this.#keywords = new Keywords(connection)
    this.#deliveries = new Deliveries(connection)
    this.#take = connection.prepare(
      `UPDATE mailbox SET uid_next = uid_next + ?, modseq = modseq + 1 WHERE id = ?
       RETURNING uid_next - ? AS first, modseq, selectable`,
    )
    this.#nextModseq = connection.pluck("UPDATE mailbox SET modseq = modseq + 1 WHERE id = ? RETURNING modseq")
    this.#insert = connection.prepare(
      `INSERT INTO message (mailbox, uid, content, flags, keywords, modseq, internal_date, internal_zone, saved_at, size, thread)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#setFlags = connection.prepare(
      "UPDATE message SET flags = ?, keywords = ?, modseq = ? WHERE mailbox = ? AND uid = ?",
    )
    this.#deleted = connection.pluck("SELECT uid FROM message WHERE mailbox = ? AND flags & 8 <> 0 ORDER BY uid")
    this.#remove = connection.prepare("DELETE FROM message WHERE mailbox = ? AND uid = ? RETURNING content, flags")
    this.#removeAll = connection.prepare("DELETE FROM message WHERE mailbox = ?")
    this.#contentsOf = connection.pluck("SELECT DISTINCT content FROM message WHERE mailbox = ?")
    this.#log = connection.prepare("INSERT INTO expunged (mailbox, modseq, uid) VALUES (?, ?, ?)")
    this.#logged = connection.pluck("SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ? ORDER BY uid")
    this.#dropLog = connection.prepare("DELETE FROM expunged WHERE mailbox = ?")
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

  one(mailbox: number, uid: number): Message | undefined {
    return this.#rows.one(mailbox, uid)
  }

  /** With a mod-sequence greater than the given one, in UID order. */
  changedSince(mailbox: number, modseq: number): Message[] {
    return this.#rows.changedSince(mailbox, modseq)
  }

  /** UIDs removed after the given mod-sequence, ascending. */
  expungedSince(mailbox: number, modseq: number): number[] {
    return this.#logged.all(mailbox, modseq)
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
      const names =
        change.operation === "remove"
          ? this.#keywords.known(mailbox, change.keywords)
          : this.#keywords.learn(mailbox, change.keywords)
      const result: FlagResult = { changed: [], unchanged: [], conflicted: [] }
      let modseq = 0
      for (const uid of uids) {
        const message = this.one(mailbox, uid)
        if (message === undefined) continue
        if (change.unchangedSince !== null && message.modseq > change.unchangedSince) {
          result.conflicted.push(message)
          continue
        }
        const after = flagsAfter(message, change, names)
        if (after === null) {
          result.unchanged.push(message)
          continue
        }
        if (modseq === 0) modseq = this.#newModseq(mailbox)
        this.#setFlags.run(after.flags, after.keywords, modseq, mailbox, uid)
        result.changed.push({ ...message, flags: after.flags, keywords: keywordList(after.keywords), modseq })
      }
      return result
    })
  }

  /** EXPUNGE, or UID EXPUNGE with `uids` (RFC 4315 §2.1): removes and logs what has \Deleted. Returns the UIDs removed, ascending. */
  expunge(mailbox: number, uids: number[] | null): number[] {
    return this.#connection.transaction(() => {
      const only = uids === null ? null : new Set(uids)
      const gone = this.#deleted.all(mailbox).filter((uid) => only === null || only.has(uid))
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
      const messages = this.#existing(from, uids)
      const size = messages.reduce((sum, message) => sum + message.size, 0)
      if (messages.length > 0) this.#account.admit(size, messages.length)
      return this.#link(messages, to)
    })
  }

  /** As `copy`, and the source is removed and logged, all or nothing (RFC 6851 §3.3). Needs no quota. */
  move(from: number, uids: number[], to: number): Copied {
    return this.#connection.transaction(() => {
      const copied = this.#link(this.#existing(from, uids), to)
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
      const contents = this.#contentsOf.all(mailbox)
      this.#removeAll.run(mailbox)
      this.#dropLog.run(mailbox)
      this.#keywords.forget(mailbox)
      this.#contents.removeUnlinked(contents)
    })
  }

  #existing(mailbox: number, uids: readonly number[]): Message[] {
    const sorted = [...new Set(uids)].sort((a, b) => a - b)
    return sorted.map((uid) => this.one(mailbox, uid)).filter((message) => message !== undefined)
  }

  /** New rows in `to`, with one mod-sequence. */
  #link(messages: readonly Message[], to: number): Copied {
    const copied: Copied = { source: [], target: [] }
    if (messages.length === 0) return copied
    const { first, modseq } = this.#takeUids(to, messages.length)
    const now = Date.now()
    for (const [index, message] of messages.entries()) {
      const { uid, content, flags, internalDate, internalZone, size } = message
      const keywords = keywordText(this.#keywords.learn(to, message.keywords))
      const { thread } = this.#contents.facts(content)
      this.#insert.run(
        to,
        first + index,
        content,
        flags,
        keywords,
        modseq,
        internalDate,
        internalZone,
        now,
        size,
        thread,
      )
      copied.source.push(uid)
      copied.target.push(first + index)
    }
    return copied
  }

  #takeAway(mailbox: number, uids: readonly number[]): void {
    if (uids.length === 0) return
    const modseq = this.#newModseq(mailbox)
    const contents = new Set<number>()
    for (const uid of uids) {
      const gone = this.#remove.get(mailbox, uid)
      if (gone === undefined) continue
      contents.add(gone.content)
      this.#log.run(mailbox, modseq, uid)
    }
    this.#contents.removeUnlinked(contents)
  }

  /** UIDs are never given twice, also after expunge (RFC 3501 §2.3.1.1). */
  #takeUids(mailbox: number, count: number): Taken {
    const taken = this.#take.get(count, mailbox, count)
    if (taken === undefined) throw new StoreError("no-such-mailbox")
    if (taken.selectable === 0) throw new StoreError("not-selectable")
    this.#connection.touch(mailbox)
    return taken
  }

  #newModseq(mailbox: number): number {
    const modseq = this.#nextModseq.get(mailbox)
    if (modseq === undefined) throw new StoreError("no-such-mailbox")
    this.#connection.touch(mailbox)
    return modseq
  }
}

import { Account, type Quota, type Usage } from "./account.ts"
import { Annotations } from "./annotations.ts"
import type { CommitListener } from "./changes.ts"
import { check } from "./check.ts"
import type { Connection } from "./connection.ts"
import { Contents } from "./contents.ts"
import { LongCopies } from "./long-copies.ts"
import { Mailboxes } from "./mailboxes.ts"
import { Messages } from "./messages.ts"
import type { ObjectIds } from "./object-ids.ts"
import { Orderings } from "./orderings.ts"
import { SlotList } from "./slot-list.ts"
import { StoreError, type StoreLimits } from "./types.ts"

export type { Quota, Usage } from "./account.ts"
export { type Annotation, type Annotations, wholeAccount } from "./annotations.ts"
export type { Change, Commit } from "./changes.ts"
export type { ContentWriter } from "./content-writer.ts"
export type { Contents } from "./contents.ts"
export { type FlagChange, keepsKeywords } from "./flag-change.ts"
export type { Mailboxes } from "./mailboxes.ts"
export type { Given, Messages } from "./messages.ts"
export type { OrderKey } from "./orderings.ts"
export type { SlotList } from "./slot-list.ts"

/** Free pages given back to the disk in one slice. */
const returnedPages = 64

/**
 * One user's open mailbox. Everything is synchronous; what a method has changed is on the disk when it
 * returns, or when the outermost `transaction` around it does.
 */
export class Store {
  readonly mailboxes: Mailboxes
  readonly messages: Messages
  readonly contents: Contents
  readonly longCopies: LongCopies
  readonly slots: SlotList
  readonly annotations: Annotations
  readonly objectIds: ObjectIds
  readonly orderings: Orderings
  readonly #connection: Connection
  readonly #account: Account

  /** Made by `createStore` and `openStore`. */
  constructor(connection: Connection, quota: Quota, limits: StoreLimits) {
    this.#connection = connection
    this.#account = new Account(connection, quota)
    this.objectIds = this.#account.objectIds
    this.contents = new Contents(connection, this.#account)
    this.messages = new Messages(connection, this.#account, this.contents, limits)
    this.longCopies = new LongCopies(connection, this.messages)
    this.orderings = new Orderings(connection)
    this.annotations = new Annotations(connection, limits)
    this.mailboxes = new Mailboxes(connection, this.#account, this.messages, this.longCopies, this.annotations, limits)
    this.slots = new SlotList(connection)
  }

  /**
   * One durable transaction; calls inside join it. When a joined call fails after it wrote something, the whole
   * cannot be committed any more. `work` must not wait.
   *
   * @throws StoreError `disk-full`, `damaged`; and what `work` throws, everything being undone then
   */
  transaction<T>(work: () => T): T {
    return this.#connection.transaction(work)
  }

  /** `listener` is called after each commit that changed something to do with mailboxes. Returns what ends that. */
  onCommit(listener: CommitListener): () => void {
    return this.#connection.changes.listen(listener)
  }

  /** What `work` commits, also after it waited, is announced as `author`'s. */
  by<T>(author: object, work: () => T): T {
    return this.#connection.changes.by(author, work)
  }

  /** What `usage` may not exceed; zero is no limit. */
  quota(): Quota {
    return this.#account.quota
  }

  /** Octets and messages against quota; copies count. */
  usage(): Usage {
    return this.#account.usage()
  }

  /**
   * Upkeep that makes others slower while it is not done, a slice of it: what of the search index is not merged makes
   * every search slower, and more comes all the time; what a COPY left that failed is seen. False when there is none.
   *
   * @throws StoreError `disk-full`: later, or after the next open, there may be room
   */
  tidySoon(): boolean {
    return this.contents.words.merge() || this.longCopies.takeBack()
  }

  /**
   * Upkeep, a slice of it: that of `tidySoon` first, then what has no hurry. Removes some of what deletions and a crash
   * left behind, makes the search index anew, brings what an older version wrote up to date, gives free pages back to
   * the disk. False when there is nothing to do.
   *
   * @throws StoreError `disk-full`: later, or after the next open, there may be room
   */
  tidy(): boolean {
    const { words } = this.contents
    return (
      this.tidySoon() ||
      this.mailboxes.clear() ||
      this.contents.clear() ||
      this.orderings.fill() ||
      this.contents.fill() ||
      words.renew() ||
      this.#connection.returnFreePages(returnedPages)
    )
  }

  /** Invariants that do not hold; empty when all do. Reads everything. */
  check(): string[] {
    return check(this.#connection)
  }

  /**
   * Removes what was deleted, as far as a second reaches, writes the log back, leaves only the database file, wipes what
   * the engine knows of the key. Safe to call twice.
   */
  close(): void {
    if (this.#connection.open) this.#clearForASecond()
    this.#connection.close()
  }

  /** What cannot be removed now, for want of room or because it is damaged, is for the next open. */
  #clearForASecond(): void {
    const end = performance.now() + 1000
    try {
      while (performance.now() < end && this.contents.clear());
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }
}

import type Database from "better-sqlite3-multiple-ciphers"
import { type Change, ChangeFeed } from "./changes.ts"
import { inOurWords, isFull, translated } from "./fault.ts"
import { Query } from "./query.ts"

/** Work that is cheaper at the end of a transaction than in the middle: done before COMMIT, or dropped by ROLLBACK. */
export type Deferred = { write(): void; drop(): void }

/**
 * One open database: prepares statements and runs transactions; `changes` tells what they changed.
 *
 * A transaction inside a transaction joins it. When the inner one fails after it has written, the outer one
 * cannot commit any more, even if the error was caught in between: half an operation is never made durable.
 */
export class Connection {
  readonly #db: Database.Database
  readonly #totalChanges: Query<[], number>
  readonly #freePages: Query<[], number>
  readonly changes = new ChangeFeed()
  readonly #deferred: Deferred[] = []
  #doom: { error: unknown } | null = null

  constructor(db: Database.Database) {
    this.#db = db
    this.#totalChanges = this.pluck("SELECT total_changes()")
    this.#freePages = this.pluck("PRAGMA freelist_count")
  }

  /** Rows as objects. */
  prepare<P extends unknown[], R = unknown>(sql: string): Query<P, R> {
    return new Query(this.#db.prepare(sql) as unknown as Database.Statement<P, R>)
  }

  /** Rows as their first column. */
  pluck<P extends unknown[], R>(sql: string): Query<P, R> {
    return new Query(this.#db.prepare(sql).pluck() as unknown as Database.Statement<P, R>)
  }

  /** Rows as arrays of columns. */
  raw<P extends unknown[], R extends unknown[]>(sql: string): Query<P, R> {
    return new Query(this.#db.prepare(sql).raw() as unknown as Database.Statement<P, R>)
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction
  }

  get open(): boolean {
    return this.#db.open
  }

  /** To be called inside a transaction, by whatever changes a mailbox or what is in it. */
  note(change: Change): void {
    this.changes.note(change)
  }

  defer(work: Deferred): void {
    this.#deferred.push(work)
  }

  /**
   * BEGIN IMMEDIATE, work, COMMIT (durable when this returns); ROLLBACK when work throws.
   *
   * @throws StoreError `disk-full`, `damaged`; and what `work` throws
   */
  transaction<T>(work: () => T): T {
    if (this.#db.inTransaction) return this.#join(work)
    const result = this.#outermost(work)
    this.changes.announce()
    return result
  }

  #outermost<T>(work: () => T): T {
    this.changes.drop()
    this.#doom = null
    try {
      this.#db.exec("BEGIN IMMEDIATE")
      const result = work()
      if (result instanceof Promise) throw new TypeError("a transaction does not wait: its work returned a promise")
      this.#refuseIfDoomed()
      for (const deferred of this.#deferred) deferred.write()
      this.#db.exec("COMMIT")
      return result
    } catch (error) {
      this.changes.drop()
      for (const deferred of this.#deferred) deferred.drop()
      // A full disk can make the engine roll back by itself.
      if (this.#db.inTransaction) this.#db.exec("ROLLBACK")
      throw inOurWords(error)
    }
  }

  #join<T>(work: () => T): T {
    const before = this.#totalChanges.get()
    try {
      return work()
    } catch (error) {
      if (!this.#db.inTransaction || this.#totalChanges.get() !== before) this.#doom ??= { error }
      throw error
    }
  }

  #refuseIfDoomed(): void {
    if (this.#doom !== null) throw this.#doom.error
  }

  /**
   * Statements in one transaction that give up many pages. Unlike elsewhere these are not overwritten, which took
   * long: they keep their old octets until they are used again, or `returnFreePages` cuts them off the file.
   */
  dropping(sql: string): void {
    translated(() => this.#db.pragma("secure_delete = OFF"))
    try {
      this.transaction(() => this.#db.exec(sql))
    } finally {
      translated(() => this.#db.pragma("secure_delete = ON"))
    }
  }

  /** Gives at most so many free pages back to the disk. False when there was none. @throws StoreError `disk-full` */
  returnFreePages(most: number): boolean {
    if (this.#freePages.get() === 0) return false
    translated(() => this.#db.exec(`PRAGMA incremental_vacuum(${most})`))
    return true
  }

  /** What `PRAGMA integrity_check` finds; empty when the file is sound. */
  integrity(): string[] {
    const rows = translated(() => this.#db.pragma("integrity_check(20)")) as { integrity_check: string }[]
    return rows.map((row) => row.integrity_check).filter((text) => text !== "ok")
  }

  /**
   * Writes the log back into the file, empties it, gives free pages back to the disk (at most 20 MB of them),
   * closes. On a full disk the log stays, and the next open goes on from it. Safe to call twice.
   */
  close(): void {
    if (!this.#db.open) return
    if (this.#db.inTransaction) throw new Error("close inside a transaction")
    try {
      translated(() => this.#db.exec("PRAGMA incremental_vacuum(5000); PRAGMA wal_checkpoint(TRUNCATE)"))
    } catch (error) {
      if (!isFull(error)) throw error
    } finally {
      this.#db.close()
    }
  }
}

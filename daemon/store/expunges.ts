import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"
import { uidRuns } from "./uid-runs.ts"

/** Statements that remove messages and remember which they were (RFC 7162 VANISHED). */
export class Expunges {
  readonly #deleted: Query<[mailbox: number, first: number, last: number], number>
  readonly #log: Query<[modseq: number, mailbox: number, first: number, last: number], unknown>
  readonly #remove: Query<[mailbox: number, first: number, last: number], number>
  readonly #removeFirst: Query<[mailbox: number, again: number, count: number], number>
  readonly #removeAll: Query<[mailbox: number], number>
  readonly #logged: Query<[mailbox: number, modseq: number], number>
  readonly #dropLog: Query<[mailbox: number], unknown>

  constructor(connection: Connection) {
    this.#deleted = connection.pluck(
      "SELECT uid FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? AND flags & 8 <> 0 ORDER BY uid",
    )
    this.#log = connection.prepare(
      "INSERT INTO expunged (mailbox, modseq, uid) SELECT mailbox, ?, uid FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ?",
    )
    this.#remove = connection.pluck("DELETE FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? RETURNING content")
    this.#removeFirst = connection.pluck(
      `DELETE FROM message WHERE mailbox = ?
       AND uid IN (SELECT uid FROM message WHERE mailbox = ? ORDER BY uid LIMIT ?) RETURNING content`,
    )
    this.#removeAll = connection.pluck("DELETE FROM message WHERE mailbox = ? RETURNING content")
    this.#logged = connection.pluck("SELECT uid FROM expunged WHERE mailbox = ? AND modseq > ? ORDER BY uid")
    this.#dropLog = connection.prepare("DELETE FROM expunged WHERE mailbox = ?")
  }

  /** UIDs with \Deleted, ascending; of the given ones, or null for all. */
  deleted(mailbox: number, uids: readonly number[] | null): number[] {
    if (uids === null) return this.#deleted.all(mailbox, 1, Number.MAX_SAFE_INTEGER)
    return uidRuns(uids).flatMap(([first, last]) => this.#deleted.all(mailbox, first, last))
  }

  /** Inside a transaction. Returns the contents these messages had. */
  remove(mailbox: number, uids: readonly number[], modseq: number): Set<number> {
    const contents = new Set<number>()
    for (const [first, last] of uidRuns(uids)) {
      this.#log.run(modseq, mailbox, first, last)
      for (const content of this.#remove.all(mailbox, first, last)) contents.add(content)
    }
    return contents
  }

  /** The first so many, without a word to anybody. Returns the contents. */
  removeFirst(mailbox: number, count: number): Set<number> {
    return new Set(this.#removeFirst.all(mailbox, mailbox, count))
  }

  /** Everything, with the log, of a mailbox that goes. Returns the contents. */
  removeMailbox(mailbox: number): Set<number> {
    this.#dropLog.run(mailbox)
    return new Set(this.#removeAll.all(mailbox))
  }

  /** UIDs removed after the given mod-sequence, ascending. */
  since(mailbox: number, modseq: number): number[] {
    return this.#logged.all(mailbox, modseq)
  }
}

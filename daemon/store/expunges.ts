import type { Connection } from "./connection.ts"
import type { Links } from "./links.ts"
import type { Query } from "./query.ts"
import { type Run, uidRuns } from "./uid-runs.ts"

/** Removes messages and remembers which they were (RFC 7162 VANISHED). */
export class Expunges {
  readonly #links: Links
  readonly #log: Query<[mailbox: number, modseq: number, runs: string], unknown>
  readonly #first: Query<[mailbox: number, count: number], number>
  readonly #logged: Query<[mailbox: number, modseq: number], Run>
  readonly #dropLog: Query<[mailbox: number], unknown>

  constructor(connection: Connection, links: Links) {
    this.#links = links
    this.#log = connection.prepare(
      "INSERT INTO expunged (mailbox, modseq, first, last) SELECT ?, ?, value ->> 0, value ->> 1 FROM json_each(?)",
    )
    this.#first = connection.pluck("SELECT uid FROM message WHERE mailbox = ? ORDER BY uid LIMIT ?")
    this.#logged = connection.raw("SELECT first, last FROM expunged WHERE mailbox = ? AND modseq > ? ORDER BY first")
    this.#dropLog = connection.prepare("DELETE FROM expunged WHERE mailbox = ?")
  }

  /** Messages that are there. Inside a transaction. Returns the contents that no message has any more. */
  remove(mailbox: number, uids: readonly number[], modseq: number): number[] {
    const runs = uidRuns(uids)
    this.#log.run(mailbox, modseq, JSON.stringify(runs))
    return this.#links.remove(mailbox, runs)
  }

  /** The first so many, without a word to anybody. Returns the same. */
  removeFirst(mailbox: number, count: number): number[] {
    return this.#links.remove(mailbox, [[1, this.#first.all(mailbox, count).at(-1) ?? 0]])
  }

  /** Everything, with the log, of a mailbox that goes. Returns the same. */
  removeMailbox(mailbox: number): number[] {
    this.#dropLog.run(mailbox)
    return this.#links.remove(mailbox, [[1, Number.MAX_SAFE_INTEGER]])
  }

  /** UIDs removed after the given mod-sequence, ascending: there may be many more of them than there ever were messages. */
  since(mailbox: number, modseq: number): Run[] {
    return this.#logged.all(mailbox, modseq)
  }
}

import type { Connection } from "./connection.ts"
import { type Keywords, keywordList, keywordText } from "./keywords.ts"
import type { Query } from "./query.ts"
import { type Run, uidRuns } from "./uid-runs.ts"

/** Source and target UIDs in pairs, ascending. */
export type Copied = { source: number[]; target: number[] }

/** What is to be copied: the UIDs that exist, ascending, their octets, and every set of keywords among them. */
export type Originals = { uids: number[]; bytes: number; keywords: Set<string> }

type Row = [uid: number, size: number, keywords: string]
type Target = { to: number; first: number; modseq: number; now: number; from: number; low: number; high: number }

/** Statements that put messages of one mailbox into another, run by run. */
export class Copies {
  readonly #keywords: Keywords
  readonly #rows: Query<[mailbox: number, first: number, last: number], Row>
  readonly #copy: Query<[Target], unknown>
  readonly #respell: Query<[spelling: string, mailbox: number, first: number, last: number, keywords: string], unknown>

  constructor(connection: Connection, keywords: Keywords) {
    this.#keywords = keywords
    this.#rows = connection.raw("SELECT uid, size, keywords FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ?")
    this.#copy = connection.prepare(
      `INSERT INTO message
         (mailbox, uid, content, flags, keywords, modseq, internal_date, internal_zone, saved_at, size, thread)
       SELECT :to, :first + uid - :low, content, flags, keywords, :modseq, internal_date, internal_zone, :now, size, thread
       FROM message WHERE mailbox = :from AND uid BETWEEN :low AND :high ORDER BY uid`,
    )
    this.#respell = connection.prepare(
      "UPDATE message SET keywords = ? WHERE mailbox = ? AND uid BETWEEN ? AND ? AND keywords = ?",
    )
  }

  /** UIDs that do not exist are passed over. */
  originals(mailbox: number, uids: readonly number[]): Originals {
    const found: Originals = { uids: [], bytes: 0, keywords: new Set() }
    for (const [first, last] of uidRuns(uids)) {
      for (const [uid, size, keywords] of this.#rows.all(mailbox, first, last)) {
        found.uids.push(uid)
        found.bytes += size
        if (keywords !== "") found.keywords.add(keywords)
      }
    }
    return found
  }

  /**
   * Gives the originals the UIDs from `first` on in mailbox `to`. Inside a transaction.
   *
   * @throws StoreError `too-many-keywords`
   */
  link(from: number, { uids, keywords }: Originals, to: number, first: number, modseq: number): Copied {
    const now = Date.now()
    const target = uids.map((_, at) => first + at)
    let next = first
    for (const [low, high] of uidRuns(uids)) {
      this.#copy.run({ to, first: next, modseq, now, from, low, high })
      next += high - low + 1
    }
    this.#spellAs(to, keywords, [first, next - 1])
    return { source: uids, target }
  }

  /** Keywords are spelled as the mailbox they come to knows them. */
  #spellAs(mailbox: number, keywords: ReadonlySet<string>, [first, last]: Run): void {
    for (const there of keywords) {
      const here = keywordText(this.#keywords.learn(mailbox, keywordList(there)))
      if (here !== there) this.#respell.run(here, mailbox, first, last, there)
    }
  }
}

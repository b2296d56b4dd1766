import type { Connection } from "./connection.ts"
import { bitsOf, type FlagChange, flagsAfter, keepsKeywords } from "./flag-change.ts"
import { type Keywords, keywordList } from "./keywords.ts"
import type { MessageRows } from "./message-rows.ts"
import type { Query } from "./query.ts"
import type { Message } from "./types.ts"
import { type Run, uidRuns } from "./uid-runs.ts"

export type FlagResult = { changed: Message[]; unchanged: Message[]; conflicted: Message[] }

type Bits = { set: number; cleared: number }

/** Messages side by side that become alike. */
type Write = { first: number; last: number; flags: number; keywords: string }

/** Statements that change flags and keywords. */
export class FlagStore {
  readonly #rows: MessageRows
  readonly #keywords: Keywords
  readonly #most: number
  readonly #alike: Query<[Write & { modseq: number; mailbox: number }], unknown>
  readonly #differs: Query<[Bits & { mailbox: number; first: number; last: number }], number>
  readonly #run: Query<
    [Bits & { modseq: number; since: number; mailbox: number; first: number; last: number }],
    unknown
  >

  /** `most` keywords on one message. */
  constructor(connection: Connection, rows: MessageRows, keywords: Keywords, most: number) {
    this.#most = most
    this.#rows = rows
    this.#keywords = keywords
    this.#alike = connection.prepare(
      `UPDATE message SET flags = :flags, keywords = :keywords, modseq = :modseq
       WHERE mailbox = :mailbox AND uid BETWEEN :first AND :last`,
    )
    this.#differs = connection.pluck(
      `SELECT 1 FROM message WHERE mailbox = :mailbox AND uid BETWEEN :first AND :last
         AND (flags | :set) & ~:cleared <> flags LIMIT 1`,
    )
    this.#run = connection.prepare(
      `UPDATE message SET flags = (flags | :set) & ~:cleared, modseq = :modseq
       WHERE mailbox = :mailbox AND uid BETWEEN :first AND :last AND modseq <= :since
         AND (flags | :set) & ~:cleared <> flags`,
    )
  }

  /**
   * As `store`, of a change that keeps keywords and has no condition, in ranges of UIDs: nothing has to be read. Returns
   * the new mod-sequence, or null when nothing changed.
   */
  mark(mailbox: number, ranges: readonly Run[], change: FlagChange, newModseq: () => number): number | null {
    const bits = bitsOf(change)
    if (!ranges.some(([first, last]) => this.#differs.get({ ...bits, mailbox, first, last }) !== undefined)) return null
    const modseq = newModseq()
    this.#writeRuns(mailbox, ranges, change, modseq)
    return modseq
  }

  /** Inside a transaction. `newModseq` is asked at most once, when something changes. @throws StoreError `too-many-keywords` */
  store(mailbox: number, uids: readonly number[], change: FlagChange, newModseq: () => number): FlagResult {
    const runs = uidRuns(uids)
    const result: FlagResult = { changed: [], unchanged: [], conflicted: [] }
    // Not before a message is changed: a keyword that none gets is not to be listed.
    let names: string[] | null = null
    let modseq = 0
    for (const message of this.#rows.rows(mailbox, runs)) {
      if (change.unchangedSince !== null && message.modseq > change.unchangedSince) {
        result.conflicted.push(message)
        continue
      }
      names ??= this.#names(mailbox, change)
      const after = flagsAfter(message, change, names, this.#most)
      if (after === null) {
        result.unchanged.push(message)
        continue
      }
      if (modseq === 0) modseq = newModseq()
      const keywords = after.keywords === null ? message.keywords : keywordList(after.keywords)
      result.changed.push({ ...message, flags: after.flags, keywords, modseq })
    }
    if (keepsKeywords(change)) this.#writeRuns(mailbox, runs, change, modseq)
    else for (const write of writesOf(result.changed)) this.#alike.run({ ...write, modseq, mailbox })
    return result
  }

  #names(mailbox: number, { operation, keywords }: FlagChange): string[] {
    return operation === "remove" ? this.#keywords.known(mailbox, keywords) : this.#keywords.learn(mailbox, keywords)
  }

  /** The same decision as `flagsAfter` makes, in the engine: what changes, changes alike. */
  #writeRuns(mailbox: number, runs: readonly Run[], change: FlagChange, modseq: number): void {
    if (modseq === 0) return
    const bits = bitsOf(change)
    const since = change.unchangedSince ?? modseq - 1
    for (const [first, last] of runs) this.#run.run({ ...bits, modseq, since, mailbox, first, last })
  }
}

/** Of messages as they are to be, ascending. */
function writesOf(changed: readonly Message[]): Write[] {
  const writes: Write[] = []
  for (const { uid, flags, keywords: list } of changed) {
    const keywords = list.join(" ")
    const before = writes.at(-1)
    if (before?.last === uid - 1 && before.flags === flags && before.keywords === keywords) before.last = uid
    else writes.push({ first: uid, last: uid, flags, keywords })
  }
  return writes
}

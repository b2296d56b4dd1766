import type { Connection } from "./connection.ts"
import { bitsAfter, type FlagChange, flagsAfter, keepsKeywords } from "./flag-change.ts"
import { type Keywords, keywordList } from "./keywords.ts"
import type { MessageRows } from "./message-rows.ts"
import type { Query } from "./query.ts"
import type { Message } from "./types.ts"
import { type Run, uidRuns } from "./uid-runs.ts"

export type FlagResult = { changed: Message[]; unchanged: Message[]; conflicted: Message[] }

type Bits = { set: number; cleared: number }

/** Statements that change flags and keywords. */
export class FlagStore {
  readonly #rows: MessageRows
  readonly #keywords: Keywords
  readonly #most: number
  readonly #one: Query<[flags: number, keywords: string, modseq: number, mailbox: number, uid: number], unknown>
  readonly #run: Query<
    [Bits & { modseq: number; since: number; mailbox: number; first: number; last: number }],
    unknown
  >

  /** `most` keywords on one message. */
  constructor(connection: Connection, rows: MessageRows, keywords: Keywords, most: number) {
    this.#most = most
    this.#rows = rows
    this.#keywords = keywords
    this.#one = connection.prepare(
      "UPDATE message SET flags = ?, keywords = ?, modseq = ? WHERE mailbox = ? AND uid = ?",
    )
    this.#run = connection.prepare(
      `UPDATE message SET flags = (flags | :set) & ~:cleared, modseq = :modseq
       WHERE mailbox = :mailbox AND uid BETWEEN :first AND :last AND modseq <= :since
         AND (flags | :set) & ~:cleared <> flags`,
    )
  }

  /** Inside a transaction. `newModseq` is asked at most once, when something changes. @throws StoreError `too-many-keywords` */
  store(mailbox: number, uids: readonly number[], change: FlagChange, newModseq: () => number): FlagResult {
    const runs = uidRuns(uids)
    const result: FlagResult = { changed: [], unchanged: [], conflicted: [] }
    const names = this.#names(mailbox, change)
    let modseq = 0
    for (const message of this.#rows.rows(mailbox, runs)) {
      if (change.unchangedSince !== null && message.modseq > change.unchangedSince) {
        result.conflicted.push(message)
        continue
      }
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
    else this.#writeEach(mailbox, result.changed)
    return result
  }

  #names(mailbox: number, { operation, keywords }: FlagChange): string[] {
    return operation === "remove" ? this.#keywords.known(mailbox, keywords) : this.#keywords.learn(mailbox, keywords)
  }

  /** The same decision as `flagsAfter` makes, in the engine: what changes, changes alike. */
  #writeRuns(mailbox: number, runs: readonly Run[], change: FlagChange, modseq: number): void {
    if (modseq === 0) return
    const bits = { set: bitsAfter(0, change), cleared: change.operation === "remove" ? change.flags : 0 }
    const since = change.unchangedSince ?? modseq - 1
    for (const [first, last] of runs) this.#run.run({ ...bits, modseq, since, mailbox, first, last })
  }

  #writeEach(mailbox: number, changed: readonly Message[]): void {
    for (const { uid, flags, keywords, modseq } of changed) {
      this.#one.run(flags, keywords.join(" "), modseq, mailbox, uid)
    }
  }
}

import { bitsOf, type FlagChange, flagsAfter } from "./flag-change.ts"
import { type Keywords, keywordList } from "./keywords.ts"
import type { Marks } from "./marks.ts"
import type { Marked } from "./types.ts"
import { type Run, uidRuns } from "./uid-runs.ts"

export type FlagResult = { changed: Marked[]; unchanged: Marked[]; conflicted: Marked[] }

/** How many messages there were, and the new mod-sequence; null when nothing changed. */
export type MarkResult = { found: number; modseq: number | null }

/** What STORE makes of flags and keywords. Inside a transaction; `newModseq` is asked at most once, when something changes. */
export class FlagStore {
  readonly #marks: Marks
  readonly #keywords: Keywords
  readonly #most: number

  /** `most` keywords on one message. */
  constructor(marks: Marks, keywords: Keywords, most: number) {
    this.#most = most
    this.#marks = marks
    this.#keywords = keywords
  }

  /** As `store`, of a change that keeps keywords and has no condition, in ranges of UIDs: nothing has to be told apart. */
  mark(mailbox: number, ranges: readonly Run[], change: FlagChange, newModseq: () => number): MarkResult {
    return this.#marks.mark(mailbox, ranges, bitsOf(change), newModseq)
  }

  /** @throws StoreError `too-many-keywords` */
  store(mailbox: number, uids: readonly number[], change: FlagChange, newModseq: () => number): FlagResult {
    const result: FlagResult = { changed: [], unchanged: [], conflicted: [] }
    // Not before a message is changed: a keyword that none gets is not to be listed.
    let names: string[] | null = null
    let modseq: number | null = null
    this.#marks.change(mailbox, uidRuns(uids), (before) => {
      if (change.unchangedSince !== null && before.modseq > change.unchangedSince) {
        result.conflicted.push(before)
        return null
      }
      names ??= this.#names(mailbox, change)
      const after = flagsAfter(before, change, names, this.#most)
      if (after === null) {
        result.unchanged.push(before)
        return null
      }
      modseq ??= newModseq()
      const keywords = after.keywords === null ? before.keywords : keywordList(after.keywords)
      const changed = { uid: before.uid, flags: after.flags, keywords, modseq }
      result.changed.push(changed)
      return changed
    })
    return result
  }

  #names(mailbox: number, { operation, keywords }: FlagChange): string[] {
    return operation === "remove" ? this.#keywords.known(mailbox, keywords) : this.#keywords.learn(mailbox, keywords)
  }
}

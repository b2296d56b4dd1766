import { type Keywords, keywordText } from "./keywords.ts"
import type { Links, Originals } from "./links.ts"
import type { Marks } from "./marks.ts"
import { uidRuns } from "./uid-runs.ts"

/** Source and target UIDs in pairs, ascending. */
export type Copied = { source: number[]; target: number[] }

/** Puts messages of one mailbox into another, run by run. */
export class Copies {
  readonly #marks: Marks
  readonly #links: Links
  readonly #keywords: Keywords

  constructor(marks: Marks, links: Links, keywords: Keywords) {
    this.#marks = marks
    this.#links = links
    this.#keywords = keywords
  }

  /** UIDs that do not exist are passed over. */
  originals(mailbox: number, uids: readonly number[]): Originals {
    const runs = uidRuns(uids)
    const [, bytes] = this.#links.totals(mailbox, runs)
    return { marks: this.#marks.read(mailbox, runs), bytes }
  }

  /**
   * Gives the originals the UIDs from `first` on in mailbox `to`. Inside a transaction.
   *
   * @throws StoreError `too-many-keywords`
   */
  link(from: number, originals: Originals, to: number, first: number, modseq: number): Copied {
    this.#links.copy(from, originals, { to, first, modseq }, this.#spelling(to))
    const source = originals.marks.map(({ uid }) => uid)
    return { source, target: source.map((_, at) => first + at) }
  }

  /** Keywords are spelled as the mailbox they come to knows them; it is asked once for each set of them. */
  #spelling(mailbox: number): (there: readonly string[]) => string {
    const known = new Map([["", ""]])
    return (there) => {
      const text = there.join(" ")
      const here = known.get(text) ?? keywordText(this.#keywords.learn(mailbox, there))
      known.set(text, here)
      return here
    }
  }
}

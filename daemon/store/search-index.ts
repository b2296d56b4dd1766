import { foldForSearch } from "../message/normalize.ts"
import type { Connection } from "./connection.ts"
import { IndexMerge } from "./index-merge.ts"
import type { Query } from "./query.ts"

/**
 * Characters of a content that is indexed. The index is most of what storing a message costs (about 0.15 µs a
 * character), so a long one must not hold up the others: past this, it is a candidate of every search.
 */
const maxIndexedCharacters = 131_072

/** Trigrams asked for in one query; more of them hardly narrow further. */
const maxTrigrams = 24

/** Characters that wait for the end of a transaction at most. */
const maxWaitingCharacters = 4_194_304

/** Transactions that wrote a segment, and may wait to be merged; more of them merge some themselves. */
const maxBehind = 24

/**
 * Statements on `trigram`, an FTS5 index that stores for each three characters only the list of contents
 * (`detail = none`). A text that contains the needle has all of the needle's trigrams, so their AND is a
 * superset of the answer; order and distance are for the caller to compare.
 *
 * Texts go in and out together when the transaction ends: FTS5 collects in memory, but writes that out at every
 * statement of the transaction that needs a savepoint of its own (one with triggers does), which made a
 * batch three times slower.
 */
export class SearchIndex {
  readonly #renewing: Query<[], number>
  readonly #insert: Query<[content: number, text: string], unknown>
  readonly #insertNext: Query<[content: number, text: string], unknown>
  readonly #removals: readonly Query<[content: number], unknown>[]
  readonly #countGone: Query<[count: number], unknown>
  readonly #match: Query<[expression: string, from: number, to: number, ...same: [string, number, number]], number>
  readonly #always: Query<[from: number, to: number], number>

  readonly #merge: IndexMerge
  readonly #mergeNext: IndexMerge
  #behind = 0

  readonly #waiting = new Map<number, string>()
  readonly #leaving = new Set<number>()
  #waitingCharacters = 0

  constructor(connection: Connection) {
    connection.defer({ write: () => this.#write(), drop: () => this.#clear() })
    this.#renewing = connection.pluck("SELECT index_renewed IS NOT NULL FROM account")
    this.#insert = connection.prepare("INSERT INTO trigram (rowid, folded) VALUES (?, ?)")
    this.#insertNext = connection.prepare("INSERT INTO trigram_next (rowid, folded) VALUES (?, ?)")
    this.#removals = [
      connection.prepare("DELETE FROM trigram WHERE rowid = ?"),
      connection.prepare("DELETE FROM trigram_next WHERE rowid = ?"),
    ]
    this.#countGone = connection.prepare("UPDATE account SET index_gone = index_gone + ?")
    this.#match = connection.pluck(
      `SELECT rowid FROM trigram WHERE trigram MATCH ? AND rowid BETWEEN ? AND ?
       UNION ALL SELECT rowid FROM trigram_next WHERE trigram_next MATCH ? AND rowid BETWEEN ? AND ?`,
    )
    this.#merge = new IndexMerge(connection, "trigram")
    this.#mergeNext = new IndexMerge(connection, "trigram_next")
    this.#always = connection.pluck("SELECT content FROM words WHERE indexed = 0 AND content BETWEEN ? AND ?")
  }

  /** Inside a transaction. False when the text is too long, and the content has to be looked at in every search. */
  add(content: number, headerText: string, bodyText: string): boolean {
    const { text, whole } = indexedText(headerText, bodyText)
    this.#waiting.set(content, text)
    this.#waitingCharacters += text.length
    if (this.#waitingCharacters > maxWaitingCharacters) this.#write()
    return whole
  }

  /** Merges some segments of the index that grows. False when nothing had to be. @throws StoreError `disk-full`, `damaged` */
  mergeSome(): boolean {
    const merged = (this.#renewing.get() === 1 ? this.#mergeNext : this.#merge).some()
    if (!merged) this.#behind = 0
    return merged
  }

  /** Inside a transaction. */
  remove(content: number): void {
    if (!this.#waiting.delete(content)) this.#leaving.add(content)
  }

  /**
   * Contents whose text may contain `text`; null when it is too short to narrow anything. For one search: what
   * comes in later is not in it.
   */
  mayContain(text: string): Candidates | null {
    const trigrams = trigramsOf(indexed(text))
    if (trigrams.length === 0) return null
    const expression = trigrams.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(" AND ")
    return new Candidates((from, to) => {
      this.#write()
      return [...this.#match.all(expression, from, to, expression, from, to), ...this.#always.all(from, to)]
    })
  }

  #write(): void {
    if (this.#waiting.size === 0 && this.#leaving.size === 0) return
    const insert = this.#renewing.get() === 1 ? this.#insertNext : this.#insert
    for (const [content, text] of this.#waiting) insert.run(content, text)
    const gone = [...this.#leaving].filter((content) => this.#removed(content))
    if (gone.length > 0) this.#countGone.run(gone.length)
    if (this.#waiting.size > 0 && ++this.#behind > maxBehind) this.mergeSome()
    this.#clear()
  }

  /** False when it was not there (any more): a large content is removed in several goes. */
  #removed(content: number): boolean {
    return this.#removals.map((removal) => removal.run(content).changes).some((changes) => changes > 0)
  }

  #clear(): void {
    this.#waiting.clear()
    this.#leaving.clear()
    this.#waitingCharacters = 0
  }
}

/** Contents asked for at a time: a word that is everywhere must not hold up others for long. */
const blockContents = 4096

/** Which contents a search has to look at, asked of the index block by block, as they are needed. */
export class Candidates {
  readonly #ask: (from: number, to: number) => number[]
  readonly #blocks = new Map<number, Set<number>>()

  constructor(ask: (from: number, to: number) => number[]) {
    this.#ask = ask
  }

  has(content: number): boolean {
    const number = Math.floor(content / blockContents)
    let block = this.#blocks.get(number)
    if (block === undefined) {
      block = new Set(this.#ask(number * blockContents, (number + 1) * blockContents - 1))
      this.#blocks.set(number, block)
    }
    return block.has(content)
  }
}

/** What the index is given of a content: all of its text, or nothing when that is too long. */
export function indexedText(headerText: string, bodyText: string): { text: string; whole: boolean } {
  const text = bodyText.length > maxIndexedCharacters ? "" : indexed(`${headerText}\n${bodyText}`)
  const whole = bodyText.length <= maxIndexedCharacters && text.length <= maxIndexedCharacters
  return { text: whole ? text : "", whole }
}

/** The tokenizer takes NUL for the end of the text. */
function indexed(text: string): string {
  return foldForSearch(text).toWellFormed().replaceAll("\0", " ")
}

/** Distinct trigrams of code points, evenly chosen where there are too many. U+FFFD may stand for half a character, which no index has. */
function trigramsOf(text: string): string[] {
  const characters = Array.from(text)
  const all = new Set(characters.slice(2).map((last, index) => `${characters[index]}${characters[index + 1]}${last}`))
  const whole = [...all].filter((trigram) => !trigram.includes("\ufffd"))
  const every = Math.ceil(whole.length / maxTrigrams)
  return whole.filter((_, index) => index % every === 0)
}

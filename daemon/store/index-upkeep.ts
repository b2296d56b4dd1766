import type { Connection } from "./connection.ts"
import { nextIndex } from "./migrations/6-index-upkeep.sql.ts"
import type { Query } from "./query.ts"
import { indexedText } from "./search-index.ts"

/** Leaf pages that one merge writes: 5 to 20 ms. */
const mergedPages = 8

/** Characters that go into the new index in one transaction, and contents that are looked at. */
const renewedCharacters = 65_536
const renewedContents = 64

/** Fewer than these are not worth making the index anew: it changes the schema, and each statement is compiled again. */
const minGone = 50

/** Free pages given back to the disk in one go. */
const returnedPages = 64

/** What contents say, as it was given to the index. */
export type IndexedTexts = { header(content: number): string; body(content: number): { text: string } }

/**
 * Keeps the search index small and quick, in slices of some milliseconds between which others are served. FTS5
 * writes a segment for each transaction, and only marks what is deleted.
 *
 * - Segments are merged a few pages at a time. The engine would do it inside the transaction that comes next.
 * - Merging what is mostly marked as deleted cannot be divided: FTS5 counts the pages that it writes. So when
 *   a good part is gone the index is made anew from the stored texts, and the old one dropped as a whole.
 */
export class IndexUpkeep {
  readonly #connection: Connection
  readonly #texts: IndexedTexts
  readonly #totalChanges: Query<[], number>
  readonly #merge: Query<[], unknown>
  readonly #mergeNext: Query<[], unknown>
  readonly #state: Query<[], { gone: number; renewed: number | null }>
  readonly #count: Query<[], number>
  readonly #begin: Query<[], unknown>
  readonly #next: Query<[after: number, most: number], [content: number, there: number]>
  readonly #insert: Query<[content: number, text: string], unknown>
  readonly #notWhole: Query<[content: number], unknown>
  readonly #reached: Query<[content: number], unknown>

  constructor(connection: Connection, texts: IndexedTexts) {
    this.#connection = connection
    this.#texts = texts
    this.#totalChanges = connection.pluck("SELECT total_changes()")
    const merge = (table: string): Query<[], unknown> =>
      connection.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ${mergedPages})`)
    this.#merge = merge("trigram")
    this.#mergeNext = merge("trigram_next")
    this.#state = connection.prepare("SELECT index_gone AS gone, index_renewed AS renewed FROM account")
    this.#count = connection.pluck("SELECT count(*) FROM trigram_docsize")
    this.#begin = connection.prepare("UPDATE account SET index_gone = 0, index_renewed = 0")
    this.#next = connection.raw(
      `SELECT content, content IN (SELECT id FROM trigram_next_docsize) FROM words
       WHERE content > ? ORDER BY content LIMIT ?`,
    )
    this.#insert = connection.prepare("INSERT INTO trigram_next (rowid, folded) VALUES (?, ?)")
    this.#notWhole = connection.prepare("UPDATE words SET indexed = 0 WHERE content = ? AND indexed = 1")
    this.#reached = connection.prepare("UPDATE account SET index_renewed = ?")
  }

  /** One slice. False when there is nothing to do. @throws StoreError `disk-full`, `damaged` */
  step(): boolean {
    return this.#renew() || this.#merged(this.#merge) || this.#connection.returnFreePages(returnedPages)
  }

  /** False when there was nothing to merge. */
  #merged(merge: Query<[], unknown>): boolean {
    return this.#connection.transaction(() => {
      const before = this.#totalChanges.get() ?? 0
      merge.run()
      // One change is the statement itself.
      return (this.#totalChanges.get() ?? 0) - before > 1
    })
  }

  #renew(): boolean {
    const { gone, renewed } = this.#state.get() ?? { gone: 0, renewed: null }
    // Merged while it grows: a merge takes all segments of a size, and hundreds of them could not be divided well.
    if (renewed !== null) return this.#merged(this.#mergeNext) || this.#renewSome(renewed)
    if (gone < minGone || gone < (this.#count.get() ?? 0) / 2) return false
    this.#connection.transaction(() => this.#begin.run())
    return true
  }

  #renewSome(after: number): boolean {
    const some = this.#next.all(after, renewedContents)
    if (some.length === 0) this.#replace()
    else this.#connection.transaction(() => this.#reached.run(this.#addSome(some) ?? after))
    return true
  }

  /** Returns the last content that is in now. */
  #addSome(some: readonly [content: number, there: number][]): number | undefined {
    let characters = 0
    for (const [content, there] of some) {
      if (there === 1) continue
      characters += this.#add(content)
      if (characters >= renewedCharacters) return content
    }
    return some.at(-1)?.[0]
  }

  /** Returns the number of characters that went in. */
  #add(content: number): number {
    const { text, whole } = indexedText(this.#texts.header(content), this.#texts.body(content).text)
    this.#insert.run(content, text)
    // Another version of Unicode may fold to another length.
    if (!whole) this.#notWhole.run(content)
    return text.length
  }

  /** What was deleted meanwhile counts already for the next time. */
  #replace(): void {
    this.#connection.dropping(
      `DROP TABLE trigram;
       ALTER TABLE trigram_next RENAME TO trigram;
       ${nextIndex}
       UPDATE account SET index_renewed = NULL;`,
    )
  }
}

import type { Connection } from "./connection.ts"
import { nextIndex } from "./migrations/6-index-upkeep.sql.ts"
import type { Query } from "./query.ts"
import { indexedText } from "./search-index.ts"
import { StoreError } from "./types.ts"

/** Characters that go into the new index in one transaction, and contents that are looked at. */
const renewedCharacters = 65_536
const renewedContents = 64

/** Fewer than these are not worth making the index anew: it changes the schema, and each statement is compiled again. */
const minGone = 50

/** What contents say, as it was given to the index. */
export type IndexedTexts = { header(content: number): string; body(content: number): { text: string } }

type Next = [content: number, there: number, indexed: number]

/**
 * Makes the search index anew from the stored texts, in slices of some milliseconds between which others are served.
 *
 * FTS5 only marks what is deleted, and merging what is mostly marked cannot be divided: it counts the pages that it
 * writes. So when a good part is gone, a new index takes the place of the old one, which is dropped as a whole.
 */
export class IndexRenewal {
  readonly #connection: Connection
  readonly #texts: IndexedTexts
  readonly #state: Query<[], { gone: number; renewed: number | null; messages: number }>
  readonly #begin: Query<[], unknown>
  readonly #next: Query<[after: number, most: number], Next>
  readonly #insert: Query<[content: number, text: string], unknown>
  readonly #notWhole: Query<[content: number], unknown>
  readonly #reached: Query<[content: number], unknown>

  constructor(connection: Connection, texts: IndexedTexts) {
    this.#connection = connection
    this.#texts = texts
    this.#state = connection.prepare("SELECT index_gone AS gone, index_renewed AS renewed, messages FROM account")
    this.#begin = connection.prepare("UPDATE account SET index_gone = 0, index_renewed = 0")
    this.#next = connection.raw(
      `SELECT content, content IN (SELECT id FROM trigram_next_docsize), indexed FROM words
       WHERE content > ? ORDER BY content LIMIT ?`,
    )
    this.#insert = connection.prepare("INSERT INTO trigram_next (rowid, folded) VALUES (?, ?)")
    this.#notWhole = connection.prepare("UPDATE words SET indexed = 0 WHERE content = ?")
    this.#reached = connection.prepare("UPDATE account SET index_renewed = ?")
  }

  /** One slice. False when there is nothing to do. @throws StoreError `disk-full`, `damaged` */
  renew(): boolean {
    const { gone, renewed, messages } = this.#state.get() ?? { gone: 0, renewed: null, messages: 0 }
    if (renewed !== null) return this.#renewSome(renewed)
    if (gone < minGone || gone < messages / 2) return false
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
  #addSome(some: readonly Next[]): number | undefined {
    let characters = 0
    for (const [content, there, indexed] of some) {
      if (there === 1) continue
      const text = indexed === 1 ? this.#textOf(content) : ""
      this.#insert.run(content, text)
      characters += text.length
      if (characters >= renewedCharacters) return content
    }
    return some.at(-1)?.[0]
  }

  /** Nothing of what cannot be indexed any more: every search looks at it, and whoever reads a damaged text is told so. */
  #textOf(content: number): string {
    try {
      const { text, whole } = indexedText(this.#texts.header(content), this.#texts.body(content).text)
      // Another version of Unicode may fold to another length.
      if (whole) return text
    } catch (error) {
      if (!(error instanceof StoreError && error.fault === "damaged")) throw error
    }
    this.#notWhole.run(content)
    return ""
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

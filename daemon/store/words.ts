import type { Connection } from "./connection.ts"
import { IndexRenewal } from "./index-renewal.ts"
import { type Packed, pack, textOf, unpackText } from "./packing.ts"
import type { Beside, Pieces, Texts } from "./pieces.ts"
import type { Query } from "./query.ts"
import { type Candidates, SearchIndex } from "./search-index.ts"
import { type ContentMeta, present } from "./types.ts"

type Text = [packing: number, bytes: Uint8Array]

/** `packing` of a text that is stored with a piece. */
const besideOctets = 2
const elsewhere: Packed = { packing: besideOctets, bytes: new Uint8Array(0) }

/** Statements on `words`, the decoded text of contents, and the index of it: what SEARCH looks at. */
export class Words {
  readonly #pieces: Pieces
  readonly #index: SearchIndex
  readonly #renewal: IndexRenewal
  readonly #insert: Query<[content: number, complete: number, indexed: number, ...header: Text, ...body: Text], unknown>
  readonly #remove: Query<[content: number], unknown>
  readonly #header: Query<[content: number], Packed>
  readonly #body: Query<[content: number], Packed & { complete: number }>

  constructor(connection: Connection, pieces: Pieces) {
    this.#pieces = pieces
    this.#index = new SearchIndex(connection)
    this.#renewal = new IndexRenewal(connection, this)
    this.#insert = connection.prepare(
      `INSERT INTO words (content, complete, indexed, header_packing, header_text, body_packing, body_text)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#remove = connection.prepare("DELETE FROM words WHERE content = ?")
    this.#header = connection.prepare(
      "SELECT header_packing AS packing, header_text AS bytes FROM words WHERE content = ?",
    )
    this.#body = connection.prepare(
      "SELECT body_packing AS packing, body_text AS bytes, complete FROM words WHERE content = ?",
    )
  }

  /** Inside a transaction. `texts` are those of `meta`; which of them `pieces` took in, `beside` says. */
  add(content: number, meta: ContentMeta, texts: Texts, beside: Beside): void {
    const complete = meta.bodyTextComplete
    const indexed = this.#index.add(content, meta.headerText, meta.bodyText) && complete
    const header = beside.header ? elsewhere : pack(texts.header)
    const body = beside.body ? elsewhere : pack(texts.body)
    const packed = [header.packing, header.bytes, body.packing, body.bytes] as const
    this.#insert.run(content, complete ? 1 : 0, indexed ? 1 : 0, ...packed)
  }

  /** Inside a transaction. */
  remove(content: number): void {
    this.#index.remove(content)
    this.#remove.run(content)
  }

  /** Decoded header fields. @throws StoreError `no-such-message`, `damaged` */
  header(content: number): string {
    return this.#text(content, present(this.#header.get(content)), 0)
  }

  /** Decoded text of the parts; not complete when the parser had to cut it. @throws StoreError `no-such-message`, `damaged` */
  body(content: number): { text: string; complete: boolean } {
    const row = present(this.#body.get(content))
    return { text: this.#text(content, row, 1), complete: row.complete === 1 }
  }

  /**
   * Contents whose header or body text may contain `text`, compared as `foldForSearch` folds: a superset, to be
   * looked at one by one. Null when the index cannot narrow (fewer than 3 characters).
   */
  mayContain(text: string): Candidates | null {
    return this.#index.mayContain(text)
  }

  /** Merges some of the index. False when nothing had to be. @throws StoreError `disk-full`, `damaged` */
  merge(): boolean {
    return this.#index.mergeSome()
  }

  /** Makes the index anew when that is due, a slice of it. False when it is not. @throws StoreError `disk-full`, `damaged` */
  renew(): boolean {
    return this.#renewal.renew()
  }

  /** Text as it is in its row, or behind the octets of this piece. */
  #text(content: number, row: Packed, piece: 0 | 1): string {
    return row.packing === besideOctets ? textOf(this.#pieces.beside(content, piece)) : unpackText(row)
  }
}

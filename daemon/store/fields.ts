import { type SearchFieldName, type SearchFields, searchFieldNames } from "../message/search-fields.ts"
import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

type Asked = [mailbox: number, from: number, to: number, text: string]
type Row = [uid: number, known: number]

/** Which messages have a text in a field, and of which it is not known. */
export type FieldMatches = { found: Set<number>; unknown: Set<number> }

/** Statements on `field`. */
export class Fields {
  readonly #insert: Query<[content: number, ...values: (string | null)[]], unknown>
  readonly #remove: Query<[content: number], unknown>
  readonly #matching: Record<SearchFieldName, Query<Asked, Row>>

  constructor(connection: Connection) {
    this.#insert = connection.prepare(
      'INSERT INTO field (content, "from", "to", cc, bcc, subject) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#remove = connection.prepare("DELETE FROM field WHERE content = ?")
    // instr, unlike LIKE, knows no wildcards and no case; with an empty text it finds every field that exists.
    const matching = (name: SearchFieldName): Query<Asked, Row> =>
      connection.raw(
        `SELECT uid, field.content IS NOT NULL FROM message LEFT JOIN field ON field.content = message.content
         WHERE mailbox = ? AND uid BETWEEN ? AND ? AND (field.content IS NULL OR instr(field."${name}", ?) > 0)`,
      )
    this.#matching = {
      from: matching("from"),
      to: matching("to"),
      cc: matching("cc"),
      bcc: matching("bcc"),
      subject: matching("subject"),
    }
  }

  add(content: number, fields: SearchFields): void {
    this.#insert.run(content, ...searchFieldNames.map((name) => fields[name]?.toWellFormed() ?? null))
  }

  remove(content: number): void {
    this.#remove.run(content)
  }

  /** Among the UIDs [from, to] of a mailbox; `text` as `foldForSearch` gives it. */
  matching(mailbox: number, from: number, to: number, name: SearchFieldName, text: string): FieldMatches {
    const matches: FieldMatches = { found: new Set(), unknown: new Set() }
    for (const [uid, known] of this.#matching[name].all(mailbox, from, to, text)) {
      if (known === 1) matches.found.add(uid)
      else matches.unknown.add(uid)
    }
    return matches
  }
}

import { comparedCharacters } from "../message/collation.ts"
import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** What SORT compares and ORDEREDSUBJECT threads by; of a long base subject only its beginning. */
export type Order = { sentAt: number | null; baseSubject: string }

/** What the engine can say of a message and its content without reading either as a whole (RFC 5256 §3). */
const values = {
  ARRIVAL: "internal_date",
  // RFC 5256 §2.2: where Date cannot be read, INTERNALDATE takes its place.
  DATE: "coalesce(sent_at, internal_date)",
  SIZE: "size",
  SUBJECT: "base_subject",
} as const

export type OrderKey = keyof typeof values

type Row = [id: number, sentAt: number | null, baseSubject: string]
type KeyRow = [uid: number, ...values: (number | string)[]]

/** Contents that are added at one go; fewer when so much has to be read to reach the last column that is needed. */
const addedAtOnce = 500
const octetsAtOnce = 2_097_152

/** What is compared of the base subject of a content. */
export const comparedSubject = `substr(content.base_subject, 1, ${comparedCharacters})`

const wanted = "FROM json_each(?) AS wanted CROSS JOIN"

/** Statements on `ordering`. */
export class Orderings {
  readonly #connection: Connection
  readonly #orders: Query<[contents: string], Row>
  readonly #fromContents: Query<[contents: string], Row>
  readonly #missing: Query<[], number>
  readonly #add: Query<[count: number, octets: number], unknown>
  readonly #keys = new Map<string, Query<[mailbox: number, from: number, to: number], KeyRow>>()

  constructor(connection: Connection) {
    this.#connection = connection
    this.#orders = connection.raw(
      `SELECT content, sent_at, base_subject ${wanted} ordering ON ordering.content = wanted.value`,
    )
    this.#fromContents = connection.raw(
      `SELECT content.id, sent_at, ${comparedSubject} ${wanted} content ON content.id = wanted.value`,
    )
    const below = "FROM content WHERE id < (SELECT coalesce(min(content), 1 << 62) FROM ordering)"
    this.#missing = connection.pluck(`SELECT 1 ${below} LIMIT 1`)
    // Lengths are read without the columns, and one content is added in any case.
    this.#add = connection.prepare(
      `INSERT INTO ordering (content, sent_at, base_subject)
       SELECT content.id, sent_at, ${comparedSubject} FROM (
         SELECT id, sum(octets) OVER (ORDER BY id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM (
           SELECT id, octet_length(mentions) + octet_length(subject) + octet_length(base_subject) AS octets
           ${below} ORDER BY id DESC LIMIT ?
         )
       ) AS next CROSS JOIN content ON content.id = next.id
       WHERE coalesce(before, 0) < ?`,
    )
  }

  /** Whether nothing has to be added any more. */
  get complete(): boolean {
    return this.#missing.get() === undefined
  }

  /** Adds some contents of former versions. False when nothing is left to add. @throws StoreError `disk-full` */
  fill(): boolean {
    return !this.complete && this.#connection.transaction(() => this.#add.run(addedAtOnce, octetsAtOnce).changes > 0)
  }

  /** Of many contents; those that are gone are missing in the answer. */
  of(contents: readonly number[]): Map<number, Order> {
    const found = new Map<number, Order>()
    const take = (rows: Row[]) => {
      for (const [id, sentAt, baseSubject] of rows) found.set(id, { sentAt, baseSubject })
    }
    take(this.#orders.all(JSON.stringify(contents)))
    const left = contents.filter((content) => !found.has(content))
    if (left.length > 0) take(this.#fromContents.all(JSON.stringify(left)))
    return found
  }

  /** When it is `complete`: UIDs in a range, ascending, each with what these keys say of the message. */
  keys(mailbox: number, [from, to]: readonly [number, number], keys: readonly OrderKey[]): KeyRow[] {
    const name = keys.join(" ")
    const query = this.#keys.get(name) ?? this.#prepare(keys)
    this.#keys.set(name, query)
    return query.all(mailbox, from, to)
  }

  #prepare(keys: readonly OrderKey[]): Query<[mailbox: number, from: number, to: number], KeyRow> {
    return this.#connection.raw(
      `SELECT uid, ${keys.map((key) => values[key]).join(", ")}
       FROM message CROSS JOIN ordering ON ordering.content = message.content
       WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid`,
    )
  }
}

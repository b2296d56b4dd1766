import type { Connection } from "./connection.ts"
import { comparedSubject, type Order } from "./orderings.ts"
import type { Query } from "./query.ts"
import { StoreError } from "./types.ts"

/** What THREAD compares. */
export type Summary = Order & {
  sentDay: number | null
  subject: string
  messageId: string | null
  references: string[]
}

type SummaryRow = [
  id: number,
  sentAt: number | null,
  baseSubject: string,
  sentDay: number | null,
  subject: string,
  messageId: string | null,
  references: string,
]

/** Reads what is compared of many contents at one go: of 10,000 asked for one by one, half the time went into asking. */
export class Summaries {
  readonly #summaries: Query<[ids: string], SummaryRow>

  constructor(connection: Connection) {
    this.#summaries = connection.raw(
      `SELECT content.id, sent_at, ${comparedSubject}, sent_day, subject, message_id, mentions
       FROM json_each(?) AS wanted CROSS JOIN content ON content.id = wanted.value`,
    )
  }

  /** By content; those that are gone are missing. @throws StoreError `damaged` */
  summaries(contents: readonly number[]): Map<number, Summary> {
    const rows = this.#summaries.all(JSON.stringify(contents))
    return new Map(
      rows.map(([id, sentAt, baseSubject, sentDay, subject, messageId, references]) => [
        id,
        { sentAt, baseSubject, sentDay, subject, messageId, references: stringsOf(references) },
      ]),
    )
  }
}

function stringsOf(json: string): string[] {
  if (json === "[]") return []
  try {
    return JSON.parse(json) as string[]
  } catch (cause) {
    throw new StoreError("damaged", "a stored list of references", { cause })
  }
}

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

/** The contents of a list; of 10,000 asked for one by one, half the time went into asking. */
const listed = "FROM json_each(?) AS wanted CROSS JOIN content ON content.id = wanted.value"

/** Reads what is compared of many contents at one go. Those that are gone are missing in the answer. */
export class Summaries {
  readonly #summaries: Query<[ids: string], SummaryRow>
  readonly #envelopes: Query<[ids: string], [id: number, envelope: Uint8Array]>

  constructor(connection: Connection) {
    this.#summaries = connection.raw(
      `SELECT content.id, sent_at, ${comparedSubject}, sent_day, subject, message_id, mentions ${listed}`,
    )
    this.#envelopes = connection.raw(`SELECT content.id, envelope ${listed}`)
  }

  /** @throws StoreError `damaged` */
  summaries(contents: readonly number[]): Map<number, Summary> {
    const rows = this.#summaries.all(JSON.stringify(contents))
    return new Map(
      rows.map(([id, sentAt, baseSubject, sentDay, subject, messageId, references]) => [
        id,
        { sentAt, baseSubject, sentDay, subject, messageId, references: stringsOf(references) },
      ]),
    )
  }

  /** ENVELOPE as IMAP writes it. */
  envelopes(contents: readonly number[]): Map<number, Uint8Array> {
    return new Map(this.#envelopes.all(JSON.stringify(contents)))
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

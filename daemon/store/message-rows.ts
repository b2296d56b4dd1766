import type { Connection } from "./connection.ts"
import type { Marks } from "./marks.ts"
import type { Query } from "./query.ts"
import { type Marked, type Message, StoreError } from "./types.ts"
import type { Run } from "./uid-runs.ts"

type Columns = [
  uid: number,
  content: number,
  internalDate: number,
  internalZone: number,
  savedAt: number,
  size: number,
  thread: number,
]

/** Rows read at one go: few enough that another connection gets its turn, many enough to be fast. */
const pageRows = 500

/** Reads messages whole: what stays as it is from `message`, what changes from the marks. */
export class MessageRows {
  readonly #marks: Marks
  readonly #page: Query<[mailbox: number, from: number, to: number, limit: number], Columns>

  constructor(connection: Connection, marks: Marks) {
    this.#marks = marks
    this.#page = connection.raw(
      `SELECT uid, content, internal_date, internal_zone, saved_at, size, thread
       FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?`,
    )
  }

  one(mailbox: number, uid: number): Message | undefined {
    const [message] = this.#read(mailbox, uid, uid)
    return message
  }

  /** Reads a page at a time, so other statements may run between two rows; a row is as it was when its page was read. */
  *rows(mailbox: number, ranges: readonly Run[]): Generator<Message> {
    for (const [from, to] of ranges) {
      for (let next = from; next <= to; ) {
        const page = this.#read(mailbox, next, to)
        yield* page
        const last = page.at(-1)
        if (last === undefined || page.length < pageRows) break
        next = last.uid + 1
      }
    }
  }

  #read(mailbox: number, from: number, to: number): Message[] {
    const rows = this.#page.all(mailbox, from, to, pageRows)
    const last = rows.at(-1)
    if (last === undefined) return []
    const marks = this.#marks.read(mailbox, [[from, last[0]]])
    return rows.map((row, at) => messageOf(row, marks[at]))
  }
}

function messageOf(
  [uid, content, internalDate, internalZone, savedAt, size, thread]: Columns,
  marked?: Marked,
): Message {
  if (marked?.uid !== uid) throw new StoreError("damaged", "flags of some messages")
  const { flags, keywords, modseq } = marked
  return { uid, content, flags, keywords, modseq, internalDate, internalZone, savedAt, size, thread }
}

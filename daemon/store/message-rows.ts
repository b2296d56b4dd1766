import type { Connection } from "./connection.ts"
import type { Marks } from "./marks.ts"
import type { Query } from "./query.ts"
import { type Marked, type Message, StoreError } from "./types.ts"
import type { Run } from "./uid-runs.ts"

/** A row of `message`, but for its mailbox, in the order of `messageColumns`. */
export type MessageRow = [
  uid: number,
  content: number,
  internalDate: number,
  internalZone: number,
  savedAt: number,
  size: number,
  thread: number,
]

export const messageColumns = "uid, content, internal_date, internal_zone, saved_at, size, thread"

/** Rows read at one go: few enough that another connection gets its turn, many enough to be fast. */
const pageRows = 500

/** Reads messages whole: what stays as it is from `message`, what changes from the marks. */
export class MessageRows {
  readonly #marks: Marks
  readonly #run: Query<[mailbox: number, from: number, to: number, limit: number], MessageRow>
  readonly #runs: Query<[ranges: string, mailbox: number, limit: number], MessageRow>

  constructor(connection: Connection, marks: Marks) {
    this.#marks = marks
    this.#run = connection.raw(
      `SELECT ${messageColumns} FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?`,
    )
    // All in one statement: one for each took ten times as long where every second message is meant. Both loops go up,
    // so nothing is sorted; that each row has its mark would show it if they did not.
    this.#runs = connection.raw(
      `SELECT ${messageColumns} FROM json_each(?) AS run CROSS JOIN message
       WHERE mailbox = ? AND uid BETWEEN run.value ->> 0 AND run.value ->> 1 LIMIT ?`,
    )
  }

  one(mailbox: number, uid: number): Message | undefined {
    const [message] = this.rows(mailbox, [[uid, uid]])
    return message
  }

  /** Reads a page at a time, so other statements may run between two rows; a row is as it was when its page was read. */
  *rows(mailbox: number, ranges: readonly Run[]): Generator<Message> {
    for (let at = 0; at < ranges.length; at += pageRows) {
      let left = ranges.slice(at, at + pageRows)
      while (left.length > 0) {
        const page = this.#read(mailbox, left)
        yield* page
        left = page.length < pageRows ? [] : above(left, page.at(-1)?.uid ?? 0)
      }
    }
  }

  #read(mailbox: number, ranges: readonly Run[]): Message[] {
    const rows = this.#rows(mailbox, ranges)
    const last = rows.at(-1)
    if (last === undefined) return []
    const marks = this.#marks.read(mailbox, upTo(ranges, last[0]))
    return rows.map((row, at) => messageOf(row, marks[at]))
  }

  #rows(mailbox: number, ranges: readonly Run[]): MessageRow[] {
    const [only, second] = ranges
    if (only === undefined || second !== undefined) return this.#runs.all(JSON.stringify(ranges), mailbox, pageRows)
    return this.#run.all(mailbox, ...only, pageRows)
  }
}

/** What of the ranges is above a UID, and what is not. */
function above(ranges: readonly Run[], uid: number): Run[] {
  return ranges.filter(([, to]) => to > uid).map(([from, to]) => [Math.max(from, uid + 1), to])
}

function upTo(ranges: readonly Run[], uid: number): Run[] {
  return ranges.filter(([from]) => from <= uid).map(([from, to]) => [from, Math.min(to, uid)])
}

function messageOf(
  [uid, content, internalDate, internalZone, savedAt, size, thread]: MessageRow,
  marked?: Marked,
): Message {
  if (marked?.uid !== uid) throw new StoreError("damaged", "flags of some messages")
  const { flags, keywords, modseq } = marked
  return { uid, content, flags, keywords, modseq, internalDate, internalZone, savedAt, size, thread }
}

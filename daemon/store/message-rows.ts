import type { Connection } from "./connection.ts"
import { keywordList } from "./keywords.ts"
import type { ObjectIds } from "./object-ids.ts"
import type { Query } from "./query.ts"
import type { Message } from "./types.ts"

type Columns = [
  uid: number,
  content: number,
  flags: number,
  keywords: string,
  modseq: number,
  internalDate: number,
  internalZone: number,
  savedAt: number,
  size: number,
  thread: number,
]

const columns = "uid, content, flags, keywords, modseq, internal_date, internal_zone, saved_at, size, thread"

/** Rows read at one go: few enough that another connection gets its turn, many enough to be fast. */
const pageRows = 500

/** Everything that reads `message`. */
export class MessageRows {
  readonly #ids: ObjectIds
  readonly #uids: Query<[mailbox: number], string>
  readonly #page: Query<[mailbox: number, from: number, to: number, limit: number], Columns>
  readonly #one: Query<[mailbox: number, uid: number], Columns>
  readonly #changed: Query<[mailbox: number, modseq: number], Columns>
  readonly #changedUids: Query<[mailbox: number, modseq: number], number>

  constructor(connection: Connection, ids: ObjectIds) {
    this.#ids = ids
    // As one text: a row for each number took four times as long.
    this.#uids = connection.pluck("SELECT json_group_array(uid ORDER BY uid) FROM message WHERE mailbox = ?")
    this.#page = connection.raw(
      `SELECT ${columns} FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?`,
    )
    this.#one = connection.raw(`SELECT ${columns} FROM message WHERE mailbox = ? AND uid = ?`)
    this.#changed = connection.raw(`SELECT ${columns} FROM message WHERE mailbox = ? AND modseq > ? ORDER BY uid`)
    this.#changedUids = connection.pluck("SELECT uid FROM message WHERE mailbox = ? AND modseq > ? ORDER BY uid")
  }

  uids(mailbox: number): number[] {
    return JSON.parse(this.#uids.get(mailbox) ?? "[]") as number[]
  }

  one(mailbox: number, uid: number): Message | undefined {
    const row = this.#one.get(mailbox, uid)
    return row === undefined ? undefined : this.#message(row)
  }

  changedSince(mailbox: number, modseq: number): Message[] {
    return this.#changed.all(mailbox, modseq).map((row) => this.#message(row))
  }

  /** Reads a page at a time, so other statements may run between two rows; a row is as it was when its page was read. */
  *rows(mailbox: number, ranges: readonly [number, number][]): Generator<Message> {
    for (const [from, to] of ranges) {
      for (let next = from; next <= to; ) {
        const page = this.#page.all(mailbox, next, to, pageRows)
        for (const row of page) yield this.#message(row)
        const last = page.at(-1)
        if (last === undefined || page.length < pageRows) break
        next = last[0] + 1
      }
    }
  }

  /** As `rows`, only those changed after `modseq`; found through the index, so that few changes cost little. */
  *changedRows(mailbox: number, ranges: readonly [number, number][], modseq: number): Generator<Message> {
    let range = 0
    for (const uid of this.#changedUids.all(mailbox, modseq)) {
      while (range < ranges.length && (ranges[range]?.[1] ?? 0) < uid) range++
      const [from] = ranges[range] ?? [Number.POSITIVE_INFINITY]
      if (uid < from) continue
      const message = this.one(mailbox, uid)
      if (message !== undefined) yield message
    }
  }

  #message(row: Columns): Message {
    const [uid, content, flags, keywords, modseq, internalDate, internalZone, savedAt, size, thread] = row
    return {
      uid,
      content,
      flags,
      keywords: keywordList(keywords),
      modseq,
      internalDate,
      internalZone,
      savedAt,
      size,
      emailId: this.#ids.email(content),
      threadId: this.#ids.thread(thread),
    }
  }
}

import type { Connection } from "./connection.ts"
import { keywordList } from "./keywords.ts"
import type { Query } from "./query.ts"
import type { Flagged, Message } from "./types.ts"
import { Uids } from "./uids.ts"

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
  readonly #uids: Uids
  readonly #page: Query<[mailbox: number, from: number, to: number, limit: number], Columns>
  readonly #flags: Query<[mailbox: number, from: number, to: number], number | string>
  readonly #count: Query<[mailbox: number, from: number, to: number], number>
  readonly #one: Query<[mailbox: number, uid: number], Columns>
  readonly #changed: Query<[mailbox: number, modseq: number], Columns>

  constructor(connection: Connection) {
    this.#uids = new Uids(connection)
    this.#page = connection.raw(
      `SELECT ${columns} FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?`,
    )
    // A number, which costs a fifth of three columns, when there are no keywords.
    this.#flags = connection.pluck(
      `SELECT CASE keywords WHEN '' THEN uid * 32 + flags ELSE uid || ' ' || flags || ' ' || keywords END
       FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid`,
    )
    this.#count = connection.pluck("SELECT count(*) FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ?")
    this.#one = connection.raw(`SELECT ${columns} FROM message WHERE mailbox = ? AND uid = ?`)
    this.#changed = connection.raw(`SELECT ${columns} FROM message WHERE mailbox = ? AND modseq > ? ORDER BY uid`)
  }

  uids(mailbox: number): number[] {
    return this.#uids.of(mailbox)
  }

  changedUids(mailbox: number, modseq: number): number[] {
    return this.#uids.changedSince(mailbox, modseq)
  }

  one(mailbox: number, uid: number): Message | undefined {
    const row = this.#one.get(mailbox, uid)
    return row === undefined ? undefined : messageOf(row)
  }

  changedSince(mailbox: number, modseq: number): Message[] {
    return this.#changed.all(mailbox, modseq).map((row) => messageOf(row))
  }

  /** Reads a page at a time, so other statements may run between two rows; a row is as it was when its page was read. */
  *rows(mailbox: number, ranges: readonly [number, number][]): Generator<Message> {
    for (const [from, to] of ranges) {
      for (let next = from; next <= to; ) {
        const page = this.#page.all(mailbox, next, to, pageRows)
        for (const row of page) yield messageOf(row)
        const last = page.at(-1)
        if (last === undefined || page.length < pageRows) break
        next = last[0] + 1
      }
    }
  }

  /** As `rows`, all at once, in a fraction of the time. */
  flags(mailbox: number, ranges: readonly [number, number][]): Flagged[] {
    const found: Flagged[] = []
    for (const [from, to] of ranges) for (const row of this.#flags.all(mailbox, from, to)) found.push(flaggedOf(row))
    return found
  }

  /** How many there are. */
  count(mailbox: number, ranges: readonly [number, number][]): number {
    return ranges.reduce((sum, [from, to]) => sum + (this.#count.get(mailbox, from, to) ?? 0), 0)
  }

  /** As `rows`, only those changed after `modseq`; found through the index, so that few changes cost little. */
  *changedRows(mailbox: number, ranges: readonly [number, number][], modseq: number): Generator<Message> {
    let range = 0
    for (const uid of this.changedUids(mailbox, modseq)) {
      while (range < ranges.length && (ranges[range]?.[1] ?? 0) < uid) range++
      const [from] = ranges[range] ?? [Number.POSITIVE_INFINITY]
      if (uid < from) continue
      const message = this.one(mailbox, uid)
      if (message !== undefined) yield message
    }
  }
}

function messageOf(row: Columns): Message {
  const [uid, content, flags, stored, modseq, internalDate, internalZone, savedAt, size, thread] = row
  const keywords = keywordList(stored)
  return { uid, content, flags, keywords, modseq, internalDate, internalZone, savedAt, size, thread }
}

const flagValues = 32

function flaggedOf(row: number | string): Flagged {
  if (typeof row === "number") {
    return { uid: Math.floor(row / flagValues), flags: row % flagValues, keywords: keywordList("") }
  }
  const [uid, flags, ...keywords] = row.split(" ")
  return { uid: Number(uid), flags: Number(flags), keywords }
}

import type { Connection } from "./connection.ts"
import type { Marks } from "./marks.ts"
import { type MessageRow, messageColumns } from "./message-rows.ts"
import type { Query } from "./query.ts"
import { type Marked, type Message, StoreError } from "./types.ts"
import { type Run, uidRuns } from "./uid-runs.ts"

/** What is to be copied: messages that exist, ascending, and their octets. */
export type Originals = { marks: Marked[]; bytes: number }

/** A message on its way into a mailbox; `keywords` as the mailbox spells them. */
export type NewMessage = Pick<
  Message,
  "uid" | "content" | "flags" | "internalDate" | "internalZone" | "size" | "thread"
> & {
  keywords: string
}

type Copying = { to: number; first: number; now: number; from: number; low: number; high: number }
type Totals = [messages: number, bytes: number]

/**
 * Puts contents into mailboxes and takes them out: the rows of `message`, with their marks and all that is counted of
 * them. To be called inside a transaction.
 */
export class Links {
  readonly #marks: Marks
  readonly #insert: Query<[mailbox: number, ...MessageRow], unknown>
  readonly #linked: Query<[content: number], unknown>
  readonly #copy: Query<[Copying], unknown>
  readonly #totals: Query<[ranges: string, mailbox: number], Totals>
  readonly #removeRun: Query<[mailbox: number, first: number, last: number], number>
  readonly #removeRuns: Query<[mailbox: number, runs: string, mailbox: number], number>
  readonly #unlink: Query<[contents: string], number>
  readonly #countMailbox: Query<[messages: number, bytes: number, mailbox: number], unknown>
  readonly #countAccount: Query<[messages: number, bytes: number], unknown>

  constructor(connection: Connection, marks: Marks) {
    this.#marks = marks
    this.#insert = connection.prepare(
      `INSERT INTO message (mailbox, ${messageColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#linked = connection.prepare("DELETE FROM unlinked WHERE content = ?")
    this.#copy = connection.prepare(
      `INSERT INTO message (mailbox, ${messageColumns})
       SELECT :to, :first + uid - :low, content, internal_date, internal_zone, :now, size, thread
       FROM message WHERE mailbox = :from AND uid BETWEEN :low AND :high ORDER BY uid`,
    )
    this.#totals = connection.raw(
      `SELECT count(*), coalesce(sum(size), 0) FROM json_each(?) AS range CROSS JOIN message
       WHERE mailbox = ? AND uid BETWEEN range.value ->> 0 AND range.value ->> 1`,
    )
    this.#removeRun = connection.pluck(
      "DELETE FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? RETURNING content",
    )
    // In one statement, as messages that lie apart are not to take ten times as long as others.
    this.#removeRuns = connection.pluck(
      `DELETE FROM message WHERE mailbox = ? AND uid IN (
         SELECT uid FROM json_each(?) AS run CROSS JOIN message AS gone
         WHERE gone.mailbox = ? AND gone.uid BETWEEN run.value ->> 0 AND run.value ->> 1
       ) RETURNING content`,
    )
    this.#unlink = connection.pluck(
      `INSERT INTO unlinked (content) SELECT DISTINCT value FROM json_each(?)
       WHERE NOT EXISTS (SELECT 1 FROM message WHERE content = value) RETURNING content`,
    )
    this.#countMailbox = connection.prepare("UPDATE mailbox SET messages = messages + ?, size = size + ? WHERE id = ?")
    this.#countAccount = connection.prepare("UPDATE account SET messages = messages + ?, bytes = bytes + ?")
  }

  add(mailbox: number, message: NewMessage, modseq: number): void {
    const { uid, content, internalDate, internalZone, size, thread } = message
    this.#insert.run(mailbox, uid, content, internalDate, internalZone, Date.now(), size, thread)
    this.#linked.run(content)
    this.#marks.add(mailbox, uid, [message], modseq)
    this.#count(mailbox, [1, size])
  }

  /**
   * Gives the originals the UIDs from `first` on in mailbox `to`. `spelled` writes keywords as that mailbox does.
   *
   * @throws StoreError `damaged`
   */
  copy(
    from: number,
    { marks, bytes }: Originals,
    { to, first, modseq }: { to: number; first: number; modseq: number },
    spelled: (keywords: readonly string[]) => string,
  ): void {
    const now = Date.now()
    let next = first
    for (const [low, high] of uidRuns(marks.map(({ uid }) => uid))) {
      const { changes } = this.#copy.run({ to, first: next, now, from, low, high })
      if (changes !== high - low + 1) throw new StoreError("damaged", "flags without their message")
      next += changes
    }
    const given = marks.map(({ flags, keywords }) => ({ flags, keywords: spelled(keywords) }))
    this.#marks.add(to, first, given, modseq)
    this.#count(to, [marks.length, bytes])
  }

  /** UIDs that do not exist are passed over. Returns the contents that no message has any more. */
  remove(mailbox: number, ranges: readonly Run[]): number[] {
    const [messages, bytes] = this.totals(mailbox, ranges)
    const contents = this.#removed(mailbox, ranges)
    this.#marks.remove(mailbox, ranges)
    this.#count(mailbox, [-messages, -bytes])
    return this.#unlink.all(JSON.stringify(contents))
  }

  /** The contents of messages that it removes. */
  #removed(mailbox: number, ranges: readonly Run[]): number[] {
    const [only, second] = ranges
    if (only === undefined || second !== undefined)
      return this.#removeRuns.all(mailbox, JSON.stringify(ranges), mailbox)
    return this.#removeRun.all(mailbox, ...only)
  }

  /** How many messages there are, and their octets. */
  totals(mailbox: number, ranges: readonly Run[]): Totals {
    return this.#totals.get(JSON.stringify(ranges), mailbox) ?? [0, 0]
  }

  #count(mailbox: number, [messages, bytes]: Totals): void {
    this.#countMailbox.run(messages, bytes, mailbox)
    this.#countAccount.run(messages, bytes)
  }
}

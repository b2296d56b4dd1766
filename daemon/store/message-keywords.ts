import type { Connection } from "./connection.ts"
import { keywordList } from "./keywords.ts"
import type { Query } from "./query.ts"

/** Statements on `message_keywords`: which messages have which keywords. */
export class MessageKeywords {
  readonly #between: Query<[mailbox: number, first: number, last: number], [uid: number, keywords: string]>
  readonly #of: Query<[mailbox: number, uids: string], [uid: number, keywords: string]>
  readonly #set: Query<[mailbox: number, uid: number, keywords: string], unknown>
  readonly #remove: Query<[mailbox: number, first: number, last: number], unknown>
  readonly #removeOf: Query<[mailbox: number, uids: string], unknown>

  constructor(connection: Connection) {
    this.#between = connection.raw(
      "SELECT uid, keywords FROM message_keywords WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
    )
    this.#of = connection.raw(
      "SELECT uid, keywords FROM message_keywords WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
    )
    this.#set = connection.prepare("INSERT OR REPLACE INTO message_keywords (mailbox, uid, keywords) VALUES (?, ?, ?)")
    this.#remove = connection.prepare("DELETE FROM message_keywords WHERE mailbox = ? AND uid BETWEEN ? AND ?")
    this.#removeOf = connection.prepare(
      "DELETE FROM message_keywords WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
    )
  }

  /** By UID; messages without keywords are not in it. */
  between(mailbox: number, first: number, last: number): Map<number, readonly string[]> {
    return byUid(this.#between.all(mailbox, first, last))
  }

  /** The same of some messages that lie apart: a message may have a hundred long keywords, so no others are read. */
  of(mailbox: number, uids: readonly number[]): Map<number, readonly string[]> {
    return byUid(this.#of.all(mailbox, JSON.stringify(uids)))
  }

  /** `keywords` as `keywordText` writes them. */
  set(mailbox: number, uid: number, keywords: string): void {
    if (keywords === "") this.remove(mailbox, uid, uid)
    else this.#set.run(mailbox, uid, keywords)
  }

  remove(mailbox: number, first: number, last: number): void {
    this.#remove.run(mailbox, first, last)
  }

  removeOf(mailbox: number, uids: readonly number[]): void {
    this.#removeOf.run(mailbox, JSON.stringify(uids))
  }
}

function byUid(rows: readonly [uid: number, keywords: string][]): Map<number, readonly string[]> {
  return new Map(rows.map(([uid, keywords]) => [uid, keywordList(keywords)]))
}

import type { Connection } from "./connection.ts"
import { keywordList } from "./keywords.ts"
import type { Query } from "./query.ts"

/** Statements on `message_keywords`: which messages have which keywords. */
export class MessageKeywords {
  readonly #between: Query<[mailbox: number, first: number, last: number], [uid: number, keywords: string]>
  readonly #set: Query<[mailbox: number, uid: number, keywords: string], unknown>
  readonly #remove: Query<[mailbox: number, first: number, last: number], unknown>

  constructor(connection: Connection) {
    this.#between = connection.raw(
      "SELECT uid, keywords FROM message_keywords WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
    )
    this.#set = connection.prepare("INSERT OR REPLACE INTO message_keywords (mailbox, uid, keywords) VALUES (?, ?, ?)")
    this.#remove = connection.prepare("DELETE FROM message_keywords WHERE mailbox = ? AND uid BETWEEN ? AND ?")
  }

  /** By UID; messages without keywords are not in it. */
  between(mailbox: number, first: number, last: number): Map<number, readonly string[]> {
    const found = new Map<number, readonly string[]>()
    for (const [uid, keywords] of this.#between.all(mailbox, first, last)) found.set(uid, keywordList(keywords))
    return found
  }

  /** `keywords` as `keywordText` writes them. */
  set(mailbox: number, uid: number, keywords: string): void {
    if (keywords === "") this.remove(mailbox, uid, uid)
    else this.#set.run(mailbox, uid, keywords)
  }

  remove(mailbox: number, first: number, last: number): void {
    this.#remove.run(mailbox, first, last)
  }
}

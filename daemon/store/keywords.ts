import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"
import { StoreError } from "./types.ts"

/** Characters of a keyword; the grammar has no limit, but each SELECT answer lists all of them. */
const maxKeywordLength = 255

/** Of a message that has none. */
export const noKeywords: readonly string[] = []

/** `message_keywords.keywords` as a list. */
export function keywordList(stored: string): readonly string[] {
  return stored === "" ? noKeywords : stored.split(" ")
}

/** Sorted, each once, as it is stored. */
export function keywordText(keywords: Iterable<string>): string {
  return [...new Set(keywords)].sort().join(" ")
}

/** Statements on `keyword`: which keywords a mailbox knows, and how they were first written (RFC 3501 §2.3.2: in any case, the same). */
export class Keywords {
  readonly #most: number
  readonly #find: Query<[mailbox: number, folded: string], string>
  readonly #list: Query<[mailbox: number], string>
  readonly #count: Query<[mailbox: number], number>
  readonly #add: Query<[mailbox: number, folded: string, spelling: string], unknown>
  readonly #forget: Query<[mailbox: number], unknown>

  /** `most` of them in one mailbox. */
  constructor(connection: Connection, most: number) {
    this.#most = most
    this.#find = connection.pluck("SELECT spelling FROM keyword WHERE mailbox = ? AND folded = ?")
    this.#list = connection.pluck("SELECT spelling FROM keyword WHERE mailbox = ? ORDER BY folded")
    this.#count = connection.pluck("SELECT count(*) FROM keyword WHERE mailbox = ?")
    this.#add = connection.prepare("INSERT INTO keyword (mailbox, folded, spelling) VALUES (?, ?, ?)")
    this.#forget = connection.prepare("DELETE FROM keyword WHERE mailbox = ?")
  }

  list(mailbox: number): string[] {
    return this.#list.all(mailbox)
  }

  /** The spelling this mailbox has of each; those it does not know are left out. */
  known(mailbox: number, keywords: readonly string[]): string[] {
    return keywords
      .map((keyword) => this.#find.get(mailbox, keyword.toLowerCase()))
      .filter((found) => found !== undefined)
  }

  /** The spelling this mailbox has of each, learning those that are new. @throws StoreError `too-many-keywords` */
  learn(mailbox: number, keywords: readonly string[]): string[] {
    return keywords.map((keyword) => this.#find.get(mailbox, keyword.toLowerCase()) ?? this.#new(mailbox, keyword))
  }

  forget(mailbox: number): void {
    this.#forget.run(mailbox)
  }

  #new(mailbox: number, keyword: string): string {
    if (!/^[^\s\\]+$/.test(keyword)) throw new RangeError("a keyword is an atom")
    if (keyword.length > maxKeywordLength || (this.#count.get(mailbox) ?? 0) >= this.#most)
      throw new StoreError("too-many-keywords")
    this.#add.run(mailbox, keyword.toLowerCase(), keyword)
    return keyword
  }
}

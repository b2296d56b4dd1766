import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** Older contents that get their row in one transaction. */
const filledAtOnce = 20

/** What writes `listed`: `Wires` reads it. */
export class Listed {
  readonly #connection: Connection
  readonly #insert: Query<[content: number, fields: Uint8Array | null], unknown>
  readonly #remove: Query<[content: number], unknown>
  readonly #below: Query<[], number>
  readonly #allListed: Query<[], unknown>
  readonly #next: Query<[below: number, below: number, count: number], number>

  constructor(connection: Connection) {
    this.#connection = connection
    this.#insert = connection.prepare("INSERT INTO listed (content, fields) VALUES (?, ?)")
    this.#remove = connection.prepare("DELETE FROM listed WHERE content = ?")
    this.#below = connection.pluck("SELECT unlisted_below FROM account")
    this.#allListed = connection.prepare("UPDATE account SET unlisted_below = 0")
    this.#next = connection.pluck(
      `SELECT id FROM content WHERE id > (SELECT coalesce(max(content), 0) FROM listed WHERE content < ?) AND id < ?
       ORDER BY id LIMIT ?`,
    )
  }

  add(content: number, fields: Uint8Array | null): void {
    this.#insert.run(content, fields)
  }

  remove(content: number): void {
    this.#remove.run(content)
  }

  /**
   * Gives some of the contents that came before version 7 their row, the oldest first: rows that are added
   * backwards leave pages half empty. False when all have one.
   *
   * @throws StoreError `disk-full`, `damaged`
   */
  fill(fields: (content: number) => Uint8Array | null): boolean {
    const below = this.#below.get() ?? 0
    if (below === 0) return false
    const contents = this.#next.all(below, below, filledAtOnce)
    const rows = contents.map((content) => [content, fields(content)] as const)
    this.#connection.transaction(() => {
      for (const [content, listed] of rows) this.add(content, listed)
      if (contents.length < filledAtOnce) this.#allListed.run()
    })
    return true
  }
}

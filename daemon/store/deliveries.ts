import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** Statements on `delivery`: spool files whose message is in a mailbox already. */
export class Deliveries {
  readonly #connection: Connection
  readonly #known: Query<[id: string], number>
  readonly #list: Query<[], string>
  readonly #add: Query<[id: string], unknown>
  readonly #remove: Query<[id: string], unknown>

  constructor(connection: Connection) {
    this.#connection = connection
    this.#known = connection.pluck("SELECT 1 FROM delivery WHERE id = ?")
    this.#list = connection.pluck("SELECT id FROM delivery ORDER BY id")
    this.#add = connection.prepare("INSERT INTO delivery (id) VALUES (?)")
    this.#remove = connection.prepare("DELETE FROM delivery WHERE id = ?")
  }

  known(id: string): boolean {
    return this.#known.get(id) !== undefined
  }

  list(): string[] {
    return this.#list.all()
  }

  add(id: string): void {
    this.#add.run(id)
  }

  forget(ids: readonly string[]): void {
    if (ids.length === 0) return
    this.#connection.transaction(() => {
      for (const id of ids) this.#remove.run(id)
    })
  }
}

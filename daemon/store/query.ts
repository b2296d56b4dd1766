import type Database from "better-sqlite3-multiple-ciphers"
import { inOurWords } from "./fault.ts"

/**
 * A prepared statement whose errors are the store's. There is no `iterate`: while one is open, the engine
 * refuses every write on the same handle, and another connection of the user may want to write.
 */
export class Query<P extends unknown[], R> {
  readonly #statement: Database.Statement<P, R>

  constructor(statement: Database.Statement<P, R>) {
    this.#statement = statement
  }

  get(...parameters: P): R | undefined {
    try {
      return this.#statement.get(...parameters)
    } catch (error) {
      throw inOurWords(error)
    }
  }

  all(...parameters: P): R[] {
    try {
      return this.#statement.all(...parameters)
    } catch (error) {
      throw inOurWords(error)
    }
  }

  run(...parameters: P): { changes: number; rowid: number } {
    try {
      const { changes, lastInsertRowid } = this.#statement.run(...parameters)
      return { changes, rowid: Number(lastInsertRowid) }
    } catch (error) {
      throw inOurWords(error)
    }
  }
}

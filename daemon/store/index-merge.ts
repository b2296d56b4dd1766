import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** A slice is to take about this long. */
const goalMs = 8

/** Leaf pages that a slice writes; how long that takes depends on how many segments it reads from. */
const first = 8
const least = 2
const most = 32

/** Merges segments of an FTS5 table in slices: the engine itself would do it inside whatever transaction is next. */
export class IndexMerge {
  readonly #connection: Connection
  readonly #merge: Query<[pages: bigint], unknown>
  readonly #totalChanges: Query<[], number>
  #pages = first

  constructor(connection: Connection, table: "trigram" | "trigram_next") {
    this.#connection = connection
    // FTS5 wants an integer, and the driver binds numbers as floating point.
    this.#merge = connection.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ?)`)
    this.#totalChanges = connection.pluck("SELECT total_changes()")
  }

  /** A slice, in a transaction. False when nothing had to be merged. @throws StoreError `disk-full`, `damaged` */
  some(): boolean {
    const begun = performance.now()
    const merged = this.#connection.transaction(() => {
      const before = this.#totalChanges.get() ?? 0
      this.#merge.run(BigInt(this.#pages))
      // One change is the statement itself.
      return (this.#totalChanges.get() ?? 0) - before > 1
    })
    const took = performance.now() - begun
    if (took > goalMs) this.#pages = Math.max(least, Math.floor(this.#pages / 2))
    else if (took < goalMs / 2) this.#pages = Math.min(most, this.#pages * 2)
    return merged
  }
}

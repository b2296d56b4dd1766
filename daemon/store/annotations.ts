import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"
import { StoreError, type StoreLimits } from "./types.ts"

export type Annotation = { entry: string; value: Uint8Array }

/** Stands for a mailbox where an annotation belongs to the whole account. */
export const wholeAccount = 0

/** Every statement on `annotation`. */
export class Annotations {
  readonly #connection: Connection
  readonly #list: Query<[mailbox: number], Annotation>
  readonly #set: Query<[mailbox: number, entry: string, value: Uint8Array], unknown>
  readonly #remove: Query<[mailbox: number, entry: string], unknown>
  readonly #count: Query<[mailbox: number], number>
  readonly #bytes: Query<[], number>
  readonly #copy: Query<[to: number, from: number], unknown>
  readonly #changed: Query<[mailbox: number], unknown>
  readonly #limits: StoreLimits

  constructor(connection: Connection, limits: StoreLimits) {
    this.#limits = limits
    this.#connection = connection
    this.#list = connection.prepare("SELECT entry, value FROM annotation WHERE mailbox = ? ORDER BY entry")
    this.#set = connection.prepare(
      `INSERT INTO annotation (mailbox, entry, value) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value`,
    )
    this.#remove = connection.prepare("DELETE FROM annotation WHERE mailbox = ? AND entry = ?")
    this.#count = connection.pluck("SELECT count(*) FROM annotation WHERE mailbox = ?")
    // The engine tells the length of a value from its row's header, without reading it.
    this.#bytes = connection.pluck("SELECT coalesce(sum(length(entry) + length(value)), 0) FROM annotation")
    this.#copy = connection.prepare(
      "INSERT INTO annotation (mailbox, entry, value) SELECT ?, entry, value FROM annotation WHERE mailbox = ?",
    )
    this.#changed = connection.prepare("UPDATE mailbox SET modseq = modseq + 1 WHERE id = ?")
  }

  /** By entry. `mailbox` is an id or `wholeAccount`. */
  list(mailbox: number): Annotation[] {
    return this.#list.all(mailbox)
  }

  /**
   * Sets entries, all or none; null removes one. The mailbox gets a new mod-sequence (RFC 7162 §3.2).
   *
   * @throws StoreError `too-many-annotations` when there would be more than `most`; `over-quota` when all of the
   *   account's would be too large
   */
  set(mailbox: number, changes: readonly { entry: string; value: Uint8Array | null }[], most: number): void {
    if (changes.length === 0) return
    this.#bounded(() => {
      for (const { entry, value } of changes) {
        if (value === null) this.#remove.run(mailbox, entry)
        else this.#set.run(mailbox, entry, value)
      }
      const adds = changes.some(({ value }) => value !== null)
      if (adds && (this.#count.get(mailbox) ?? 0) > most) throw new StoreError("too-many-annotations")
      this.#connection.note({ what: "annotations", mailbox, entries: changes.map(({ entry }) => entry) })
      if (mailbox !== wholeAccount) this.#changed.run(mailbox)
    })
  }

  /** For a mailbox that takes the place of another. @throws StoreError `over-quota` */
  copy(from: number, to: number): void {
    this.#bounded(() => this.#copy.run(to, from))
  }

  /** A transaction that may add octets, but not too many; what is there stays, and may shrink, whatever the limit becomes. */
  #bounded(work: () => void): void {
    this.#connection.transaction(() => {
      const before = this.#bytes.get() ?? 0
      work()
      const after = this.#bytes.get() ?? 0
      if (after > before && after > this.#limits.annotationBytes) throw new StoreError("over-quota")
    })
  }
}

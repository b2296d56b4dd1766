import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"
import type { Slot, SlotState } from "./types.ts"

/**
 * Statements on `slot`: the user's own list of key slots (labels, dates, ids; no keys). Every change counts
 * the version up, so that an old slot file put back can be told from the present ones.
 */
export class SlotList {
  readonly #connection: Connection
  readonly #version: Query<[], number>
  readonly #count: Query<[], unknown>
  readonly #list: Query<[], Slot>
  readonly #add: Query<[Slot], unknown>
  readonly #setState: Query<[state: SlotState, id: string], unknown>
  readonly #touch: Query<[at: number, id: string], unknown>
  readonly #remove: Query<[id: string], unknown>

  constructor(connection: Connection) {
    this.#connection = connection
    this.#version = connection.pluck("SELECT slots_version FROM account")
    this.#count = connection.prepare("UPDATE account SET slots_version = slots_version + 1")
    this.#list = connection.prepare(
      `SELECT id, kind, label, state, created_at AS createdAt, last_used_at AS lastUsedAt, expires_at AS expiresAt
       FROM slot ORDER BY created_at, id`,
    )
    this.#add = connection.prepare(
      `INSERT INTO slot (id, kind, label, state, created_at, last_used_at, expires_at)
       VALUES ($id, $kind, $label, $state, $createdAt, $lastUsedAt, $expiresAt)`,
    )
    this.#setState = connection.prepare("UPDATE slot SET state = ? WHERE id = ?")
    this.#touch = connection.prepare("UPDATE slot SET last_used_at = ? WHERE id = ?")
    this.#remove = connection.prepare("DELETE FROM slot WHERE id = ?")
  }

  version(): number {
    return this.#version.get() ?? 0
  }

  /** Oldest first. */
  list(): Slot[] {
    return this.#list.all()
  }

  /** @throws SqliteError when there is a slot with this id */
  add(slot: Slot): void {
    this.#change(() => this.#add.run(slot))
  }

  /** @throws Error when there is no such slot */
  setState(id: string, state: SlotState): void {
    this.#change(() => expectOne(this.#setState.run(state, id)))
  }

  /** A login used this slot; `at` in ms. @throws Error when there is no such slot */
  touch(id: string, at: number): void {
    this.#change(() => expectOne(this.#touch.run(at, id)))
  }

  /** Nothing happens when it is gone already. */
  remove(id: string): void {
    if (this.list().some((slot) => slot.id === id)) this.#change(() => this.#remove.run(id))
  }

  #change(work: () => unknown): void {
    this.#connection.transaction(() => {
      work()
      this.#count.run()
    })
  }
}

function expectOne({ changes }: { changes: number }): void {
  if (changes !== 1) throw new Error("no such slot")
}

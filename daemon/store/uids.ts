import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

type Given = [messages: number, uidNext: number]

/** Which UIDs a mailbox has. */
export class Uids {
  readonly #given: Query<[mailbox: number], Given>
  readonly #gone: Query<[mailbox: number], string>
  readonly #there: Query<[mailbox: number], string>
  readonly #changed: Query<[mailbox: number, modseq: number], string>

  constructor(connection: Connection) {
    this.#given = connection.raw("SELECT messages, uid_next FROM mailbox WHERE id = ?")
    // As one text: a row for each number took four times as long.
    this.#gone = connection.pluck("SELECT json_group_array(uid) FROM expunged WHERE mailbox = ?")
    // The index is a tenth as large as the table.
    this.#there = connection.pluck(
      "SELECT json_group_array(uid) FROM message INDEXED BY message_by_modseq WHERE mailbox = ?",
    )
    this.#changed = connection.pluck("SELECT json_group_array(uid) FROM message WHERE mailbox = ? AND modseq > ?")
  }

  /**
   * Ascending. A UID that was given is of a message, or in the log of expunges; read is what there are fewer of, which
   * in most mailboxes is next to nothing.
   */
  of(mailbox: number): number[] {
    const [messages, uidNext] = this.#given.get(mailbox) ?? [0, 1]
    const gone = uidNext - 1 - messages
    if (gone <= messages) {
      const logged = gone === 0 ? new Uint32Array(0) : ascending(this.#gone.get(mailbox))
      if (logged.length === gone) return without(logged, uidNext)
    }
    return Array.from(ascending(this.#there.get(mailbox)))
  }

  /** Those of messages with a greater mod-sequence, ascending. */
  changedSince(mailbox: number, modseq: number): number[] {
    return Array.from(ascending(this.#changed.get(mailbox, modseq)))
  }
}

/** UIDs have 32 bits (RFC 3501 §2.3.1.1). */
function ascending(json: string | undefined): Uint32Array {
  return Uint32Array.from(JSON.parse(json ?? "[]") as number[]).sort()
}

/** All below `end` but these. */
function without(gone: Uint32Array, end: number): number[] {
  const uids: number[] = []
  let next = 1
  for (const uid of gone) {
    for (; next < uid; next += 1) uids.push(next)
    next = uid + 1
  }
  for (; next < end; next += 1) uids.push(next)
  return uids
}

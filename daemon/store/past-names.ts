import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** Names without a mailbox that are remembered: more than this many, and the oldest half is forgotten. */
const mostRemembered = 1000

/**
 * The highest UIDVALIDITY that each name ever had (RFC 3501 §2.3.1.1): a mailbox renamed to an old name must not have
 * a lower one. Of names that mailboxes have today all are remembered. Of others only the newest, since anybody can
 * make and delete a folder for ever; a name that was forgotten counts as if it had had the highest one of those
 * forgotten, which costs a client that mailbox once more, and is never wrong.
 */
export class PastNames {
  readonly #past: Query<[name: string], number>
  readonly #remember: Query<[name: string, uidValidity: number], unknown>
  readonly #unused: Query<[], number>
  readonly #boundary: Query<[newer: number], number>
  readonly #forget: Query<[uidValidity: number], unknown>
  readonly #raise: Query<[uidValidity: number], unknown>

  constructor(connection: Connection) {
    this.#past = connection.pluck(
      `SELECT coalesce((SELECT uid_validity FROM past_name WHERE name = ?), forgotten_validity) FROM account`,
    )
    this.#remember = connection.prepare(
      `INSERT INTO past_name (name, uid_validity) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET uid_validity = max(uid_validity, excluded.uid_validity)`,
    )
    this.#unused = connection.pluck(
      "SELECT (SELECT count(*) FROM past_name) - (SELECT count(*) FROM mailbox WHERE name NOT GLOB '/*')",
    )
    this.#boundary = connection.pluck(
      `SELECT uid_validity FROM past_name WHERE name NOT IN (SELECT name FROM mailbox)
       ORDER BY uid_validity DESC LIMIT 1 OFFSET ?`,
    )
    this.#forget = connection.prepare(
      "DELETE FROM past_name WHERE uid_validity <= ? AND name NOT IN (SELECT name FROM mailbox)",
    )
    this.#raise = connection.prepare("UPDATE account SET forgotten_validity = max(forgotten_validity, ?)")
  }

  /** What this name had, or may have had. */
  validity(name: string): number {
    return this.#past.get(name) ?? 0
  }

  /** Inside a transaction, when a mailbox has this name. */
  remember(name: string, uidValidity: number): void {
    this.#remember.run(name, uidValidity)
    if ((this.#unused.get() ?? 0) <= mostRemembered) return
    const boundary = this.#boundary.get(mostRemembered / 2)
    if (boundary === undefined) return
    this.#forget.run(boundary)
    this.#raise.run(boundary)
  }
}

import { createHash } from "node:crypto"
import type { Connection } from "./connection.ts"
import type { Query } from "./query.ts"

/** Of a long References list, the root and the nearest ancestors say all; a hostile one must not cost a thousand rows. */
const maxFirst = 2
const maxLast = 20

/**
 * Statements on `reference`: which thread (RFC 8474 §5.2) a new content belongs to. A content joins the thread
 * of its nearest known relative, else starts one with its own id; a thread, once told, never changes.
 */
export class Threads {
  readonly #find: Query<[hash: Uint8Array], number>
  readonly #add: Query<[hash: Uint8Array, thread: number], unknown>
  readonly #forget: Query<[thread: number, thread: number], unknown>

  constructor(connection: Connection) {
    this.#find = connection.pluck("SELECT thread FROM reference WHERE hash = ?")
    this.#add = connection.prepare("INSERT INTO reference (hash, thread) VALUES (?, ?) ON CONFLICT DO NOTHING")
    this.#forget = connection.prepare(
      "DELETE FROM reference WHERE thread = ? AND NOT EXISTS (SELECT 1 FROM content WHERE thread = ?)",
    )
  }

  join(content: number, messageId: string | null, references: readonly string[]): number {
    const hashes = relatives(messageId, references).map(hashOf)
    const thread = this.#nearest(hashes) ?? content
    for (const hash of hashes) this.#add.run(hash, thread)
    return thread
  }

  /** Called after a content of this thread is gone; the last one takes the thread's Message-IDs with it. */
  forgetIfEmpty(thread: number): void {
    this.#forget.run(thread, thread)
  }

  #nearest(hashes: readonly Uint8Array[]): number | undefined {
    for (const hash of hashes) {
      const thread = this.#find.get(hash)
      if (thread !== undefined) return thread
    }
    return undefined
  }
}

/** Itself (the same mail delivered twice is one thread), then parents from the nearest to the root. */
function relatives(messageId: string | null, references: readonly string[]): string[] {
  const few =
    references.length <= maxFirst + maxLast
      ? references
      : [...references.slice(0, maxFirst), ...references.slice(-maxLast)]
  return [...(messageId === null ? [] : [messageId]), ...few.toReversed()]
}

function hashOf(messageId: string): Uint8Array {
  return createHash("sha256").update(messageId).digest().subarray(0, 16)
}

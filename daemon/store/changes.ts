import { AsyncLocalStorage } from "node:async_hooks"

/** One thing that a commit changed. Message changes carry UIDs only where somebody must know whose they are. */
export type Change =
  | { what: "added" | "expunged"; mailbox: number; uids: readonly number[] }
  /** `seen`: \Seen was set or taken away somewhere. */
  | { what: "flags"; mailbox: number; seen: boolean }
  | { what: "created" | "deleted"; mailbox: number; name: string }
  /** Of the names below it nothing is said, they moved along. `name` may be of a new mailbox that took over what INBOX held. */
  | { what: "renamed"; mailbox: number; name: string; from: string }
  /** The name has a UIDVALIDITY that it had not before. */
  | { what: "validity"; mailbox: number }
  | { what: "subscription"; name: string }
  | { what: "annotations"; mailbox: number; entries: readonly string[] }
  | { what: "special-use"; mailbox: number }
  /** Something no longer counts against quota: of a deleted mailbox, of a message that was read to its end, or never came to its. */
  | { what: "cleared" }

/** What one commit changed, and who asked for it; null when nobody said. */
export type Commit = { by: object | null; changes: readonly Change[] }

export type CommitListener = (commit: Commit) => void

/**
 * Collects what a transaction changes and tells it after the commit: the one feed that IDLE, NOTIFY, kept
 * searches and the usage report live on.
 *
 * The author is carried by the asynchronous context, because a command works in many transactions with those
 * of other connections in between, and none of them should have to name it in every call.
 */
export class ChangeFeed {
  readonly #listeners = new Set<CommitListener>()
  readonly #author = new AsyncLocalStorage<object>()
  #changes: Change[] = []

  /** To be called inside a transaction, by whatever changes a mailbox or what is in it. */
  note(change: Change): void {
    this.#changes.push(change)
  }

  /** Nothing of what was noted happened. */
  drop(): void {
    this.#changes = []
  }

  /** What `work` commits, also after it waited, is by `author`. */
  by<T>(author: object, work: () => T): T {
    return this.#author.run(author, work)
  }

  listen(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The transaction is durable already, so a listener's failure is not its failure: it surfaces by itself. */
  announce(): void {
    const changes = this.#changes
    this.#changes = []
    if (changes.length === 0) return
    const commit = { by: this.#author.getStore() ?? null, changes }
    for (const listener of [...this.#listeners]) {
      try {
        listener(commit)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

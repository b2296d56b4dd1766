import type { Connection } from "./connection.ts"
import type { Copied } from "./copies.ts"
import type { Query } from "./query.ts"

/** What is asked of `Messages`. */
export type MessageCopier = {
  copy(from: number, uids: number[], to: number): Copied
  takeBack(mailbox: number, uids: number[]): void
}

type Range = { id: number; mailbox: number; first: number; last: number }

/** Copies taken back in one transaction. */
const takenBackAtOnce = 50

/**
 * COPY in several transactions, between which others are served: they see the first copies early. Each transaction
 * remembers which UIDs it gave, and the last one forgets them all; so what a COPY left that failed, or was cut off
 * by a crash, is known, and other messages that came in between are left alone.
 */
export class LongCopies {
  readonly #connection: Connection
  readonly #messages: MessageCopier
  readonly #remember: Query<[mailbox: number, first: number, last: number], unknown>
  readonly #forget: Query<[id: number], unknown>
  readonly #remembered: Query<[], Range>
  readonly #change: Query<[mailbox: number, first: number, last: number, id: number], unknown>
  readonly #some: Query<[mailbox: number, first: number, last: number, most: number], number>
  /** Rows of those that are not finished and have not failed. */
  readonly #running = new Set<number>()

  constructor(connection: Connection, messages: MessageCopier) {
    this.#connection = connection
    this.#messages = messages
    this.#remember = connection.prepare("INSERT INTO copying (mailbox, first, last) VALUES (?, ?, ?)")
    this.#forget = connection.prepare("DELETE FROM copying WHERE id = ?")
    this.#remembered = connection.prepare("SELECT id, mailbox, first, last FROM copying ORDER BY id")
    this.#change = connection.prepare("UPDATE copying SET mailbox = ?, first = ?, last = ? WHERE id = ?")
    this.#some = connection.pluck(
      "SELECT uid FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid LIMIT ?",
    )
  }

  begin(from: number, to: number): LongCopy {
    const mine: number[] = []
    return {
      add: (uids, isLast) => this.#add(mine, [from, uids, to], isLast),
      fail: () => this.#end(mine),
    }
  }

  /** Takes back some of what failed, or was left by a crash. False when nothing is left of it. @throws StoreError `disk-full` */
  takeBack(): boolean {
    return this.#connection.transaction(() => {
      const range = this.#remembered.all().find(({ id }) => !this.#running.has(id))
      if (range === undefined) return false
      const { id, mailbox, first, last } = range
      const uids = this.#some.all(mailbox, first, last, takenBackAtOnce)
      this.#messages.takeBack(mailbox, uids)
      if (uids.length < takenBackAtOnce) this.#forget.run(id)
      return true
    })
  }

  /**
   * RENAME INBOX moved messages to another mailbox, among them perhaps copies of a COPY that is not finished: these
   * have other UIDs there. Inside the transaction that moved them.
   */
  follow(from: number, { source, target }: Copied, to: number): void {
    for (const { id, mailbox, first, last } of this.#remembered.all()) {
      if (mailbox !== from) continue
      const moved = target.slice(countBelow(source, first), countBelow(source, last + 1))
      const [begin, end] = [moved[0], moved.at(-1)]
      if (begin === undefined || end === undefined) this.#forget.run(id)
      else this.#change.run(to, begin, end, id)
    }
  }

  #add(mine: number[], [from, uids, to]: [number, number[], number], isLast: boolean): Copied {
    const { copied, row } = this.#connection.transaction(() => {
      const copied = this.#messages.copy(from, uids, to)
      for (const id of isLast ? mine : []) this.#forget.run(id)
      return { copied, row: isLast ? null : this.#rememberRun(to, copied.target) }
    })
    if (isLast) this.#end(mine)
    else if (row !== null) {
      mine.push(row)
      this.#running.add(row)
    }
    return copied
  }

  /** The UIDs of one transaction follow one another. */
  #rememberRun(mailbox: number, target: readonly number[]): number | null {
    const [first, last] = [target[0], target.at(-1)]
    return first === undefined || last === undefined ? null : this.#remember.run(mailbox, first, last).rowid
  }

  #end(mine: number[]): void {
    for (const id of mine.splice(0)) this.#running.delete(id)
  }
}

/** How many of these UIDs, which go up, are lower than this one. */
function countBelow(uids: readonly number[], uid: number): number {
  let [low, high] = [0, uids.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((uids[middle] ?? 0) < uid) low = middle + 1
    else high = middle
  }
  return low
}

/** One COPY. */
export type LongCopy = {
  /**
   * The next messages, in one transaction; with the last ones the COPY is finished.
   *
   * @throws StoreError as `messages.copy`
   */
  add(uids: number[], isLast: boolean): Copied
  /** It will not be finished: what it has copied is for `takeBack`. After the last `add` it does nothing. */
  fail(): void
}

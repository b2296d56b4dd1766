import { join } from "node:path"
import { LRUCache } from "lru-cache"
import type { Place, Places } from "./places.ts"
import { factsIfThere, type QueueFiles } from "./queue-files.ts"
import { isUlid, timeOf } from "./ulid.ts"

export type Waiting = { messages: number; bytes: number }

type Measured = { count: number; bytes: number; oldest: number | null }

/** By id, the size of each file; a file is never changed once it is in new/. */
type Sizes = Map<string, number>

/** What new/ held when it was last changed; `settled` when a later change shows in its time. */
type Counted = Waiting & { sizes: Sizes; changedAt: number; settled: boolean }

/** Within this time two changes of a directory may have the same time, on any file system. */
const clockTickMs = 3000

/** Files of one mailbox that are looked at at once; more would only wait for threads, and let others wait. */
const atOnce = 16

/** Files of all mailboxes whose sizes are remembered, about 100 octets each; a mailbox with more is counted anew. */
const maxKnownFiles = 200_000

/**
 * How much is in the places of a mailbox, by the size of the sealed files. A sender can make the daemon ask with every
 * RCPT, so the sizes are remembered, only files that are new are looked at, and of a mailbox one count runs at a time.
 */
export class Counts {
  readonly #places: Places
  readonly #files: QueueFiles
  readonly #known = new LRUCache<string, Counted>({ maxSize: maxKnownFiles, sizeCalculation: sizeOf })
  readonly #running = new Map<string, Promise<Waiting>>()
  readonly #next = new Map<string, Promise<Waiting>>()

  constructor(places: Places, files: QueueFiles) {
    this.#places = places
    this.#files = files
  }

  /**
   * All that is there when it is asked. A count that runs may have looked already, so that all who ask meanwhile share
   * the one after it.
   *
   * @throws SpoolError
   */
  waiting(mailbox: string): Promise<Waiting> {
    const announced = this.#next.get(mailbox)
    if (announced !== undefined) return announced
    const running = this.#running.get(mailbox)
    if (running === undefined) return this.#start(mailbox)
    const next = running.then(ended, ended).then(() => this.#start(mailbox))
    this.#next.set(mailbox, next)
    return next
  }

  /** @throws SpoolError */
  async measure(mailbox: string, place: Place): Promise<Measured> {
    const sizes = await this.#sizes(mailbox, place, new Map())
    const [oldest] = sizes.keys()
    return { count: sizes.size, bytes: sum(sizes), oldest: oldest === undefined ? null : timeOf(oldest) }
  }

  #start(mailbox: string): Promise<Waiting> {
    this.#next.delete(mailbox)
    const count = this.#count(mailbox).finally(() => this.#running.delete(mailbox))
    this.#running.set(mailbox, count)
    return count
  }

  async #count(mailbox: string): Promise<Waiting> {
    const begunAt = Date.now()
    const changedAt = (await factsIfThere(this.#files, this.#places.path(mailbox, "new")))?.mtimeMs ?? 0
    const known = this.#known.get(mailbox)
    if (known?.settled && known.changedAt === changedAt) return { messages: known.messages, bytes: known.bytes }
    const sizes = await this.#sizes(mailbox, "new", known?.sizes ?? new Map())
    const waiting = { messages: sizes.size, bytes: sum(sizes) }
    this.#known.set(mailbox, { ...waiting, sizes, changedAt, settled: begunAt - changedAt > clockTickMs })
    return waiting
  }

  /** Oldest first. What is known already is not looked at. */
  async #sizes(mailbox: string, place: Place, known: Sizes): Promise<Sizes> {
    const ids = (await this.#places.namesIfReal(mailbox, place)).filter(isUlid).sort()
    const fresh = ids.filter((id) => !known.has(id))
    const found: Sizes = new Map()
    for (let at = 0; at < fresh.length; at += atOnce)
      await Promise.all(fresh.slice(at, at + atOnce).map((id) => this.#look(mailbox, place, id, found)))
    return new Map(ids.flatMap((id): [string, number][] => pair(id, known.get(id) ?? found.get(id))))
  }

  async #look(mailbox: string, place: Place, id: string, found: Sizes): Promise<void> {
    const facts = await factsIfThere(this.#files, join(this.#places.path(mailbox, place), id))
    if (facts !== null) found.set(id, facts.size)
  }
}

/** Nothing for a file that was taken away since it was listed. */
function pair(id: string, size: number | undefined): [string, number][] {
  return size === undefined ? [] : [[id, size]]
}

function sum(sizes: Sizes): number {
  let bytes = 0
  for (const size of sizes.values()) bytes += size
  return bytes
}

function sizeOf({ sizes }: Counted): number {
  return sizes.size + 1
}

/** How the count before ended is told to those who asked for it. */
function ended(): void {}

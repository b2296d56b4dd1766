import { join } from "node:path"
import { LRUCache } from "lru-cache"
import type { Place, Places } from "./places.ts"
import { factsIfThere, type QueueFiles } from "./queue-files.ts"
import { isUlid, timeOf } from "./ulid.ts"

export type Waiting = { messages: number; bytes: number }

type Measured = { count: number; bytes: number; oldest: number | null }

/** What new/ held when it was last changed; `settled` when a later change shows in its time. */
type Counted = Waiting & { begunAt: number; changedAt: number; settled: boolean }

/** Within this time two changes of a directory may have the same time, on any file system. */
const clockTickMs = 3000

/** Files of one mailbox that are looked at at once; more would only wait for threads, and let others wait. */
const atOnce = 16

const maxKnown = 10_000

/**
 * How much is in the places of a mailbox, by the size of the sealed files. A sender can make the daemon ask with every
 * RCPT, so that one count is shared by all who ask while it runs, and is remembered.
 */
export class Counts {
  readonly #places: Places
  readonly #files: QueueFiles
  readonly #now: () => number
  readonly #known = new LRUCache<string, Counted>({ max: maxKnown })
  readonly #running = new Map<string, Promise<Counted>>()

  constructor(places: Places, files: QueueFiles, now: () => number) {
    this.#places = places
    this.#files = files
    this.#now = now
  }

  /** @throws SpoolError */
  async waiting(mailbox: string, goodForMs: number): Promise<Waiting> {
    const known = this.#known.get(mailbox)
    const isRecent = known !== undefined && this.#now() - known.begunAt < goodForMs
    const { messages, bytes } = isRecent ? known : await (this.#running.get(mailbox) ?? this.#countOnce(mailbox))
    return { messages, bytes }
  }

  /** @throws SpoolError */
  async measure(mailbox: string, place: Place): Promise<Measured> {
    const ids = (await this.#places.namesIfReal(mailbox, place)).filter(isUlid).sort()
    const directory = this.#places.path(mailbox, place)
    let bytes = 0
    let count = 0
    for (let at = 0; at < ids.length; at += atOnce) {
      const batch = ids.slice(at, at + atOnce)
      for (const facts of await Promise.all(batch.map((id) => factsIfThere(this.#files, join(directory, id))))) {
        if (facts === null) continue
        bytes += facts.size
        count += 1
      }
    }
    return { count, bytes, oldest: ids[0] === undefined ? null : timeOf(ids[0]) }
  }

  #countOnce(mailbox: string): Promise<Counted> {
    const count = this.#count(mailbox).finally(() => this.#running.delete(mailbox))
    this.#running.set(mailbox, count)
    return count
  }

  /** Files are counted once for as long as nothing comes or goes. */
  async #count(mailbox: string): Promise<Counted> {
    const begunAt = this.#now()
    const changedAt = (await factsIfThere(this.#files, this.#places.path(mailbox, "new")))?.mtimeMs ?? 0
    const known = this.#known.get(mailbox)
    const isSame = known?.settled === true && known.changedAt === changedAt
    const counted = isSame ? { ...known, begunAt } : await this.#countFiles(mailbox, begunAt, changedAt)
    this.#known.set(mailbox, counted)
    return counted
  }

  async #countFiles(mailbox: string, begunAt: number, changedAt: number): Promise<Counted> {
    const { count, bytes } = await this.measure(mailbox, "new")
    return { messages: count, bytes, begunAt, changedAt, settled: begunAt - changedAt > clockTickMs }
  }
}

import type { Identity } from "age-encryption"
import type { Queue } from "../../spool/queue.ts"
import { SpoolError } from "../../spool/queue-files.ts"
import { type Envelope, open, SealedError } from "../../spool/sealed.ts"
import type { Spooled } from "../../spool/spooled.ts"
import type { Log } from "../host/log.ts"
import type { Store } from "../store/store.ts"
import { StoreError } from "../store/types.ts"
import type { Ingest, Read } from "./ingest.ts"
import { Pace } from "./pace.ts"

/*
 * Spool → mailbox, exactly once. For each file new/<id>, in this order:
 *
 *   1. one durable transaction: message, and <id> as its delivery id (unique)
 *   2. unlink new/<id>, fsync of the directory
 *   3. forget <id>
 *
 * kill -9 before 1: nothing happened. Between 1 and 2: the file is found again, its delivery id is known,
 * only 2 and 3 are done. Between 2 and 3: a delivery id without a file, forgotten at the next flush.
 */

/** Messages up to this size are opened whole and go into the mailbox many per transaction; larger ones are streamed, each by itself. */
const wholeBytes = 1 << 20
const batchMessages = 256
/** Messages go into a transaction for this long; its end, where they go into the search index, takes about twice that. */
const insertMs = 6
/** Files opened side by side; one by one, waiting for the disk took a fifth of the time. */
const filesAtOnce = 16
const batchBytes = 8 << 20
/** After a full disk or mailbox, and after an unforeseen failure, the rest waits this long. */
const retryMs = 30_000

type Opened = { kind: "opened"; id: string; envelope: Envelope; bytes: Uint8Array }
/** Opened, and read. */
type Ready = { id: string; envelope: Envelope; message: Read }
/** What a file turned out to be; "gone" was taken away by another hand, or is in the mailbox already. */
type Found = Opened | { kind: "large" | "gone" | "quarantined" }

export type FlushReport = (counts: { messages: number; quarantined: number }) => void

/** Brings one user's waiting mail into INBOX, oldest first. One run at a time; a request during a run is a second look. */
export class Flush {
  readonly #queue: Queue
  readonly #mailbox: string
  readonly #identities: Identity[]
  readonly #store: Store
  readonly #ingest: Ingest
  readonly #report: FlushReport
  readonly #log: Log
  #running: Promise<void> | null = null
  #again = false
  #stopped = false
  #retry: NodeJS.Timeout | null = null

  constructor(parts: {
    queue: Queue
    mailbox: string
    identities: Identity[]
    store: Store
    ingest: Ingest
    report: FlushReport
    log: Log
  }) {
    this.#queue = parts.queue
    this.#mailbox = parts.mailbox
    this.#identities = parts.identities
    this.#store = parts.store
    this.#ingest = parts.ingest
    this.#report = parts.report
    this.#log = parts.log
  }

  /** Looks at the spool now, or once more when it is being looked at. Resolves when that look is over; never rejects. */
  request(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    this.#again = true
    // Not the doing of the client whose SELECT asked for it.
    this.#running ??= this.#store
      .by(this, () => this.#run())
      .finally(() => {
        this.#running = null
      })
    return this.#running
  }

  /** Resolves when the spool is empty or `limitMs` has passed, whichever is first. */
  async settle(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await Promise.race([this.request(), new Promise((resolve) => (timer = setTimeout(resolve, limitMs)))])
    clearTimeout(timer)
  }

  /** What is in the spool; nothing when it cannot be read, because then there is nothing to be told either. Never rejects. */
  async waiting(): Promise<{ messages: number; bytes: number }> {
    try {
      return await this.#queue.waiting(this.#mailbox)
    } catch (err) {
      this.#log.error({ err }, "the spool could not be read")
      return { messages: 0, bytes: 0 }
    }
  }

  /** Finishes the running batch and starts no other. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#everything()
      } catch (error) {
        this.#later(error)
        return
      }
    }
  }

  async #everything(): Promise<void> {
    const waiting = await this.#queue.list(this.#mailbox)
    const left = new Set(waiting)
    this.#store.messages.forgetDeliveries(this.#store.messages.deliveries().filter((id) => !left.has(id)))
    for (let at = 0; at < waiting.length && !this.#stopped; )
      at += await this.#batch(waiting.slice(at, at + batchMessages))
  }

  /** Takes as many of these as fit one transaction, in their order; says how many that were. */
  async #batch(ids: string[]): Promise<number> {
    const opened: Opened[] = []
    let octets = 0
    let taken = 0
    let quarantined = 0
    let large = false
    while (taken < ids.length && octets < batchBytes && !large) {
      for (const found of await Promise.all(ids.slice(taken, taken + filesAtOnce).map((id) => this.#find(id)))) {
        large = found.kind === "large"
        if (large) break
        taken++
        if (found.kind === "quarantined") quarantined++
        if (found.kind !== "opened") continue
        opened.push(found)
        octets += found.bytes.length
      }
    }
    const [first] = ids
    if (taken === 0 && first !== undefined) return this.#large(first)
    await this.#done(ids.slice(0, taken), await this.#insert(opened), quarantined)
    return taken
  }

  async #find(id: string): Promise<Found> {
    if (this.#store.messages.delivered(id)) return { kind: "gone" }
    const spooled = await this.#openFile(id)
    if ("kind" in spooled) return spooled
    if (spooled.size <= wholeBytes) return this.#whole(spooled)
    await spooled.close()
    return { kind: "large" }
  }

  /** Reads all of them, then brings in as many per transaction as fit one turn. */
  async #insert(opened: Opened[]): Promise<number> {
    const pace = new Pace(() => false)
    const ready: Ready[] = []
    for (const { id, envelope, bytes } of opened) {
      ready.push({ id, envelope, message: await this.#ingest.read(bytes, pace) })
      await pace.rest()
    }
    const turn = new Pace(() => false, insertMs)
    let added = 0
    for (let at = 0; at < ready.length; await turn.rest()) {
      const some = this.#store.transaction(() => this.#insertSome(ready.slice(at), turn))
      at += some.taken
      added += some.added
    }
    return added
  }

  /** Inside a transaction: at least one, and more while the turn lasts. */
  #insertSome(ready: Ready[], pace: Pace): { taken: number; added: number } {
    let taken = 0
    let added = 0
    for (const { id, envelope, message } of ready) {
      if (this.#link(this.#ingest.insert(message, "spool"), id, envelope)) added++
      taken++
      if (pace.due) break
    }
    return { taken, added }
  }

  /** Steps 2 and 3; a quarantined file is gone from `new/` already. */
  async #done(ids: string[], messages: number, quarantined: number): Promise<void> {
    await this.#queue.remove(this.#mailbox, ids)
    this.#store.messages.forgetDeliveries(ids)
    if (messages > 0 || quarantined > 0) this.#report({ messages, quarantined })
    // Other connections of this user get their turn between batches.
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Gone when another hand (an operator, an earlier run) has taken the file away; what is no file is set aside. */
  async #openFile(id: string): Promise<Spooled | { kind: "gone" | "quarantined" }> {
    try {
      return await this.#queue.open(this.#mailbox, id)
    } catch (error) {
      if (error instanceof SpoolError && error.fault === "no-such-file") return { kind: "gone" }
      await this.#quarantine(id, error)
      return { kind: "quarantined" }
    }
  }

  async #whole(spooled: Spooled): Promise<Found> {
    try {
      const { envelope, message } = await open(this.#identities, spooled.bytes)
      const chunks: Uint8Array[] = []
      for await (const chunk of message) chunks.push(chunk)
      return { kind: "opened", id: spooled.id, envelope, bytes: Buffer.concat(chunks) }
    } catch (error) {
      await this.#quarantine(spooled.id, error)
      return { kind: "quarantined" }
    } finally {
      await spooled.close()
    }
  }

  /** One large file, in pieces; says that one was taken. */
  async #large(id: string): Promise<number> {
    const spooled = await this.#openFile(id)
    if ("kind" in spooled) {
      if (spooled.kind === "quarantined") await this.#done([], 0, 1)
      return 1
    }
    const incoming = this.#ingest.begin("spool")
    try {
      const { envelope, message } = await open(this.#identities, spooled.bytes)
      for await (const chunk of message) {
        incoming.push(chunk)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await incoming.complete(new Pace(() => false))
      this.#store.transaction(() => this.#link(incoming.finish(), id, envelope))
    } catch (error) {
      incoming.discard()
      await this.#quarantine(id, error)
      await this.#done([], 0, 1)
      return 1
    } finally {
      await spooled.close()
    }
    await this.#done([id], 1, 0)
    return 1
  }

  /** False when this delivery is in the mailbox already. */
  #link(content: number, deliveryId: string, { arrivedAt }: Envelope): boolean {
    const inbox = this.#store.mailboxes.named("INBOX").id
    const given = { flags: 0, keywords: [], internalDate: arrivedAt, internalZone: 0, deliveryId }
    return this.#store.messages.add(inbox, content, given) !== null
  }

  /** Only a file that cannot be opened is set aside; any other failure leaves it where it is and ends the run. */
  async #quarantine(id: string, error: unknown): Promise<void> {
    const isForQuarantine =
      error instanceof SealedError || (error instanceof SpoolError && error.fault === "not-a-file")
    if (!isForQuarantine) throw error
    this.#log.warn({ file: id, why: error.fault }, "spool file cannot be opened: quarantined")
    await this.#queue.quarantine(this.#mailbox, id, error.fault)
  }

  #later(error: unknown): void {
    const fault = error instanceof StoreError ? error.fault : "unforeseen"
    this.#log.error({ fault, err: error }, "flush stopped; what is left stays sealed in the spool")
    if (this.#stopped) return
    this.#retry = setTimeout(() => void this.request(), retryMs)
    this.#retry.unref()
  }
}

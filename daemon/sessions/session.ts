import type { Clocks, CloseReason, FromWorker, Purpose } from "../contract/worker-link.ts"
import { nextExpiry } from "./clocks.ts"
import type { WorkerProcess } from "./worker-process.ts"

/**
 * LOCKED is the absence of a session. UNLOCKING: a worker has the user's ticket and nobody is in yet.
 * OPEN: the mailbox is unlocked. DRAINING: the worker was told to close; no new login joins it.
 */
export type SessionState = "UNLOCKING" | "OPEN" | "DRAINING"

export type SessionConnection = {
  id: number
  remote: string
  openedAt: number
  lastCommandAt: number
  command: string
  idling: boolean
  client: string | null
}

/** What happens to a session that the table has to act upon. */
export type SessionEvents = {
  opened: (session: Session, remote: string, fresh: boolean) => void
  refused: (session: Session, remote: string, refusal: Extract<FromWorker, { kind: "refused" }>) => void
  credentials: (session: Session, message: Extract<FromWorker, { kind: "credentials" }>) => void
  flushed: (session: Session, message: Extract<FromWorker, { kind: "flushed" }>) => void
  usage: (session: Session, message: Extract<FromWorker, { kind: "usage" }>) => void
  kdfWanted: (session: Session, request: number) => void
  kdfDone: (session: Session) => void
  ended: (session: Session, how: { code: number | null; signal: NodeJS.Signals | null }) => void
}

/** A worker to which nobody got in is closed after this long without a ticket; longer than a ticket lives. */
const unopenedLifeMs = 12_000
/** A ticket that nobody showed by then is dead, also in the longest queue. */
const ticketMemoryMs = 600_000

/** One user's worker, as the daemon knows it: who, from where, since when; never what or with which key. */
export class Session {
  readonly user: string
  readonly worker: WorkerProcess
  readonly startedAt = Date.now()
  readonly connections = new Map<number, SessionConnection>()
  readonly #events: SessionEvents
  readonly #drainMs: number
  readonly #tickets = new Map<number, { remote: string; issuedAt: number }>()
  /** Derivations that wait or run: nobody is idle meanwhile, however long the queue is. */
  readonly #derivations = new Set<number>()
  #state: SessionState = "UNLOCKING"
  #clocks: Clocks
  #openedAt: number | null = null
  #lastCommandAt = Date.now()
  #emptySince: number | null = null
  #closing: CloseReason | null = null
  #timer: NodeJS.Timeout | null = null
  #nextTicket = 1

  constructor(user: string, worker: WorkerProcess, clocks: Clocks, drainMs: number, events: SessionEvents) {
    this.user = user
    this.worker = worker
    this.#clocks = clocks
    this.#drainMs = drainMs
    this.#events = events
    worker.observe({ message: (message) => this.#hear(message), exit: (how) => this.#exited(how) })
    this.#wind()
  }

  get state(): SessionState {
    return this.#state
  }
  get clocks(): Clocks {
    return this.#clocks
  }
  get openedAt(): number | null {
    return this.#openedAt
  }
  get lastCommandAt(): number {
    return this.#lastCommandAt
  }
  get closing(): CloseReason | null {
    return this.#closing
  }

  /** A one-time ticket to this session's worker; `remote` is remembered until it is redeemed. */
  admit(remote: string, purpose: Purpose): string {
    const id = this.#nextTicket++
    const issuedAt = Date.now()
    for (const [old, ticket] of this.#tickets)
      if (issuedAt - ticket.issuedAt > ticketMemoryMs) this.#tickets.delete(old)
    this.#tickets.set(id, { remote, issuedAt })
    if (this.#openedAt === null) this.#lastCommandAt = issuedAt
    this.#wind()
    return this.worker.admit(id, purpose)
  }

  /** Ends one connection; the session goes on. False when there is none of this number. */
  drop(connection: number): boolean {
    if (!this.connections.has(connection)) return false
    this.worker.drop(connection, "kicked")
    return true
  }

  /** New clocks for this running session, in force at once. */
  setClocks(clocks: Clocks): void {
    this.#clocks = clocks
    this.#wind()
  }

  close(why: CloseReason): void {
    if (this.#state === "DRAINING") return
    this.#state = "DRAINING"
    this.#closing = why
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.worker.close(why, this.#drainMs)
  }

  /** A derivation is over, or was not granted. */
  derived(request: number): void {
    this.#derivations.delete(request)
    if (this.#openedAt === null) this.#lastCommandAt = Date.now()
    this.#wind()
  }

  /** When the first clock runs out (ms since the epoch), or null when none runs. */
  expiresAt(): { at: number; why: CloseReason } | null {
    const next = this.#expiry()
    return Number.isFinite(next.at) ? next : null
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "opened":
        return this.#opened(message)
      case "refused":
        this.#events.refused(this, this.#redeemed(message.session), message)
        // Nobody got in and nobody else is trying: this process has seen a wrong password, and is not kept.
        if (this.#openedAt === null && this.#tickets.size === 0) this.close("linger")
        return
      case "left":
        this.connections.delete(message.connection)
        if (this.connections.size === 0) this.#emptySince = Date.now()
        return this.#wind()
      case "activity":
        return this.#active(message)
      case "kdf-wanted":
        this.#derivations.add(message.request)
        this.#wind()
        return this.#events.kdfWanted(this, message.request)
      case "kdf-done":
        this.derived(message.request)
        return this.#events.kdfDone(this)
      case "credentials":
        return this.#events.credentials(this, message)
      case "flushed":
        return this.#events.flushed(this, message)
      case "usage":
        return this.#events.usage(this, message)
      case "closing":
        return this.close(message.why)
      case "ready":
        throw new Error("a worker said ready twice")
    }
  }

  #opened(message: Extract<FromWorker, { kind: "opened" }>): void {
    const now = Date.now()
    const remote = this.#redeemed(message.session)
    if (this.#state === "UNLOCKING") this.#state = "OPEN"
    this.#openedAt ??= now
    this.#lastCommandAt = now
    this.#emptySince = null
    this.connections.set(message.connection, {
      id: message.connection,
      remote,
      openedAt: now,
      lastCommandAt: now,
      command: "LOGIN",
      idling: false,
      client: null,
    })
    this.#wind()
    this.#events.opened(this, remote, message.fresh)
  }

  #redeemed(ticket: number): string {
    const remote = this.#tickets.get(ticket)?.remote ?? "unknown"
    this.#tickets.delete(ticket)
    return remote
  }

  #active(message: Extract<FromWorker, { kind: "activity" }>): void {
    const connection = this.connections.get(message.connection)
    if (connection === undefined) return
    Object.assign(connection, {
      lastCommandAt: message.at,
      command: message.command,
      idling: message.idling,
      client: message.client,
    })
    this.#lastCommandAt = Math.max(this.#lastCommandAt, message.at)
    this.#wind()
  }

  #exited(how: { code: number | null; signal: NodeJS.Signals | null }): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#events.ended(this, how)
  }

  #expiry(): { at: number; why: CloseReason } {
    if (this.#openedAt === null) return { at: this.#lastCommandAt + unopenedLifeMs, why: "linger" }
    const idling = [...this.connections.values()].some((connection) => connection.idling)
    return nextExpiry(
      { openedAt: this.#openedAt, lastCommandAt: this.#lastCommandAt, emptySince: this.#emptySince, idling },
      this.#clocks,
    )
  }

  #wind(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#state === "DRAINING" || this.#derivations.size > 0) return
    const next = this.#expiry()
    if (!Number.isFinite(next.at)) return
    // setTimeout holds 31 bits of milliseconds; a longer clock is wound again when that runs out.
    const delay = Math.min(Math.max(0, next.at - Date.now()), 0x7fff_ffff)
    this.#timer = setTimeout(() => (Date.now() >= next.at ? this.close(next.why) : this.#wind()), delay)
  }
}

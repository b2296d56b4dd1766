import type { Logger } from "pino"
import type { Asks, Replies } from "../contract/control.ts"
import type { Assignment, Clocks, FromWorker, Purpose } from "../contract/worker-link.ts"
import type { Directory, User } from "../directory/directory.ts"
import type { Settings } from "../host/settings.ts"
import { decoySaltFor, saltFor } from "../keys/kdf.ts"
import { clocksFor } from "./clocks.ts"
import { KdfGate } from "./kdf-gate.ts"
import type { WorkerPool } from "./pool.ts"
import { quotaOf, roomFor } from "./quota.ts"
import { Session } from "./session.ts"
import { Throttle } from "./throttle.ts"

/** Where one user's worker may be reached, for one connection. */
export type Admission = { worker: string; ticket: string }

/** Nobody can be let in right now; `message` may be shown to the client. */
export class Unavailable extends Error {
  override name = "Unavailable"
}

/** A derivation takes a fraction of a second, a few seconds on a machine that is overloaded. */
const kdfLimitMs = 60_000

type Parts = {
  settings: Settings
  directory: Directory
  pool: WorkerPool
  bootSecret: Uint8Array | null
  log: Logger
  /** Tells the spool that what it remembers of recipients may be wrong. */
  recipientsChanged: () => void
}

/**
 * Who is logged in. One entry per login name, whether or not a user of that name exists: the answer to a
 * login must not tell (design: same reply, same time).
 */
export class Sessions {
  readonly #parts: Parts
  readonly #sessions = new Map<string, Session>()
  readonly #mailboxes = new Map<string, Session>()
  readonly #opening = new Map<string, Promise<Session>>()
  readonly #throttle: Throttle
  readonly #gate: KdfGate
  readonly #counts = { opened: 0, refused: 0, crashed: 0, flushed: 0, quarantined: 0 }
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
    this.#throttle = new Throttle(parts.settings.throttle)
    this.#gate = new KdfGate(parts.settings.sessions.kdf_concurrency, parts.settings.sessions.kdf_queue)
  }

  /** Step 2 of a login: the throttle, then the user's live worker or a warm one, then a ticket to it. */
  async open(asks: Asks<"session.open">): Promise<Replies<"session.open">> {
    const name = await this.#nameOf(asks.user)
    if (!(await this.#throttle.pass(name, asks.remote)))
      return { kind: "unavailable", why: "Too many failed logins are waiting, try again later" }
    try {
      const admission = await this.admit(name, asks.remote, "imap")
      return { kind: "ticket", ...admission }
    } catch (error) {
      if (error instanceof Unavailable) return { kind: "unavailable", why: error.message }
      throw error
    }
  }

  /** @throws Unavailable */
  async admit(name: string, remote: string, purpose: Purpose): Promise<Admission> {
    const session = await this.#sessionOf(name)
    if (session.connections.size >= this.#parts.settings.sessions.max_connections_per_user)
      throw new Unavailable("Too many connections of this user")
    return { worker: session.worker.socket, ticket: session.admit(remote, purpose) }
  }

  get(name: string): Session | undefined {
    return this.#sessions.get(name)
  }

  list(): Session[] {
    return [...this.#sessions.values()]
  }

  /** Whether anybody can log in at all. */
  get possible(): boolean {
    return this.#parts.bootSecret !== null && !this.#closed
  }

  load() {
    return { ...this.#counts, sessions: this.#sessions.size, kdf: this.#gate.load(), warm: this.#parts.pool.warm() }
  }

  /** Mail is durable in the spool of this mailbox; a live worker fetches it at once. */
  arrived(mailbox: string): void {
    this.#mailboxes.get(mailbox)?.worker.flush()
  }

  /** Ends the session of this user, if there is one, and resolves when its worker is gone. */
  async end(name: string, why: "kicked" | "disabled" | "deleted" | "credential-changed"): Promise<boolean> {
    // A login that is starting would otherwise come in behind our back.
    await this.#opening.get(name)?.catch(() => {})
    const session = this.#sessions.get(name)
    if (session === undefined) return false
    session.close(why)
    await this.#gone(session)
    return true
  }

  /** Closes every session; resolves when all workers are gone. */
  async close(): Promise<void> {
    this.#closed = true
    this.#parts.pool.close()
    for (const session of this.list()) session.close("shutdown")
    await Promise.all(this.list().map((session) => this.#gone(session)))
  }

  /** People log in with their name or with one of their addresses; whoever is neither is treated by the name. */
  async #nameOf(login: string): Promise<string> {
    const { directory } = this.#parts
    const user =
      (await directory.findByName(login)) ?? (login.includes("@") ? await directory.findByAddress(login) : undefined)
    return user?.name ?? directory.canonicalName(login)
  }

  /** The live session, or a new one; a session that drains is waited for, because two workers cannot own one database. */
  async #sessionOf(name: string): Promise<Session> {
    if (this.#closed) throw new Unavailable("The server is shutting down")
    const opening = this.#opening.get(name)
    if (opening !== undefined) return opening
    const live = this.#sessions.get(name)
    if (live !== undefined && live.state !== "DRAINING") return live
    const promise = this.#begin(name, live).finally(() => this.#opening.delete(name))
    this.#opening.set(name, promise)
    return promise
  }

  async #begin(name: string, draining: Session | undefined): Promise<Session> {
    if (draining !== undefined) await this.#gone(draining)
    const { bootSecret } = this.#parts
    if (bootSecret === null) throw new Unavailable("Logins are not possible: the boot secret is missing")
    this.#refuseIfCrowded()
    const worker = await this.#parts.pool.take()
    // Asked last: who was disabled or deleted while we waited does not get in.
    const user = await this.#parts.directory.findByName(name)
    if (this.#closed) {
      worker.close("shutdown", 1000)
      throw new Unavailable("The server is shutting down")
    }
    worker.assign(this.#assignment(name, user, bootSecret))
    const session = this.#track(name, user, worker)
    return session
  }

  /** Strangers are counted apart from users, so that a flood of names neither fills the machine nor keeps users out. */
  #refuseIfCrowded(): void {
    const { max_sessions, max_unlocking } = this.#parts.settings.sessions
    const open = this.list().filter((session) => session.openedAt !== null).length
    if (open >= max_sessions) throw new Unavailable("Too many users are logged in")
    if (this.#sessions.size - open + this.#opening.size >= max_unlocking)
      throw new Unavailable("Too many logins at one time")
  }

  #track(name: string, user: User | undefined, worker: Session["worker"]): Session {
    const { settings } = this.#parts
    const session = new Session(name, worker, this.#clocks(user), settings.sessions.drain_s * 1000, {
      opened: (_, remote, fresh) => this.#opened(name, remote, fresh, user),
      refused: (_, remote, refusal) => this.#refused(name, remote, refusal),
      credentials: (_, message) => this.#storeCredentials(session, message),
      flushed: (_, message) => this.#flushed(name, message),
      usage: (_, message) => this.#log(this.#used(name, message), name, "usage"),
      kdfWanted: (_, request) => this.#grantKdf(session, request),
      kdfDone: () => this.#kdfDone(session),
      ended: (_, how) => this.#ended(session, user, how),
    })
    this.#sessions.set(name, session)
    if (user !== undefined) this.#mailboxes.set(user.mailbox, session)
    return session
  }

  #clocks(user: User | undefined): Clocks {
    return clocksFor(
      this.#parts.settings.sessions,
      user?.clocks ?? { lingerS: null, idleS: null, maximumLifeS: null, idleCounts: null },
    )
  }

  #assignment(name: string, user: User | undefined, bootSecret: Uint8Array): Assignment {
    const { settings } = this.#parts
    const current = {
      algorithm: "argon2id13",
      time: settings.keys.argon2_time,
      memoryKib: settings.keys.argon2_memory_kib,
      parallelism: 1,
    } as const
    if (user === undefined || user.status === "disabled") {
      return {
        user: name,
        salt: decoySaltFor(bootSecret, name),
        kdf: [current],
        mailbox: null,
        quotaBytes: 0,
        quotaMessages: 0,
      }
    }
    return {
      user: name,
      salt: saltFor(bootSecret, name),
      kdf: user.kdf.length === 0 ? [current] : user.kdf,
      mailbox: user.mailbox,
      ...quotaOf(user, settings),
    }
  }

  #opened(name: string, remote: string, fresh: boolean, user: User | undefined): void {
    this.#throttle.succeeded(name, remote)
    if (fresh) this.#counts.opened++
    this.#parts.log.info(
      { user: user?.name ?? name, remote, fresh },
      fresh ? "mailbox unlocked" : "connection joined an open mailbox",
    )
  }

  #refused(name: string, remote: string, refusal: Extract<FromWorker, { kind: "refused" }>): void {
    this.#counts.refused++
    if (refusal.why === "credential")
      this.#throttle.failed(
        name,
        remote,
        refusal.fingerprint === null ? null : Buffer.from(refusal.fingerprint).toString("hex"),
      )
    const level = refusal.why === "credential" || refusal.why === "busy" || refusal.why === "closing" ? "info" : "error"
    this.#parts.log[level]({ user: name, remote, why: refusal.why }, "login refused")
  }

  #flushed(name: string, message: Extract<FromWorker, { kind: "flushed" }>): void {
    this.#counts.flushed += message.messages
    this.#counts.quarantined += message.quarantined
    if (message.quarantined > 0)
      this.#parts.log.warn(
        { user: name, files: message.quarantined },
        "spool files were quarantined: see `mailkeep spool list`",
      )
  }

  /** The spool remembers for minutes who may receive, so it is told when a quota begins or ceases to refuse mail. */
  async #used(name: string, { bytes, messages }: Extract<FromWorker, { kind: "usage" }>): Promise<void> {
    const { directory, settings, recipientsChanged } = this.#parts
    const before = await directory.findByName(name)
    await directory.setUsage(name, bytes, messages)
    if (before === undefined) return
    const after = { ...before, usageBytes: bytes, usageMessages: messages }
    const [had, has] = [roomFor(before, settings) !== null, roomFor(after, settings) !== null]
    if (had !== has) recipientsChanged()
  }

  #storeCredentials(session: Session, message: Extract<FromWorker, { kind: "credentials" }>): void {
    const stored = this.#parts.directory.setCredentials(session.user, message.recipients, message.kdf)
    const answered = stored.then(
      () => session.worker.credentialsStored(true),
      (error: unknown) => {
        session.worker.credentialsStored(false)
        throw error
      },
    )
    this.#log(answered, session.user, "credentials")
  }

  /** A worker derives one key at a time; its place, with the end of our patience. */
  readonly #kdfHolders = new Map<Session, NodeJS.Timeout>()

  #grantKdf(session: Session, request: number): void {
    const entered = this.#gate.enter().then((granted) => {
      if (!granted) {
        session.derived(request)
        return session.worker.answerKdf(request, false)
      }
      // The worker may have died while it waited; its place goes to the next.
      if (!session.worker.alive) return this.#gate.leave()
      this.#kdfHolders.set(session, this.#deadline(session))
      session.worker.answerKdf(request, true)
    })
    this.#log(entered, session.user, "kdf")
  }

  /** A worker that never gives its place back would in the end keep everybody out. */
  #deadline(session: Session): NodeJS.Timeout {
    return setTimeout(() => {
      this.#parts.log.error(
        { user: session.user, worker: session.worker.pid },
        "key derivation took too long: worker killed",
      )
      session.worker.kill()
    }, kdfLimitMs)
  }

  #kdfDone(session: Session): void {
    const deadline = this.#kdfHolders.get(session)
    if (deadline === undefined) return
    clearTimeout(deadline)
    this.#kdfHolders.delete(session)
    this.#gate.leave()
  }

  #ended(session: Session, user: User | undefined, how: { code: number | null; signal: NodeJS.Signals | null }): void {
    this.#kdfDone(session)
    if (this.#sessions.get(session.user) === session) this.#sessions.delete(session.user)
    if (user !== undefined && this.#mailboxes.get(user.mailbox) === session) this.#mailboxes.delete(user.mailbox)
    const expected = session.closing !== null && how.code === 0
    if (!expected) this.#counts.crashed++
    const facts = { user: session.user, worker: session.worker.pid, why: session.closing, ...how }
    if (expected) this.#parts.log.info(facts, "session locked")
    else this.#parts.log.error(facts, "worker ended unexpectedly; the mailbox is locked, the next login opens it again")
    for (const waiter of this.#waiters.get(session) ?? []) waiter()
    this.#waiters.delete(session)
  }

  readonly #waiters = new Map<Session, (() => void)[]>()

  #gone(session: Session): Promise<void> {
    if (!session.worker.alive) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.set(session, [...(this.#waiters.get(session) ?? []), resolve]))
  }

  /** Work that nobody waits for still reports its failure. */
  #log(work: Promise<unknown>, user: string, what: string): void {
    work.catch((error) => this.#parts.log.error({ user, what, err: error }, "the user directory could not be written"))
  }
}

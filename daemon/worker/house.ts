import type { Identity } from "age-encryption"
import { Queue } from "../../spool/queue.ts"
import { encodeAnswer } from "../contract/preface.ts"
import type { CloseReason, KdfParameters } from "../contract/worker-link.ts"
import type { Log } from "../host/log.ts"
import { isWeaker, sameParameters } from "../keys/kdf.ts"
import { databaseKey, spoolSecret } from "../keys/root.ts"
import { identityFromSecret } from "../keys/sealing.ts"
import { sameSecret, secretFrom, wipe } from "../keys/secret.ts"
import type { Store } from "../store/store.ts"
import { StoreError } from "../store/types.ts"
import type { Account } from "./account.ts"
import { ImapConnection } from "./connection.ts"
import type { Visitor } from "./door.ts"
import { Flush } from "./flush.ts"
import { Ingest } from "./ingest.ts"
import { KeptResults } from "./kept-results.ts"
import type { DaemonLink } from "./link.ts"
import { changePassword, createMailbox, type StoreCredentials } from "./rekey.ts"
import { Tidying } from "./tidying.ts"
import { acknowledge, currentParameters, findSlot, type Household, openMailbox, Refused } from "./unlock.ts"
import { Verifier } from "./verifier.ts"

/** Everything that exists only while the mailbox is unlocked; `lock` ends all of it. */
type Unlocked = {
  root: Buffer
  store: Store
  account: Account
  flush: Flush
  tidying: Tidying
  identity: Identity & { wipe(): void }
  verifier: Verifier
}

/** What a client is told when its session ends (RFC 3501 §7.1.5; codes of RFC 5530 §3). */
const farewells: Record<CloseReason, string> = {
  kicked: "Disconnected by the operator",
  idle: "Idle for too long, the mailbox is locked",
  linger: "The mailbox is locked",
  "maximum-life": "This session has lasted long enough, please log in again",
  shutdown: "[UNAVAILABLE] The server is shutting down",
  disabled: "[CONTACTADMIN] This account was disabled",
  deleted: "[CONTACTADMIN] This account was deleted",
  "credential-changed": "The password was changed, please log in again",
}

/** Reports of activity are this far apart at least; clocks count in seconds. */
const activityEveryMs = 500

/** How soon after a change the daemon learns how full the mailbox is. */
const usageEveryMs = 1000

/** One user's mailbox in this process: locked, unlocked by the first who can, joined by the others, locked again. */
export class House {
  readonly #household: Household
  readonly #link: DaemonLink
  readonly #log: Log
  readonly #connections = new Map<number, { imap: ImapConnection; served: Promise<void> }>()
  #unlocked: Unlocked | null = null
  #closing: Promise<void> | null = null
  #turn: Promise<void> = Promise.resolve()
  #nextConnection = 1
  #usageTimer: NodeJS.Timeout | null = null

  constructor(household: Household, link: DaemonLink, log: Log) {
    this.#household = household
    this.#link = link
    this.#log = log
  }

  /** Lets a visitor in or answers why not; the credential is wiped on every path. Never rejects. */
  async visit(visitor: Visitor): Promise<void> {
    const { preface, socket } = visitor
    // A visitor who hangs up while we derive must not bring the process down; serve() installs its own listeners.
    const hungUp = () => socket.destroy()
    socket.on("error", hungUp)
    try {
      await this.#inTurn(() => this.#receive(visitor))
    } catch (error) {
      this.#refuse(visitor, error)
    } finally {
      wipe(preface.credential, preface.second)
    }
  }

  /** New mail is in the spool. */
  arrived(): void {
    if (this.#unlocked !== null) void this.#unlocked.flush.request()
  }

  /** Ends one connection; the mailbox stays open for the others. */
  async drop(connection: number, why: CloseReason): Promise<void> {
    await this.#connections.get(connection)?.imap.bye(farewells[why])
  }

  /** Says goodbye, finishes what runs, closes the database, wipes. Resolves when nothing is left to wipe. */
  close(why: CloseReason): Promise<void> {
    this.#closing ??= this.#lock(why)
    return this.#closing
  }

  /** One at a time: two first logins must not both open the database, and a change of password stands alone. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  #receive(visitor: Visitor): Promise<void> {
    if (this.#closing !== null) throw new Refused("closing")
    switch (visitor.preface.purpose) {
      case "imap":
        return this.#login(visitor)
      case "create":
        return this.#create(visitor)
      case "rekey":
        return this.#rekey(visitor)
      case "export":
        return this.#export(visitor)
    }
  }

  async #login({ socket, preface, session, rest }: Visitor): Promise<void> {
    const fresh = this.#unlocked === null
    const { account } = await this.#admit(preface.credential)
    const connection = this.#nextConnection++
    this.#link.send({ kind: "opened", session, connection, fresh })
    socket.write(encodeAnswer({ status: "ok" }))
    if (rest.length > 0) socket.unshift(rest)
    const imap = new ImapConnection(socket, account, preface.facts, { activity: this.#activityOf(connection) })
    const served = imap.serve().finally(() => this.#left(connection))
    this.#connections.set(connection, { imap, served })
  }

  #left(connection: number): void {
    this.#connections.delete(connection)
    this.#link.send({ kind: "left", connection })
    this.#reportUsage()
  }

  /** At once when the connection was quiet; otherwise the latest is told when the interval is over. */
  #activityOf(connection: number): (command: string, idling: boolean, client: string | null) => void {
    let reportedAt = 0
    let later: NodeJS.Timeout | null = null
    return (command, idling, client) => {
      const at = Date.now()
      if (later !== null) clearTimeout(later)
      const report = () => {
        reportedAt = Date.now()
        this.#link.send({ kind: "activity", connection, at, command, idling, client })
      }
      if (at - reportedAt >= activityEveryMs) report()
      else later = setTimeout(report, activityEveryMs - (at - reportedAt)).unref()
    }
  }

  /** The open mailbox, for whoever has the password. @throws Refused */
  async #admit(credential: Uint8Array): Promise<Unlocked> {
    if (this.#unlocked?.verifier.knows(credential)) return this.#unlocked
    const slot = await findSlot(this.#household, credential)
    try {
      if (this.#unlocked === null) return await this.#unlock(slot, credential)
      if (!sameSecret(slot.root, this.#unlocked.root)) throw new Refused("damaged-slot")
      acknowledge(this.#household, this.#unlocked.store, slot.id)
      this.#unlocked.verifier.remember(credential)
      return this.#unlocked
    } finally {
      wipe(slot.root, slot.id)
    }
  }

  async #unlock(slot: Awaited<ReturnType<typeof findSlot>>, credential: Uint8Array): Promise<Unlocked> {
    const store = openMailbox(this.#household, slot)
    const unlocked = this.#furnish(store, slot.root)
    this.#unlocked = unlocked
    unlocked.verifier.remember(credential)
    await this.#strengthen(unlocked, slot.parameters, credential)
    void unlocked.flush.request()
    unlocked.tidying.start()
    return unlocked
  }

  /**
   * Replaces a slot made under weaker parameters than today's while the password is at hand, and ends the
   * search under old parameters after a change of them. When that fails the mailbox is open all the same,
   * and the next login tries again.
   */
  async #strengthen({ store, root }: Unlocked, parameters: KdfParameters, credential: Uint8Array): Promise<void> {
    const { settings, assignment } = this.#household
    const current = currentParameters(settings)
    const settled = sameParameters(parameters, current)
    if (settled ? assignment.kdf.length === 1 : !isWeaker(parameters, current)) return
    try {
      await changePassword(this.#household, store, root, credential, this.#storeCredentials)
    } catch (error) {
      this.#log.warn(
        { user: assignment.user, err: error },
        "the key slot could not be renewed; the next login tries again",
      )
    }
  }

  /** Durable in the directory first; then this worker, too, looks for slots under these parameters. */
  readonly #storeCredentials: StoreCredentials = async (recipients, kdf) => {
    await this.#link.storeCredentials(recipients, kdf)
    this.#household.assignment.kdf = kdf
  }

  #furnish(store: Store, slotRoot: Uint8Array): Unlocked {
    const { settings, paths, assignment } = this.#household
    const root = secretFrom(slotRoot)
    const secret = spoolSecret(root, 0)
    const identity = identityFromSecret(secret)
    wipe(secret)
    const ingest = new Ingest(store)
    const flush = new Flush({
      queue: new Queue(paths.spool),
      mailbox: assignment.mailbox ?? "",
      identities: [identity],
      store,
      ingest,
      log: this.#log,
      report: (counts) => {
        this.#link.send({ kind: "flushed", ...counts })
        this.#reportUsage()
      },
    })
    store.onCommit(() => this.#reportUsageSoon())
    const account: Account = {
      user: assignment.user,
      store,
      ingest,
      kept: new KeptResults(),
      limits: settings.imap,
      maxMessageBytes: settings.spool.max_message_bytes,
      settle: () => flush.settle(settings.imap.flush_wait_ms),
      waiting: () => flush.waiting(),
      log: this.#log,
    }
    const tidying = new Tidying(store, this.#log)
    const verifier = new Verifier(settings.sessions.verifier_life_s * 1000)
    return { root, store, account, flush, tidying, identity, verifier }
  }

  async #create({ socket, preface }: Visitor): Promise<void> {
    await createMailbox(this.#household, preface.credential, this.#storeCredentials)
    socket.end(encodeAnswer({ status: "ok" }))
    this.#closeSoon("linger")
  }

  async #rekey({ socket, preface }: Visitor): Promise<void> {
    const { store, root, verifier } = await this.#admit(preface.credential)
    verifier.forget()
    await changePassword(this.#household, store, root, preface.second, this.#storeCredentials)
    socket.end(encodeAnswer({ status: "ok" }))
    this.#closeSoon("credential-changed")
  }

  async #export({ socket, preface }: Visitor): Promise<void> {
    const { root } = await this.#admit(preface.credential)
    const key = databaseKey(root)
    socket.write(encodeAnswer({ status: "ok" }))
    // The socket refers to the octets until they are written, so the wipe waits for that.
    socket.end(key, () => wipe(key))
    if (this.#connections.size === 0) this.#closeSoon("linger")
  }

  /** After the running turn, so that a close does not wait for itself. */
  #closeSoon(why: CloseReason): void {
    setImmediate(() => this.#endProcess(why))
  }

  #endProcess(why: CloseReason): void {
    this.#link.send({ kind: "closing", why })
    void this.close(why).then(() => process.exit(0))
  }

  #refuse({ socket, session }: Visitor, error: unknown): void {
    const refused = error instanceof Refused ? error : new Refused(faultOf(error), null, { cause: error })
    if (refused.cause !== undefined && refused.why !== "unusable-password") {
      this.#log.error(
        { user: this.#household.assignment.user, why: refused.why, err: refused.cause },
        "mailbox was not opened; nothing was changed",
      )
    }
    this.#link.send({ kind: "refused", session, why: refused.why, fingerprint: refused.fingerprint })
    socket.end(encodeAnswer({ status: "refused", why: refused.why }))
  }

  /** Once for many changes: the daemon tells the spool when a quota begins or ceases to refuse mail. */
  #reportUsageSoon(): void {
    this.#usageTimer ??= setTimeout(() => {
      this.#usageTimer = null
      this.#reportUsage()
    }, usageEveryMs).unref()
  }

  #reportUsage(): void {
    if (this.#unlocked === null) return
    const { bytes, messages } = this.#unlocked.store.usage()
    this.#link.send({ kind: "usage", bytes, messages })
  }

  async #lock(why: CloseReason): Promise<void> {
    await this.#turn
    await Promise.all(
      [...this.#connections.values()].map(({ imap, served }) => imap.bye(farewells[why]).then(() => served)),
    )
    const unlocked = this.#unlocked
    if (unlocked === null) return
    this.#unlocked = null
    await unlocked.tidying.stop()
    await unlocked.flush.stop()
    try {
      unlocked.store.close()
    } finally {
      unlocked.verifier.close()
      unlocked.identity.wipe()
      wipe(unlocked.root)
    }
  }
}

function faultOf(error: unknown): "damaged-database" | "fault" {
  return error instanceof StoreError && error.fault === "damaged" ? "damaged-database" : "fault"
}

import type { Account } from "./account.ts"
import type { Annotations } from "./annotations.ts"
import type { Connection } from "./connection.ts"
import type { Copied } from "./copies.ts"
import { isFull } from "./fault.ts"
import { canonicalName, mailboxName, superiors } from "./mailbox-name.ts"
import { PastNames } from "./past-names.ts"
import type { Query } from "./query.ts"
import { type Mailbox, type MailboxStatus, type SpecialUse, StoreError, type StoreLimits } from "./types.ts"

type Row = {
  id: number
  name: string
  uidValidity: number
  uidNext: number
  highestModseq: number
  specialUse: SpecialUse | null
  selectable: number
}
type Counters = Omit<MailboxStatus, "recent"> & { recentFrom: number }

/** What is asked of `Messages`, for RENAME INBOX and DELETE. */
export type MessageMover = {
  uids(mailbox: number): number[]
  move(from: number, uids: number[], to: number): Copied
  removeAll(mailbox: number): void
  removeSome(mailbox: number, count: number): void
  keywords(mailbox: number): string[]
}

/** What is asked of `LongCopies`, for RENAME INBOX. */
export type CopyFollower = { follow(from: number, moved: Copied, to: number): void }

/** Messages of a deleted mailbox that go in one transaction, with their contents and what the index has of them. */
const clearedAtOnce = 50

const columns = `id, name, uid_validity AS uidValidity, uid_next AS uidNext, modseq AS highestModseq,
  special_use AS specialUse, selectable`

/** Every statement that touches `mailbox` and `subscription`, prepared once per open store. */
export class Mailboxes {
  readonly #connection: Connection
  readonly #account: Account
  readonly #messages: MessageMover
  readonly #longCopies: CopyFollower
  readonly #annotations: Annotations
  readonly #limits: StoreLimits
  readonly #list: Query<[], Row>
  readonly #byName: Query<[name: string], Row>
  readonly #byId: Query<[id: number], Row>
  readonly #below: Query<[from: string, to: string], Row>
  readonly #insert: Query<[name: string, uidValidity: number, specialUse: string | null, selectable: number], unknown>
  readonly #condemn: Query<[id: number], unknown>
  readonly #condemned: Query<[], number>
  readonly #setName: Query<[name: string, uidValidity: number, id: number], unknown>
  readonly #remove: Query<[id: number], unknown>
  readonly #pastNames: PastNames
  readonly #counters: Query<[id: number], Counters>
  readonly #recent: Query<[id: number, from: number], number>
  readonly #setUse: Query<[use: string | null, id: number], unknown>
  readonly #claim: Query<[id: number], unknown>
  readonly #subscribe: Query<[name: string], unknown>
  readonly #unsubscribe: Query<[name: string], unknown>
  readonly #subscriptions: Query<[], string>
  readonly #subscriptionCount: Query<[], number>
  readonly #mailboxCount: Query<[], number>

  constructor(
    connection: Connection,
    account: Account,
    messages: MessageMover,
    longCopies: CopyFollower,
    annotations: Annotations,
    limits: StoreLimits,
  ) {
    this.#limits = limits
    this.#connection = connection
    this.#account = account
    this.#messages = messages
    this.#longCopies = longCopies
    this.#annotations = annotations
    this.#list = connection.prepare(
      `SELECT ${columns} FROM mailbox WHERE name NOT GLOB '/*' ORDER BY name <> 'INBOX', name`,
    )
    this.#condemn = connection.prepare(
      "UPDATE mailbox SET name = '/' || id, selectable = 0, special_use = NULL WHERE id = ?",
    )
    this.#condemned = connection.pluck("SELECT id FROM mailbox WHERE name > '/' AND name < '0' LIMIT 1")
    this.#byName = connection.prepare(`SELECT ${columns} FROM mailbox WHERE name = ?`)
    this.#byId = connection.prepare(`SELECT ${columns} FROM mailbox WHERE id = ?`)
    this.#below = connection.prepare(`SELECT ${columns} FROM mailbox WHERE name > ? AND name < ? ORDER BY name`)
    this.#insert = connection.prepare(
      "INSERT INTO mailbox (name, uid_validity, special_use, selectable) VALUES (?, ?, ?, ?)",
    )
    this.#setName = connection.prepare("UPDATE mailbox SET name = ?, uid_validity = ? WHERE id = ?")
    this.#remove = connection.prepare("DELETE FROM mailbox WHERE id = ?")
    this.#pastNames = new PastNames(connection)
    this.#counters = connection.prepare(
      `SELECT messages, uid_next AS uidNext, uid_validity AS uidValidity, unseen, deleted, size,
         modseq AS highestModseq, recent_from AS recentFrom FROM mailbox WHERE id = ?`,
    )
    this.#recent = connection.pluck("SELECT count(*) FROM message WHERE mailbox = ? AND uid >= ?")
    this.#setUse = connection.prepare("UPDATE mailbox SET special_use = ?, modseq = modseq + 1 WHERE id = ?")
    this.#claim = connection.prepare("UPDATE mailbox SET recent_from = uid_next WHERE id = ?")
    this.#subscribe = connection.prepare("INSERT INTO subscription (name) VALUES (?) ON CONFLICT DO NOTHING")
    this.#unsubscribe = connection.prepare("DELETE FROM subscription WHERE name = ?")
    this.#subscriptionCount = connection.pluck("SELECT count(*) FROM subscription")
    this.#mailboxCount = connection.pluck("SELECT count(*) FROM mailbox WHERE name NOT GLOB '/*'")
    this.#subscriptions = connection.pluck("SELECT name FROM subscription ORDER BY name")
  }

  /** By name, INBOX first. */
  list(): Mailbox[] {
    return this.#list.all().map((row) => this.#mailbox(row))
  }

  find(name: string): Mailbox | undefined {
    return name.startsWith("/") ? undefined : this.#optional(this.#byName.get(canonicalName(name)))
  }

  /** @throws StoreError `no-such-mailbox` */
  named(name: string): Mailbox {
    const found = this.find(name)
    if (found === undefined) throw new StoreError("no-such-mailbox")
    return found
  }

  byId(id: number): Mailbox | undefined {
    return this.#optional(this.#byId.get(id))
  }

  /** @throws StoreError `bad-name`, `name-too-long` as `create` does */
  refuseName(name: string): void {
    mailboxName(name, this.#limits)
  }

  /**
   * CREATE. Missing superior names are made too, not selectable (RFC 3501 §6.3.3); a name that only stood
   * above others becomes a mailbox. A trailing "/" is dropped.
   *
   * @throws StoreError `mailbox-exists`, `bad-name`, `name-too-long`, `too-many-mailboxes`
   */
  create(name: string, specialUse: SpecialUse | null = null): Mailbox {
    const wanted = mailboxName(name, this.#limits)
    return this.#counted(() => {
      const present = this.find(wanted)
      if (present?.selectable) throw new StoreError("mailbox-exists")
      if (present !== undefined) this.#forget(present.id)
      this.#makeSuperiors(wanted)
      return this.#create(wanted, specialUse, true)
    })
  }

  /**
   * RENAME, with all names below it (RFC 3501 §6.3.5). Renaming INBOX moves its messages to a new mailbox
   * and leaves INBOX empty and what is below it in place. UIDVALIDITY stays unless the new name once had, or
   * may have had, a higher one.
   *
   * @throws StoreError `no-such-mailbox`, `mailbox-exists`, `bad-name` (also for a name below itself),
   *   `name-too-long`, `too-many-mailboxes`, `over-quota` for the annotations of INBOX, which both have
   */
  rename(from: string, to: string): void {
    const wanted = mailboxName(to, this.#limits)
    this.#counted(() => {
      const mailbox = this.named(from)
      if (this.find(wanted) !== undefined) throw new StoreError("mailbox-exists")
      if (mailbox.name === "INBOX") return this.#renameInbox(mailbox, wanted)
      if (wanted.startsWith(`${mailbox.name}/`)) throw new StoreError("bad-name", "a mailbox cannot go below itself")
      const below = this.#children(mailbox.name)
      this.#makeSuperiors(wanted)
      for (const each of [mailbox, ...below]) this.#rename(each, wanted + each.name.slice(mailbox.name.length))
      this.#connection.note({ what: "renamed", mailbox: mailbox.id, name: wanted, from: mailbox.name })
    })
  }

  /**
   * DELETE. With names below it, the messages go and the name stays, not selectable (RFC 3501 §6.3.4). The mailbox
   * is gone at once; many messages go when `clear` takes them, which may take a while, or after the next open. Until
   * then they count against quota, in a mailbox under a name that nobody finds.
   *
   * @throws StoreError `inbox-is-fixed`, `no-such-mailbox`, `has-children` when there is no mailbox but only names below
   */
  delete(name: string): void {
    this.#connection.transaction(() => {
      const mailbox = this.named(name)
      if (mailbox.name === "INBOX") throw new StoreError("inbox-is-fixed")
      const hasChildren = this.#children(mailbox.name).length > 0
      if (hasChildren && !mailbox.selectable) throw new StoreError("has-children")
      if (this.#countersOf(mailbox.id).messages <= clearedAtOnce) this.#forget(mailbox.id)
      else this.#condemn.run(mailbox.id)
      this.#connection.note({ what: "deleted", mailbox: mailbox.id, name: mailbox.name })
      if (hasChildren) this.#make(mailbox.name, null, false)
    })
  }

  /** Removes some messages of mailboxes that were deleted. False when nothing is left of any. @throws StoreError `disk-full` */
  clear(): boolean {
    return this.#connection.transaction(() => {
      const id = this.#condemned.get()
      if (id === undefined) return false
      if (this.#countersOf(id).messages > clearedAtOnce) this.#messages.removeSome(id, clearedAtOnce)
      else this.#forget(id)
      this.#connection.note({ what: "cleared" })
      return true
    })
  }

  /** The name need not exist (RFC 3501 §6.3.6). @throws StoreError `bad-name` for one that never could, `too-many-subscriptions` */
  subscribe(name: string, on: boolean): void {
    const wanted = mailboxName(name, this.#limits)
    this.#connection.transaction(() => {
      const { changes } = (on ? this.#subscribe : this.#unsubscribe).run(wanted)
      if (changes === 0) return
      if (on) this.#refuseTooMany()
      this.#connection.note({ what: "subscription", name: wanted })
    })
  }

  #refuseTooMany(): void {
    if ((this.#subscriptionCount.get() ?? 0) > this.#limits.subscriptions)
      throw new StoreError("too-many-subscriptions")
  }

  subscriptions(): Set<string> {
    return new Set(this.#subscriptions.all())
  }

  /** From counters kept with every change; only RECENT is counted. @throws StoreError `no-such-mailbox` */
  status(id: number): MailboxStatus {
    const { recentFrom, ...counters } = this.#countersOf(id)
    return { ...counters, recent: recentFrom < counters.uidNext ? (this.#recent.get(id, recentFrom) ?? 0) : 0 }
  }

  /** The mailbox that has a special use (RFC 6154). */
  withUse(specialUse: SpecialUse): Mailbox | undefined {
    return this.list().find((mailbox) => mailbox.specialUse === specialUse)
  }

  /** Gives a mailbox a special use, or takes it away. */
  setUse(id: number, specialUse: SpecialUse | null): void {
    this.#connection.transaction(() => {
      this.#setUse.run(specialUse, id)
      this.#connection.note({ what: "special-use", mailbox: id })
    })
  }

  /**
   * The first UID of which no session was told that it is \Recent; `claim` (SELECT) moves that mark past all
   * messages, without it (EXAMINE, STATUS) it stays.
   *
   * @throws StoreError `no-such-mailbox`
   */
  recentFrom(id: number, claim: boolean): number {
    const { recentFrom, uidNext } = this.#countersOf(id)
    if (claim && recentFrom < uidNext) this.#claimRecent(id)
    return recentFrom
  }

  /** On a full disk the next session is told of the same messages again; nobody is kept from reading. */
  #claimRecent(id: number): void {
    try {
      this.#connection.transaction(() => this.#claim.run(id))
    } catch (error) {
      if (!isFull(error)) throw error
    }
  }

  /** Keywords ever used here, as first written: what FLAGS and PERMANENTFLAGS list. */
  keywords(id: number): string[] {
    return this.#messages.keywords(id)
  }

  #countersOf(id: number): Counters {
    const counters = this.#counters.get(id)
    if (counters === undefined) throw new StoreError("no-such-mailbox")
    return counters
  }

  #mailbox(row: Row): Mailbox {
    return { ...row, selectable: row.selectable === 1, objectId: this.#account.objectIds.mailbox(row.id) }
  }

  #optional(row: Row | undefined): Mailbox | undefined {
    return row === undefined ? undefined : this.#mailbox(row)
  }

  /** All levels below; "0" is the character after "/". */
  #children(name: string): Mailbox[] {
    return this.#below.all(`${name}/`, `${name}0`).map((row) => this.#mailbox(row))
  }

  #make(name: string, specialUse: SpecialUse | null, selectable: boolean): Mailbox {
    const uidValidity = this.#account.nextUidValidity()
    const { rowid } = this.#insert.run(name, uidValidity, specialUse, selectable ? 1 : 0)
    this.#pastNames.remember(name, uidValidity)
    this.#connection.note({ what: "validity", mailbox: rowid })
    return this.named(name)
  }

  /** A transaction that may make mailboxes, but not too many; those that are there stay whatever the limit becomes. */
  #counted<T>(work: () => T): T {
    return this.#connection.transaction(() => {
      const before = this.#mailboxCount.get() ?? 0
      const result = work()
      const after = this.#mailboxCount.get() ?? 0
      if (after > before && after > this.#limits.mailboxes) throw new StoreError("too-many-mailboxes")
      return result
    })
  }

  #create(name: string, specialUse: SpecialUse | null, selectable: boolean): Mailbox {
    const made = this.#make(name, specialUse, selectable)
    this.#connection.note({ what: "created", mailbox: made.id, name })
    return made
  }

  #makeSuperiors(name: string): void {
    for (const above of superiors(name)) if (this.find(above) === undefined) this.#create(above, null, false)
  }

  #rename(mailbox: Mailbox, name: string): void {
    mailboxName(name, this.#limits)
    const past = this.#pastNames.validity(name)
    const uidValidity = past > mailbox.uidValidity ? this.#account.nextUidValidity() : mailbox.uidValidity
    this.#setName.run(name, uidValidity, mailbox.id)
    this.#pastNames.remember(name, uidValidity)
    if (uidValidity !== mailbox.uidValidity) this.#connection.note({ what: "validity", mailbox: mailbox.id })
  }

  #renameInbox(inbox: Mailbox, name: string): void {
    this.#makeSuperiors(name)
    const made = this.#make(name, null, true)
    // RFC 5464 §4.1: INBOX keeps its own.
    this.#annotations.copy(inbox.id, made.id)
    const moved = this.#messages.move(inbox.id, this.#messages.uids(inbox.id), made.id)
    this.#longCopies.follow(inbox.id, moved, made.id)
    this.#connection.note({ what: "renamed", mailbox: made.id, name, from: inbox.name })
  }

  #forget(id: number): void {
    this.#messages.removeAll(id)
    this.#remove.run(id)
  }
}

import { closeSync, constants, fchmodSync, openSync } from "node:fs"
import { dirname } from "node:path"
import Database from "better-sqlite3-multiple-ciphers"
import type { KdfParameters } from "../contract/worker-link.ts"
import { fsyncDirectory } from "../host/durable.ts"
import { type ClockOverrides, type Directory, DirectoryError, type NewUser, type User } from "./directory.ts"
import { newMailboxId } from "./mailbox-id.ts"
import { migrate } from "./migrations.ts"
import { addressOf, canonicalName, checkedAddress, checkedName, lookupsOf } from "./names.ts"
import { type AddressRow, columns, rowOf, type UserRow, userOf } from "./rows.ts"

/**
 * Opens, or makes, the directory file: plain SQLite, mode 0600, WAL with synchronous=FULL, so that what a
 * method promised is there after a power cut.
 *
 * @throws DirectoryError `locked`, `damaged`, `newer-schema`, `disk-full`; or the error of the file system
 */
export function openDirectory(path: string, options: { hostName: string }): Directory {
  makeFile(path)
  return translated(path, () => {
    const db = new Database(path, { timeout: 5000 })
    try {
      db.pragma("journal_mode = WAL")
      db.pragma("synchronous = FULL")
      db.pragma("foreign_keys = ON")
      db.pragma("trusted_schema = OFF")
      migrate(db)
      return new SqliteDirectory(db, options.hostName)
    } catch (error) {
      db.close()
      throw error
    }
  })
}

/** SQLite would make the file under the umask; and gives its -wal and -shm the mode of the file. */
function makeFile(path: string): void {
  const handle = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  try {
    fchmodSync(handle, 0o600)
  } finally {
    closeSync(handle)
  }
  fsyncDirectory(dirname(path))
}

class SqliteDirectory implements Directory {
  readonly #db: Database.Database
  readonly #hostName: string
  readonly #byName: Database.Statement<[name: string], UserRow>
  readonly #byAddress: Database.Statement<[address: string], UserRow>
  readonly #all: Database.Statement<[], UserRow>
  readonly #addresses: Database.Statement<[user: number], AddressRow>
  readonly #allAddresses: Database.Statement<[], AddressRow & { user: number }>
  readonly #ownerOf: Database.Statement<[address: string], { user: number }>
  readonly #insert: Database.Statement<[Omit<UserRow, "id">]>
  readonly #insertAddress: Database.Statement<[address: string, user: number | bigint, place: number]>
  readonly #clearAddresses: Database.Statement<[user: number]>
  readonly #setCredentials: Database.Statement<[recipients: string, kdf: string, name: string]>
  readonly #setStatus: Database.Statement<[status: string, id: number]>
  readonly #setClocks: Database.Statement<[Record<string, number | null>]>
  readonly #setUsage: Database.Statement<[bytes: number, messages: number, name: string]>
  readonly #delete: Database.Statement<[id: number]>

  constructor(db: Database.Database, hostName: string) {
    this.#db = db
    this.#hostName = hostName
    const names = columns.join(", ")
    const list = columns.map((column) => `user.${column}`).join(", ")
    this.#byName = db.prepare(`SELECT user.id, ${list} FROM user WHERE name = ?`)
    this.#byAddress = db.prepare(
      `SELECT user.id, ${list} FROM address JOIN user ON user.id = address.user WHERE address.address = ?`,
    )
    this.#all = db.prepare(`SELECT user.id, ${list} FROM user ORDER BY name`)
    this.#addresses = db.prepare("SELECT address FROM address WHERE user = ? ORDER BY place")
    this.#allAddresses = db.prepare("SELECT user, address FROM address ORDER BY user, place")
    this.#ownerOf = db.prepare("SELECT user FROM address WHERE address = ?")
    this.#insert = db.prepare(
      `INSERT INTO user (${names}) VALUES (${columns.map((column) => `@${column}`).join(", ")})`,
    )
    this.#insertAddress = db.prepare("INSERT INTO address (address, user, place) VALUES (?, ?, ?)")
    this.#clearAddresses = db.prepare("DELETE FROM address WHERE user = ?")
    this.#setCredentials = db.prepare(
      "UPDATE user SET recipients = ?, kdf = ?, status = iif(status = 'incomplete', 'active', status) WHERE name = ?",
    )
    this.#setStatus = db.prepare("UPDATE user SET status = ? WHERE id = ?")
    this.#setClocks = db.prepare(
      `UPDATE user SET linger_s = @lingerS, idle_s = @idleS, maximum_life_s = @maximumLifeS, idle_counts = @idleCounts
       WHERE id = @id`,
    )
    this.#setUsage = db.prepare("UPDATE user SET usage_bytes = ?, usage_messages = ? WHERE name = ?")
    this.#delete = db.prepare("DELETE FROM user WHERE id = ?")
  }

  canonicalName(login: string): string {
    return canonicalName(login)
  }

  async findByName(name: string): Promise<User | undefined> {
    return this.#read(() => this.#whole(this.#byName.get(canonicalName(name))))
  }

  async findByAddress(address: string): Promise<User | undefined> {
    return this.#read(() => {
      for (const candidate of lookupsOf(address, this.#hostName)) {
        const row = this.#byAddress.get(candidate)
        if (row !== undefined) return this.#whole(row)
      }
      return undefined
    })
  }

  async list(): Promise<User[]> {
    return this.#read(() => {
      const addresses = Map.groupBy(this.#allAddresses.all(), (row) => row.user)
      return this.#all.all().map((row) => userOf(row, addresses.get(row.id) ?? []))
    })
  }

  async add(given: NewUser): Promise<User> {
    const name = checkedName(given.name)
    const addresses = ownAddresses(name, given.addresses ?? [], this.#hostName)
    return this.#write(() => {
      this.#refuseExisting(name)
      const added = this.#insert.run(rowOf({ ...given, name, mailbox: newMailboxId(), createdAt: Date.now() }))
      this.#giveAddresses(addresses, added.lastInsertRowid)
      return this.#existing(name).user
    })
  }

  async setCredentials(name: string, recipients: string[], kdf: KdfParameters[]): Promise<void> {
    this.#write(() => {
      const { changes } = this.#setCredentials.run(JSON.stringify(recipients), JSON.stringify(kdf), canonicalName(name))
      if (changes === 0) throw noSuchUser(name)
    })
  }

  async setStatus(name: string, status: "active" | "disabled"): Promise<void> {
    this.#write(() => {
      const { id, user } = this.#existing(name)
      if (user.status === "incomplete") throw incomplete(user.name)
      this.#setStatus.run(status, id)
    })
  }

  async setClocks(name: string, changes: Partial<ClockOverrides>): Promise<ClockOverrides> {
    return this.#write(() => {
      const { id, user } = this.#existing(name)
      const clocks = { ...user.clocks, ...changes }
      this.#setClocks.run({ ...clocks, idleCounts: clocks.idleCounts === null ? null : Number(clocks.idleCounts), id })
      return this.#existing(name).user.clocks
    })
  }

  async setUsage(name: string, bytes: number, messages: number): Promise<void> {
    this.#write(() => {
      if (this.#setUsage.run(bytes, messages, canonicalName(name)).changes === 0) throw noSuchUser(name)
    })
  }

  async setAddresses(name: string, addresses: string[]): Promise<void> {
    this.#write(() => {
      const { id, user } = this.#existing(name)
      const checked = ownAddresses(user.name, addresses, this.#hostName)
      this.#clearAddresses.run(id)
      this.#giveAddresses(checked, id)
    })
  }

  async remove(name: string): Promise<User> {
    return this.#write(() => {
      const { id, user } = this.#existing(name)
      this.#delete.run(id)
      return user
    })
  }

  async close(): Promise<void> {
    this.#db.close()
  }

  #whole(row: UserRow | undefined): User | undefined {
    return row === undefined ? undefined : userOf(row, this.#addresses.all(row.id))
  }

  #existing(name: string): { id: number; user: User } {
    const row = this.#byName.get(canonicalName(name))
    if (row === undefined) throw noSuchUser(name)
    return { id: row.id, user: userOf(row, this.#addresses.all(row.id)) }
  }

  #refuseExisting(name: string): void {
    const row = this.#byName.get(name)
    if (row?.status === "incomplete") throw incomplete(name)
    if (row !== undefined) throw new DirectoryError("user-exists", `there is a user ${name} already`)
  }

  #giveAddresses(addresses: string[], user: number | bigint): void {
    for (const [place, address] of addresses.entries()) {
      if (this.#ownerOf.get(address) !== undefined) throw addressTaken(address)
      this.#insertAddress.run(address, user, place)
    }
  }

  #read<T>(work: () => T): T {
    return translated(this.#db.name, work)
  }

  #write<T>(work: () => T): T {
    return translated(this.#db.name, () => this.#db.transaction(work).immediate())
  }
}

/** Without duplicates, in the order given; the name's own address when there is none. @throws DirectoryError `bad-address` */
export function ownAddresses(name: string, addresses: string[], hostName: string): string[] {
  const given = addresses.length === 0 ? [addressOf(name, hostName)] : addresses
  return [...new Set(given.map(checkedAddress))]
}

export function noSuchUser(name: string): DirectoryError {
  return new DirectoryError("no-such-user", `there is no user ${JSON.stringify(canonicalName(name))}`)
}

export function incomplete(name: string): DirectoryError {
  return new DirectoryError(
    "incomplete",
    `the user ${name} was never completed: run \`mailkeep user add ${name}\` again`,
  )
}

export function addressTaken(address: string): DirectoryError {
  return new DirectoryError("address-taken", `the address ${address} belongs to another user`)
}

const sqliteFaults: readonly [code: RegExp, fault: "locked" | "disk-full" | "damaged", what: string][] = [
  [/^SQLITE_(BUSY|LOCKED)/, "locked", "is in use by another process"],
  [/^SQLITE_FULL/, "disk-full", "could not be written: the disk is full"],
  [/^SQLITE_(CORRUPT|NOTADB)/, "damaged", "is damaged: restore it from a backup"],
]

/** SQLite's errors in the directory's words; everything else passes. */
function translated<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof Database.SqliteError)) throw cause
    const known = sqliteFaults.find(([code]) => code.test(cause.code))
    if (known === undefined) throw cause
    throw new DirectoryError(known[1], `${path} ${known[2]}`, { cause })
  }
}

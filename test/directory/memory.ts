import type { KdfParameters } from "../../daemon/contract/worker-link.ts"
import {
  type ClockOverrides,
  type Directory,
  DirectoryError,
  type NewUser,
  type User,
} from "../../daemon/directory/directory.ts"
import { newMailboxId } from "../../daemon/directory/mailbox-id.ts"
import { addressOf, canonicalName, checkedAddress, checkedName, lookupsOf } from "../../daemon/directory/names.ts"

/** A second implementation, which shows that the interface asks for nothing that only SQLite could do. */
export class MemoryDirectory implements Directory {
  readonly #users = new Map<string, User>()
  readonly #hostName: string

  constructor(hostName: string) {
    this.#hostName = hostName
  }

  canonicalName(login: string): string {
    return canonicalName(login)
  }

  async findByName(name: string): Promise<User | undefined> {
    const user = this.#users.get(canonicalName(name))
    return user === undefined ? undefined : structuredClone(user)
  }

  async findByAddress(address: string): Promise<User | undefined> {
    for (const candidate of lookupsOf(address, this.#hostName)) {
      const owner = this.#ownerOf(candidate)
      if (owner !== undefined) return structuredClone(owner)
    }
    return undefined
  }

  async list(): Promise<User[]> {
    return structuredClone([...this.#users.values()]).sort((left, right) => (left.name < right.name ? -1 : 1))
  }

  async add(given: NewUser): Promise<User> {
    const name = checkedName(given.name)
    const existing = this.#users.get(name)
    if (existing?.status === "incomplete") throw new DirectoryError("incomplete", `${name} was never completed`)
    if (existing !== undefined) throw new DirectoryError("user-exists", `there is a user ${name}`)
    const user: User = {
      name,
      mailbox: newMailboxId(),
      status: "incomplete",
      addresses: this.#free(name, given.addresses ?? []),
      recipients: [],
      kdf: [],
      clocks: { lingerS: null, idleS: null, maximumLifeS: null, idleCounts: null },
      quotaBytes: given.quotaBytes ?? null,
      quotaMessages: given.quotaMessages ?? null,
      usageBytes: 0,
      usageMessages: 0,
      createdAt: Date.now(),
    }
    this.#users.set(name, user)
    return structuredClone(user)
  }

  async setCredentials(name: string, recipients: string[], kdf: KdfParameters[]): Promise<void> {
    const user = this.#existing(name)
    Object.assign(user, structuredClone({ recipients, kdf }))
    if (user.status === "incomplete") user.status = "active"
  }

  async setStatus(name: string, status: "active" | "disabled"): Promise<void> {
    const user = this.#existing(name)
    if (user.status === "incomplete") throw new DirectoryError("incomplete", `${user.name} was never completed`)
    user.status = status
  }

  async setClocks(name: string, changes: Partial<ClockOverrides>): Promise<ClockOverrides> {
    return { ...Object.assign(this.#existing(name).clocks, changes) }
  }

  async setUsage(name: string, bytes: number, messages: number): Promise<void> {
    Object.assign(this.#existing(name), { usageBytes: bytes, usageMessages: messages })
  }

  async setAddresses(name: string, addresses: string[]): Promise<void> {
    const user = this.#existing(name)
    user.addresses = this.#free(user.name, addresses)
  }

  async remove(name: string): Promise<User> {
    const user = this.#existing(name)
    this.#users.delete(user.name)
    return user
  }

  async close(): Promise<void> {
    this.#users.clear()
  }

  #existing(name: string): User {
    const user = this.#users.get(canonicalName(name))
    if (user === undefined) throw new DirectoryError("no-such-user", `there is no user ${name}`)
    return user
  }

  #ownerOf(address: string): User | undefined {
    return this.#users.values().find((user) => user.addresses.includes(address))
  }

  #free(name: string, addresses: string[]): string[] {
    const wanted = addresses.length === 0 ? [addressOf(name, this.#hostName)] : addresses
    const checked = [...new Set(wanted.map(checkedAddress))]
    for (const address of checked) {
      const owner = this.#ownerOf(address)
      if (owner !== undefined && owner.name !== name) throw new DirectoryError("address-taken", `${address} is taken`)
    }
    return checked
  }
}

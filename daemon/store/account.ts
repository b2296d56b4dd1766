import type { Connection } from "./connection.ts"
import { ObjectIds } from "./object-ids.ts"
import type { Query } from "./query.ts"
import { StoreError } from "./types.ts"

/** Zero is no limit. */
export type Quota = { quotaBytes: number; quotaMessages: number }

export type Usage = { bytes: number; messages: number }

/** Every statement on the one row of `account`: usage against quota, UIDVALIDITY, the tag of object ids. */
export class Account {
  readonly objectIds: ObjectIds
  readonly quota: Quota
  readonly #usage: Query<[], Usage>
  /** Octets of contents that no message has any more, but that somebody is still reading. */
  #held = 0
  readonly #takeValidity: Query<[seconds: number], number>

  constructor(connection: Connection, quota: Quota) {
    this.quota = quota
    this.#usage = connection.prepare("SELECT bytes, messages FROM account")
    this.#takeValidity = connection.pluck(
      "UPDATE account SET uid_validity = max(uid_validity + 1, ?) RETURNING uid_validity",
    )
    const tag = connection.pluck<[], string>("SELECT object_tag FROM account").get()
    if (tag === undefined) throw new StoreError("damaged", "no account row")
    this.objectIds = new ObjectIds(tag)
  }

  usage(): Usage {
    const usage = this.#usage.get()
    if (usage === undefined) throw new StoreError("damaged", "no account row")
    return usage
  }

  /** What is expunged while it is being sent stays on the disk until then: a client that reads slowly does not get round its quota. */
  hold(bytes: number): void {
    this.#held += bytes
  }

  /** Copies count, each with its whole size. @throws StoreError `over-quota` */
  admit(bytes: number, messages: number): void {
    const { quotaBytes, quotaMessages } = this.quota
    if (quotaBytes === 0 && quotaMessages === 0) return
    const used = this.usage()
    const tooLarge = quotaBytes > 0 && used.bytes + this.#held + bytes > quotaBytes
    const tooMany = quotaMessages > 0 && used.messages + messages > quotaMessages
    if (tooLarge || tooMany) throw new StoreError("over-quota")
  }

  /** Greater than any before it in this account, and than those of an account made earlier: it is at least the time. */
  nextUidValidity(): number {
    const value = this.#takeValidity.get(Math.floor(Date.now() / 1000))
    if (value === undefined) throw new StoreError("damaged", "no account row")
    return value
  }
}

import type { KdfParameters } from "../contract/worker-link.ts"

/**
 * The user directory: who exists, which addresses are theirs, and to which public keys their mail is sealed.
 * It holds no secret. The methods are asynchronous so that a server can stand behind the interface;
 * `test/directory/contract.ts` is what every implementation has to pass.
 */
export interface Directory {
  /**
   * The form under which a login name is looked up, throttled and salted. Total: names that nobody could
   * have also get one, so that an unknown name is treated like any other. Case and width are folded, the
   * text is NFC (RFC 8265 §3.3), an internationalised domain becomes its A-labels.
   */
  canonicalName(login: string): string
  /** The user of this name, in any spelling that has the same canonical form. */
  findByName(name: string): Promise<User | undefined>
  /**
   * Whose mail this is. Case does not matter; an address without "@" is completed with the host name;
   * `local+detail@domain` finds `local@domain` when it is nobody's address itself (RFC 5233 §4).
   * Anything that is not an address finds nobody.
   */
  findByAddress(address: string): Promise<User | undefined>
  /** Everybody, by name. */
  list(): Promise<User[]>
  /**
   * First phase: reserves name, addresses and a fresh mailbox id with status `incomplete`. The user becomes
   * `active` by the first `setCredentials`.
   *
   * @throws DirectoryError `bad-name`, `bad-address`, `user-exists`, `incomplete`, `address-taken`
   */
  add(given: NewUser): Promise<User>
  /**
   * What the worker made: public keys and KDF parameters, durable when this resolves. Completes a user that
   * was `incomplete`, in the same step; the status of others is left.
   *
   * @throws DirectoryError `no-such-user`
   */
  setCredentials(name: string, recipients: string[], kdf: KdfParameters[]): Promise<void>
  /** @throws DirectoryError `no-such-user`, or `incomplete`: a user without a mailbox has no other status */
  setStatus(name: string, status: "active" | "disabled"): Promise<void>
  /** Fields that are absent stay as they are. @returns all of them. @throws DirectoryError `no-such-user` */
  setClocks(name: string, changes: Partial<ClockOverrides>): Promise<ClockOverrides>
  /** What the mailbox held when its worker last said. @throws DirectoryError `no-such-user` */
  setUsage(name: string, bytes: number, messages: number): Promise<void>
  /** Replaces all addresses. @throws DirectoryError `no-such-user`, `bad-address`, `address-taken` */
  setAddresses(name: string, addresses: string[]): Promise<void>
  /** Forgets the user and frees name and addresses; the mailbox's files are the caller's. @throws DirectoryError `no-such-user` */
  remove(name: string): Promise<User>
  close(): Promise<void>
}

/** `incomplete`: reserved, but no mailbox was reported yet; can neither log in nor receive. */
export type UserStatus = "active" | "disabled" | "incomplete"

/** The user's own clocks, in seconds; null is "as everybody". */
export type ClockOverrides = {
  lingerS: number | null
  idleS: number | null
  maximumLifeS: number | null
  idleCounts: boolean | null
}

export type User = {
  /** Canonical login name. */
  name: string
  /** Opaque id of the mailbox: 26 characters of base32, lower case. Never given twice. */
  mailbox: string
  status: UserStatus
  /** At least one; the first is the user's own. */
  addresses: string[]
  /** age recipients ("age1…"), empty while `incomplete`. */
  recipients: string[]
  /** Parameter sets under which key slots of this user may exist; the first is for new ones. */
  kdf: KdfParameters[]
  clocks: ClockOverrides
  /** null is the limit of the configuration; 0 is none. */
  quotaBytes: number | null
  quotaMessages: number | null
  usageBytes: number
  usageMessages: number
  /** ms since the epoch */
  createdAt: number
}

export type NewUser = {
  name: string
  /** Without any, the name itself, completed with the host name when it has no domain. */
  addresses?: string[]
  quotaBytes?: number | null
  quotaMessages?: number | null
}

export type DirectoryFault =
  | "bad-name"
  | "bad-address"
  | "user-exists"
  | "incomplete"
  | "address-taken"
  | "no-such-user"
  | "locked"
  | "disk-full"
  | "damaged"
  | "newer-schema"

/** What a directory refuses; the message is one clear line for the operator. */
export class DirectoryError extends Error {
  readonly fault: DirectoryFault

  constructor(fault: DirectoryFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = "DirectoryError"
    this.fault = fault
  }
}

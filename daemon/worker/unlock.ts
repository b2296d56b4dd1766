import { createHash } from "node:crypto"
import type { Assignment, KdfParameters, RefusalReason } from "../contract/worker-link.ts"
import type { Paths } from "../host/paths.ts"
import type { Settings } from "../host/settings.ts"
import { deriveSlotSecret } from "../keys/kdf.ts"
import { opaqueString, PasswordRefused } from "../keys/password.ts"
import { databaseKey } from "../keys/root.ts"
import { secretFrom, wipe } from "../keys/secret.ts"
import { DamagedSlot, openSlot, SlotFiles } from "../keys/slots.ts"
import { isFull } from "../store/fault.ts"
import { openStore, type StoreOptions } from "../store/open.ts"
import type { Store } from "../store/store.ts"
import { StoreError, type StoreLimits } from "../store/types.ts"

/** Why somebody was not let in. `fingerprint` tells the daemon whether it is the same wrong password again. */
export class Refused extends Error {
  override name = "Refused"
  readonly why: RefusalReason
  readonly fingerprint: Uint8Array | null

  constructor(why: RefusalReason, fingerprint: Uint8Array | null = null, options?: ErrorOptions) {
    super(why, options)
    this.why = why
    this.fingerprint = fingerprint
  }
}

/** Runs a derivation when the daemon has a place for it. @throws Refused `busy` */
export type KdfTurn = <T>(derive: () => Promise<T>) => Promise<T>

/** A slot that one password opened. `root` and `id` are guarded memory that the caller wipes. */
export type FoundSlot = { id: Buffer; root: Buffer; parameters: KdfParameters }

/** All that a worker needs to know to let its user in. */
export type Household = { assignment: Assignment; settings: Settings; paths: Paths; kdfTurn: KdfTurn }

/** Parameters under which new slots are made today. */
export function currentParameters(settings: Settings): KdfParameters {
  return {
    algorithm: "argon2id13",
    time: settings.keys.argon2_time,
    memoryKib: settings.keys.argon2_memory_kib,
    parallelism: 1,
  }
}

/**
 * The slot that this password opens. A wrong password and an unknown user take the same path: derive, look
 * for a file of that name, find none.
 *
 * @throws Refused `credential`, `busy` or `damaged-slot`
 */
export async function findSlot(household: Household, credential: Uint8Array): Promise<FoundSlot> {
  const password = normalisedOrRaw(credential)
  const slots = new SlotFiles(household.paths.slots)
  let fingerprint: Uint8Array | null = null
  try {
    for (const parameters of household.assignment.kdf) {
      const secret = await household.kdfTurn(() => deriveSlotSecret(password, household.assignment.salt, parameters))
      try {
        const record = slots.read(secret.id)
        if (record !== null) return openRecord(household.assignment, secret, record)
        fingerprint = fingerprintOf(secret.id)
      } finally {
        wipe(secret.both)
      }
    }
  } finally {
    wipe(password)
  }
  throw new Refused("credential", fingerprint)
}

/** What the profile refuses can be nobody's password, but costs the same time to find out. */
function normalisedOrRaw(credential: Uint8Array): Buffer {
  try {
    return opaqueString(credential)
  } catch (error) {
    if (error instanceof PasswordRefused) return secretFrom(credential.length === 0 ? new Uint8Array(1) : credential)
    throw error
  }
}

function openRecord(assignment: Assignment, secret: { id: Buffer; key: Buffer }, record: Buffer): FoundSlot {
  try {
    const { root, mailbox, parameters } = openSlot(secret, record)
    if (mailbox === assignment.mailbox) return { id: secretFrom(secret.id), root, parameters }
    // Left by a user of this name who was deleted: what it opens is gone, so it is no credential of this one.
    wipe(root)
    throw new Refused("credential", fingerprintOf(secret.id))
  } catch (cause) {
    if (cause instanceof DamagedSlot) throw new Refused("damaged-slot", null, { cause })
    throw cause
  }
}

/** Four octets: enough to see a repetition, useless for guessing (and the slot id needs Argon2id and the boot secret). */
function fingerprintOf(slotId: Uint8Array): Uint8Array {
  return createHash("sha256").update("mailkeep/v1/fingerprint").update(slotId).digest().subarray(0, 4)
}

export function storeOptions(household: Pick<Household, "assignment" | "settings">): StoreOptions {
  const { assignment, settings } = household
  return {
    cipher: settings.mailbox.cipher,
    cacheKib: settings.mailbox.cache_kib,
    quotaBytes: assignment.quotaBytes,
    quotaMessages: assignment.quotaMessages,
    limits: storeLimits(settings.mailbox),
  }
}

export function storeLimits(mailbox: Settings["mailbox"]): StoreLimits {
  return {
    mailboxes: mailbox.max_folders,
    nameLevels: mailbox.max_folder_depth,
    nameBytes: mailbox.max_folder_name_bytes,
    subscriptions: mailbox.max_subscriptions,
    keywords: mailbox.max_keywords,
    keywordsPerMessage: mailbox.max_keywords_per_message,
    annotationBytes: mailbox.max_annotations_total_bytes,
  }
}

/**
 * Opens the mailbox with the root key of a slot.
 *
 * @throws Refused `damaged-database`, `newer-database`, or `credential` for a slot that was replaced and has come back
 */
export function openMailbox(household: Household, slot: FoundSlot): Store {
  const store = openWith(household, slot.root)
  try {
    acknowledge(household, store, slot.id)
    return store
  } catch (error) {
    store.close()
    throw error
  }
}

function openWith(household: Household, root: Uint8Array): Store {
  const { assignment, paths } = household
  if (assignment.mailbox === null) throw new Refused("credential")
  const key = databaseKey(root)
  try {
    return openStore(paths.databaseOf(assignment.mailbox), key, storeOptions(household))
  } catch (cause) {
    // A worker of a daemon that died still holds the file; it is about to let go, and the client's next try finds it free.
    if ((cause as { code?: string }).code === "SQLITE_BUSY") throw new Refused("closing")
    if (cause instanceof StoreError && cause.fault === "damaged") throw new Refused("damaged-database", null, { cause })
    if (cause instanceof StoreError && cause.fault === "newer-schema")
      throw new Refused("newer-database", null, { cause })
    throw cause
  } finally {
    wipe(key)
  }
}

/**
 * Compares a slot with the list inside the mailbox, which nobody can write who has no key. Only a slot that
 * the list calls active is good. `pending`: a password change was cut off after the new slot was durable; it
 * is finished now. Retired: the old file was left by a crash; it goes now. Unknown: somebody put an old slot
 * back, or restored an old database without its slots. It opens nothing, and it is not deleted: in the
 * second case it is the user's only way in once the database that belongs to it is restored as well.
 */
export function acknowledge(household: Household, store: Store, id: Buffer): void {
  const name = id.toString("hex")
  const known = store.slots.list().find((slot) => slot.id === name)
  if (known === undefined) {
    const cause = new Error(
      "a key slot that the mailbox does not list: it was put back, or database and slots were not restored together",
    )
    throw new Refused("credential", fingerprintOf(id), { cause })
  }
  if (known.state === "retired") {
    new SlotFiles(household.paths.slots).remove(id)
    store.slots.remove(name)
    throw new Refused("credential", fingerprintOf(id))
  }
  // Also for a slot that is active already: what an interrupted change of password left behind goes now.
  if (known.state === "pending" || store.slots.list().some((slot) => slot.state === "retired")) {
    promoteSlot(household, store, name)
  }
  noteUse(store, name)
}

/** The date is for people to look at: a full disk keeps nobody from reading his mail. */
function noteUse(store: Store, name: string): void {
  try {
    store.slots.touch(name, Date.now())
  } catch (error) {
    if (!isFull(error)) throw error
  }
}

/** Makes one slot the only main password: durable inside the mailbox first, then the old files go. */
export function promoteSlot(household: Household, store: Store, name: string): void {
  const others = store.slots.list().filter((slot) => slot.kind === "password" && slot.id !== name)
  store.transaction(() => {
    store.slots.setState(name, "active")
    for (const other of others) store.slots.setState(other.id, "retired")
  })
  const files = new SlotFiles(household.paths.slots)
  for (const other of others) files.remove(Buffer.from(other.id, "hex"))
  store.transaction(() => {
    for (const other of others) store.slots.remove(other.id)
  })
}

import type { KdfParameters } from "../contract/worker-link.ts"
import { deriveSlotSecret, sameParameters } from "../keys/kdf.ts"
import { opaqueString, PasswordRefused } from "../keys/password.ts"
import { databaseKey, newRootKey, spoolSecret } from "../keys/root.ts"
import { identityFromSecret } from "../keys/sealing.ts"
import { wipe } from "../keys/secret.ts"
import { SlotFiles, sealSlot } from "../keys/slots.ts"
import { createStore } from "../store/open.ts"
import type { Store } from "../store/store.ts"
import { currentParameters, type Household, promoteSlot, Refused, storeOptions } from "./unlock.ts"

/** Makes the user's public facts durable in the directory; resolves when they are. */
export type StoreCredentials = (recipients: string[], kdf: KdfParameters[]) => Promise<void>

/** age recipients to which the user's mail is sealed. */
export function recipientsOf(root: Uint8Array): string[] {
  const secret = spoolSecret(root, 0)
  const identity = identityFromSecret(secret)
  try {
    return [identity.recipient]
  } finally {
    identity.wipe()
    wipe(secret)
  }
}

/**
 * Makes a mailbox under a new root key, with one slot for this password. The order is such that a crash
 * leaves nothing that could be logged in to before the directory knows the user's public key.
 *
 * @throws Refused `unusable-password`, `busy`
 */
export async function createMailbox(
  household: Household,
  password: Uint8Array,
  storeCredentials: StoreCredentials,
): Promise<void> {
  const { assignment, settings, paths } = household
  if (assignment.mailbox === null) throw new Refused("fault")
  const parameters = currentParameters(settings)
  const normal = usable(password)
  const root = newRootKey()
  const key = databaseKey(root)
  try {
    const store = createStore(paths.databaseOf(assignment.mailbox), key, storeOptions(household))
    try {
      const name = await writeSlot(household, store, root, normal, parameters)
      promoteSlot(household, store, name)
    } finally {
      store.close()
    }
    await storeCredentials(recipientsOf(root), [parameters])
  } finally {
    wipe(normal, root, key)
  }
}

/**
 * Replaces the main password. Mail is not touched: one small record is written, then the old one removed
 * (new slot, fsync, then the old). A crash in between leaves a mailbox that one of the two opens.
 *
 * @throws Refused `unusable-password`, `busy`
 */
export async function changePassword(
  household: Household,
  store: Store,
  root: Uint8Array,
  password: Uint8Array,
  storeCredentials: StoreCredentials,
): Promise<void> {
  const parameters = currentParameters(household.settings)
  const known = household.assignment.kdf
  const kept = known.some((other) => sameParameters(other, parameters))
  const normal = usable(password)
  try {
    // A login must be able to find either slot, so the directory learns of new parameters before they are used.
    if (!kept) await storeCredentials(recipientsOf(root), [parameters, ...known])
    promoteSlot(household, store, await writeSlot(household, store, root, normal, parameters))
    if (!kept || known.length > 1) await storeCredentials(recipientsOf(root), [parameters])
  } finally {
    wipe(normal)
  }
}

function usable(password: Uint8Array): Buffer {
  try {
    return opaqueString(password)
  } catch (cause) {
    if (cause instanceof PasswordRefused) throw new Refused("unusable-password", null, { cause })
    throw cause
  }
}

/** A slot that is known inside the mailbox (pending) before its file exists, so that no file is ever unknown to its owner. */
async function writeSlot(
  household: Household,
  store: Store,
  root: Uint8Array,
  password: Uint8Array,
  parameters: KdfParameters,
): Promise<string> {
  const secret = await household.kdfTurn(() => deriveSlotSecret(password, household.assignment.salt, parameters))
  try {
    const name = secret.id.toString("hex")
    const known = store.slots.list().find((slot) => slot.id === name)
    if (known?.state === "active") return name
    if (known === undefined)
      store.slots.add({
        id: name,
        kind: "password",
        label: "main password",
        state: "pending",
        createdAt: Date.now(),
        lastUsedAt: null,
        expiresAt: null,
      })
    new SlotFiles(household.paths.slots).write(
      secret.id,
      sealSlot(secret, root, household.assignment.mailbox ?? "", parameters),
    )
    return name
  } finally {
    wipe(secret.both)
  }
}

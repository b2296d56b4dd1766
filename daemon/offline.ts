import { rm } from "node:fs/promises"
import { dirname } from "node:path"
import { type Directory, DirectoryError, type NewUser, type User } from "./directory/directory.ts"
import { openDirectory } from "./directory/sqlite.ts"
import { Locked, takeLock } from "./host/lock.ts"
import { type Paths, pathsOf } from "./host/paths.ts"
import type { Settings } from "./host/settings.ts"
import { saltFor } from "./keys/kdf.ts"
import { wipe } from "./keys/secret.ts"
import { quotaOf } from "./sessions/quota.ts"
import { bootSecretFor } from "./setup/boot-secret.ts"
import { ensureDaemonDirectories } from "./setup/directories.ts"
import { StartFailure } from "./setup/start-failure.ts"
import { createMailbox } from "./worker/rekey.ts"
import { currentParameters, Refused } from "./worker/unlock.ts"

export type OfflineUser = { addresses: string[]; quotaBytes: number | null; quotaMessages: number | null }

/**
 * `user add` while the daemon is down: this process holds the daemon's lock and does the worker's part
 * itself. The caller wipes `password`.
 *
 * @throws StartFailure (one line), DirectoryError
 */
export function createUserOffline(
  settings: Settings,
  name: string,
  password: Buffer,
  options: OfflineUser,
): Promise<void> {
  return withDirectory(settings, (directory, paths, bootSecret) =>
    create(settings, paths, directory, bootSecret, { name, ...options }, password),
  )
}

/** Takes `createUserOffline` back, for a user who can have no mail yet. The daemon must be down. */
export function removeUserOffline(settings: Settings, name: string): Promise<void> {
  return withDirectory(settings, async (directory, paths) => removeAll(paths, await directory.remove(name)))
}

/** Whether anybody exists yet; makes the data directory when there is none. The daemon must be down. */
export function hasUsersOffline(settings: Settings): Promise<boolean> {
  return withDirectory(settings, async (directory) =>
    (await directory.list()).some((user) => user.status !== "incomplete"),
  )
}

async function withDirectory<T>(
  settings: Settings,
  work: (directory: Directory, paths: Paths, bootSecret: Buffer) => Promise<T>,
): Promise<T> {
  const paths = pathsOf(settings)
  ensureDaemonDirectories(paths)
  const lock = take(paths)
  try {
    const directory = openDirectory(paths.directory, { hostName: settings.host_name })
    const bootSecret = bootSecretFor(paths)
    try {
      return await work(directory, paths, bootSecret)
    } finally {
      wipe(bootSecret)
      await directory.close()
    }
  } finally {
    lock.release()
  }
}

function take(paths: Paths): { release(): void } {
  try {
    return takeLock(paths.lock)
  } catch (cause) {
    if (cause instanceof Locked)
      throw new StartFailure(`another mailkeep uses ${paths.root}: stop it, or set another data_dir`, { cause })
    throw cause
  }
}

async function create(
  settings: Settings,
  paths: Paths,
  directory: Directory,
  bootSecret: Buffer,
  given: OfflineUser & { name: string },
  password: Buffer,
): Promise<void> {
  const user = await reserve(paths, directory, given)
  const assignment = {
    user: user.name,
    salt: saltFor(bootSecret, user.name),
    kdf: [currentParameters(settings)],
    mailbox: user.mailbox,
    ...quotaOf(user, settings),
  }
  try {
    await createMailbox({ assignment, settings, paths, kdfTurn: (derive) => derive() }, password, (recipients, kdf) =>
      directory.setCredentials(user.name, recipients, kdf),
    )
  } catch (error) {
    await removeAll(paths, await directory.remove(user.name))
    if (error instanceof Refused && error.why === "unusable-password")
      throw new StartFailure((error.cause as Error).message, { cause: error })
    throw error
  }
}

async function reserve(
  paths: Paths,
  directory: Directory,
  { addresses, ...given }: OfflineUser & { name: string },
): Promise<User> {
  const wanted: NewUser = addresses.length > 0 ? { ...given, addresses } : given
  try {
    return await directory.add(wanted)
  } catch (error) {
    if (!(error instanceof DirectoryError) || error.fault !== "incomplete") throw error
    await removeAll(paths, await directory.remove(given.name))
    return directory.add(wanted)
  }
}

async function removeAll(paths: Paths, { mailbox }: User): Promise<void> {
  await rm(dirname(paths.databaseOf(mailbox)), { recursive: true, force: true })
}

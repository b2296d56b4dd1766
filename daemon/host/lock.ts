import { chmodSync, closeSync, constants, openSync } from "node:fs"
import Database from "better-sqlite3-multiple-ciphers"

/** Another process holds the data directory. */
export class Locked extends Error {
  override name = "Locked"
}

/**
 * An exclusive lock on a data directory. It is a lock of the kernel on an (empty) SQLite file, so it is gone
 * with its process however that ends; there is no stale lock to clean up. The file is 0600 whatever the umask:
 * whoever may read it could hold a shared lock and so keep the daemon from starting.
 *
 * @throws Locked
 */
export function takeLock(path: string): { release(): void } {
  makePrivate(path)
  const file = new Database(path, { timeout: 0 })
  try {
    file.pragma("locking_mode = EXCLUSIVE")
    file.exec("BEGIN EXCLUSIVE")
  } catch (cause) {
    file.close()
    throw new Locked(`${path} is held by a running mailkeep daemon`, { cause })
  }
  return {
    release: () => {
      file.close()
    },
  }
}

/** Never opens a file that is there: to close it would give up a lock that this very process holds. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  }
  chmodSync(path, 0o600)
}

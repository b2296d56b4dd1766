import Database from "better-sqlite3-multiple-ciphers"

/** Another process holds the data directory. */
export class Locked extends Error {
  override name = "Locked"
}

/**
 * An exclusive lock on a data directory. It is a lock of the kernel on an (empty) SQLite file, so it is gone
 * with its process however that ends; there is no stale lock to clean up.
 *
 * @throws Locked
 */
export function takeLock(path: string): { release(): void } {
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

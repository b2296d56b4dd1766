import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from "node:fs"
import { dirname } from "node:path"
import Database from "better-sqlite3-multiple-ciphers"
import { applySettings, type Cipher, openKeyed, refusePlaintext } from "./cipher.ts"
import { Connection } from "./connection.ts"
import { inOurWords } from "./fault.ts"
import { firstRows } from "./first-rows.ts"
import { migrate } from "./migrations/run.ts"
import { Store } from "./store.ts"
import { type SpecialUse, StoreError, type StoreLimits } from "./types.ts"

/** Zero quotas are no limit. `cipher` is for new files; an existing one is recognised by what opens it. */
export type StoreOptions = {
  cipher: Cipher
  cacheKib: number
  quotaBytes: number
  quotaMessages: number
  limits: StoreLimits
}

/** What a new mailbox has (RFC 6154). */
const firstMailboxes: readonly [name: string, use: SpecialUse | null][] = [
  ["INBOX", null],
  ["Drafts", "\\Drafts"],
  ["Sent", "\\Sent"],
  ["Junk", "\\Junk"],
  ["Trash", "\\Trash"],
  ["Archive", "\\Archive"],
]

/**
 * Makes a mailbox (file mode 0600, directory 0700) with its first folders, subscribed. It is built under
 * another name and renamed when it is complete and on the disk: a crash leaves all of it or nothing.
 *
 * @throws Error when something is at `path` already; StoreError `disk-full`
 */
export function createStore(path: string, key: Uint8Array, options: StoreOptions): Store {
  if (existsSync(path)) throw new Error(`${path} exists`)
  if (mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) !== undefined) fsyncPath(dirname(dirname(path)))
  const building = `${path}.new`
  removeDatabase(building)
  try {
    build(building, key, options)
    fsyncPath(building)
    renameSync(building, path)
  } catch (error) {
    removeDatabase(building)
    throw inOurWords(noSpace(error))
  }
  fsyncPath(dirname(path))
  return openStore(path, key, options)
}

function build(path: string, key: Uint8Array, options: StoreOptions): void {
  // The engine gives its log the mode of the file, so this is the only place where a mode is set.
  closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW, 0o600))
  const db = openKeyed(path, key, options.cipher)
  try {
    db.pragma("auto_vacuum = INCREMENTAL")
    applySettings(db, options.cacheKib)
    migrate(db)
    firstRows(db)
    const store = new Store(
      new Connection(db),
      { quotaBytes: 0, quotaMessages: 0 },
      {
        ...options.limits,
        mailboxes: Number.POSITIVE_INFINITY,
        subscriptions: Number.POSITIVE_INFINITY,
      },
    )
    store.transaction(() => {
      for (const [name, use] of firstMailboxes) {
        store.mailboxes.create(name, use)
        store.mailboxes.subscribe(name, true)
      }
    })
    store.close()
  } finally {
    db.close()
  }
}

/**
 * Opens a mailbox and brings its schema up to date. What a crash left in it is for `tidy`: there may be much of it,
 * and somebody waits for the answer to his login. A file that cannot be opened is not written to.
 *
 * @throws StoreError `damaged`: no file, empty, plaintext, altered, another key, or written by a newer program;
 *   SqliteError `SQLITE_BUSY` while another process has it open
 */
export function openStore(path: string, key: Uint8Array, options: StoreOptions): Store {
  refusePlaintext(firstBytes(path))
  const db = openWithEither(path, key, options)
  try {
    migrate(db)
    return new Store(new Connection(db), options, options.limits)
  } catch (error) {
    db.close()
    throw inOurWords(error)
  }
}

/** The cipher is a setting at creation, and may have been another one then. */
function openWithEither(path: string, key: Uint8Array, options: StoreOptions): Database.Database {
  const first = options.cipher
  try {
    return openReady(path, key, first, options.cacheKib)
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || error.code !== "SQLITE_NOTADB") throw inOurWords(error)
  }
  try {
    return openReady(path, key, first === "aegis" ? "sqlcipher" : "aegis", options.cacheKib)
  } catch (error) {
    throw inOurWords(error)
  }
}

function openReady(path: string, key: Uint8Array, cipher: Cipher, cacheKib: number): Database.Database {
  const db = openKeyed(path, key, cipher)
  try {
    applySettings(db, cacheKib)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function firstBytes(path: string): Uint8Array {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new StoreError("damaged", "there is no file")
  if (!found.isFile()) throw new StoreError("damaged", "not a regular file")
  const handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const header = Buffer.alloc(16)
    return header.subarray(0, readSync(handle, header, 0, 16, 0))
  } finally {
    closeSync(handle)
  }
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true })
}

function fsyncPath(path: string): void {
  const handle = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function noSpace(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : null
  return code === "ENOSPC" || code === "EDQUOT" ? new StoreError("disk-full", String(code), { cause: error }) : error
}

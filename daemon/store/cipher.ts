import Database from "better-sqlite3-multiple-ciphers"
import { StoreError } from "./types.ts"

export type Cipher = "sqlcipher" | "aegis"

/** `legacy = 4` is the format of SQLCipher 4, which other builds of it can open. */
const ciphers: Record<Cipher, readonly string[]> = {
  sqlcipher: ["cipher = 'sqlcipher'", "legacy = 4"],
  aegis: ["cipher = 'aegis'"],
}

const keyBytes = 32
const rawMark = Buffer.from("raw:")

/**
 * Opens a file and gives it its key. Nothing is read from the file yet.
 *
 * The driver takes a key without deriving it (no PBKDF2, no Argon2) when it says "raw:" and then exactly the
 * cipher's 32 key bytes; that is the same key as SQLCipher's `x'…'` form with 64 hex digits.
 */
export function openKeyed(path: string, key: Uint8Array, cipher: Cipher): Database.Database {
  const db = new Database(path, { fileMustExist: true, timeout: 1000 })
  try {
    for (const setting of ciphers[cipher]) db.pragma(setting)
    giveKey(db, key)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function giveKey(db: Database.Database, key: Uint8Array): void {
  if (key.length !== keyBytes) throw new RangeError(`a database key has ${keyBytes} bytes`)
  const keyed = db as unknown as { key(raw: Buffer): number } // not in the types that we have of the driver
  const raw = Buffer.alloc(rawMark.length + keyBytes)
  try {
    rawMark.copy(raw)
    raw.set(key, rawMark.length)
    keyed.key(raw)
  } finally {
    raw.fill(0)
  }
}

/** What is set on every connection, and what it must read as afterwards. Order matters: see the notes. */
function settings(cacheKib: number): [pragma: string, value: string | number, reads: string | number][] {
  return [
    // Before the first read, so that the log's index is in this process's memory and no -shm file exists.
    ["locking_mode", "EXCLUSIVE", "exclusive"],
    // The driver's default writes sorter and statement files in plaintext.
    ["temp_store", "MEMORY", 2],
    ["mmap_size", 0, 0],
    ["trusted_schema", "OFF", 0],
    ["cell_size_check", "ON", 1],
    ["foreign_keys", "ON", 1],
    ["secure_delete", "ON", 1],
    // The driver's default is 16 MB for each open mailbox.
    ["cache_size", -cacheKib, -cacheKib],
    ["journal_mode", "WAL", "wal"],
    // The log is given back to the disk after a large flush.
    ["journal_size_limit", 4_194_304, 4_194_304],
    // A commit is on the disk when it returns; the driver's default for WAL is NORMAL.
    ["synchronous", "FULL", 2],
  ]
}

/**
 * Sets each and reads it back.
 *
 * @throws Error naming the setting that did not take; SqliteError NOTADB when the key does not open the file
 */
export function applySettings(db: Database.Database, cacheKib: number): void {
  for (const [pragma, value, reads] of settings(cacheKib)) {
    // The first read of the file happens before anything can be written to it.
    if (pragma === "journal_mode") db.prepare("SELECT count(*) FROM sqlite_schema").get()
    db.pragma(`${pragma} = ${value}`)
    const found = db.pragma(pragma, { simple: true })
    if (found !== reads) throw new Error(`database setting ${pragma} reads ${String(found)} instead of ${reads}`)
  }
}

/** @throws StoreError `damaged` when a file that begins like this cannot be an encrypted mailbox */
export function refusePlaintext(header: Uint8Array): void {
  if (header.length < 16) throw new StoreError("damaged", "the file is empty or cut off")
  if (Buffer.from(header).toString("latin1") === "SQLite format 3\0")
    throw new StoreError("damaged", "the file is not encrypted")
}

import Database from "better-sqlite3-multiple-ciphers"
import { StoreError, type StoreFault } from "./types.ts"

/**
 * What the engine reports, in the domain's words. A page whose authentication fails is CORRUPT or NOTADB, by
 * what it should have held; IOERR_DATA and IOERR_CORRUPTFS come from checksums below.
 */
function faultOf(code: string): StoreFault | null {
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_WRITE") return "disk-full"
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB") return "damaged"
  if (code === "SQLITE_IOERR_DATA" || code === "SQLITE_IOERR_CORRUPTFS" || code === "SQLITE_IOERR_SHORT_READ")
    return "damaged"
  return null
}

/** The error to throw instead of this one: a StoreError where the store has a word for it, else the same. */
export function inOurWords(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  const fault = faultOf(error.code)
  return fault === null ? error : new StoreError(fault, error.code, { cause: error })
}

/** Runs `work`; errors come out in the domain's words. */
export function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw inOurWords(error)
  }
}

/** For what may stay undone on a full disk, because the next open does it. */
export function isFull(error: unknown): boolean {
  return error instanceof StoreError && error.fault === "disk-full"
}

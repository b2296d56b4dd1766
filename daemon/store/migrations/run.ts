import type Database from "better-sqlite3-multiple-ciphers"
import { StoreError } from "../types.ts"
import { mailboxSchema } from "./1-mailbox.sql.ts"
import { annotationSchema } from "./2-annotation.sql.ts"
import { fieldSchema } from "./3-field.sql.ts"
import { copyingSchema } from "./4-copying.sql.ts"
import { pastNamesSchema } from "./5-past-names.sql.ts"
import { indexUpkeepSchema } from "./6-index-upkeep.sql.ts"
import { listedSchema } from "./7-listed.sql.ts"
import { orderingSchema } from "./8-ordering.sql.ts"
import { markSchema } from "./9-mark.sql.ts"

/** "mkp1": what `PRAGMA application_id` says in a mailbox of ours. */
export const applicationId = 0x6d6b7031

/** Version n is the n-th string. */
export const migrations: readonly string[] = [
  mailboxSchema,
  annotationSchema,
  fieldSchema,
  copyingSchema,
  pastNamesSchema,
  indexUpkeepSchema,
  listedSchema,
  orderingSchema,
  markSchema,
]

/**
 * Brings a database to the newest version, each step in a transaction of its own, so that a crash leaves
 * either the old version or the new one.
 *
 * @throws StoreError `newer-schema` when a newer program wrote it, `damaged` when it is not a mailbox; nothing is changed then
 */
export function migrate(db: Database.Database, steps: readonly string[] = migrations): void {
  const version = schemaVersion(db, steps.length)
  for (const [index, sql] of steps.entries()) {
    if (index >= version) step(db, sql, index + 1)
  }
}

function schemaVersion(db: Database.Database, known: number): number {
  const version = Number(db.pragma("user_version", { simple: true }))
  const application = Number(db.pragma("application_id", { simple: true }))
  if (version > known)
    throw new StoreError("newer-schema", `schema ${version}, this program knows ${known}: install the newer one again`)
  if (version > 0 && application !== applicationId) throw new StoreError("damaged", "not a mailbox of this program")
  return version
}

function step(db: Database.Database, sql: string, version: number): void {
  db.transaction(() => {
    db.exec(sql)
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${version}`)
  }).immediate()
}

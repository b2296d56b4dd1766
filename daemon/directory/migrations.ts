import type Database from "better-sqlite3-multiple-ciphers"
import { DirectoryError } from "./directory.ts"

/**
 * The schema, one string per version; the file's `user_version` says how many have run. A released string
 * is never edited: the next change is the next string.
 */
export const migrations: readonly string[] = [
  `
  -- One row per login name. JSON columns hold lists that are only ever read whole.
  CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,              -- canonical
    mailbox TEXT NOT NULL UNIQUE,           -- names files in mail/ and spool/
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'incomplete')),
    recipients TEXT NOT NULL DEFAULT '[]',  -- age recipients, JSON array of strings
    kdf TEXT NOT NULL DEFAULT '[]',         -- KDF parameter sets, JSON array
    linger_s INTEGER,                       -- clocks: NULL is "as everybody"
    idle_s INTEGER,
    maximum_life_s INTEGER,
    idle_counts INTEGER CHECK (idle_counts IN (0, 1)),
    quota_bytes INTEGER,                    -- NULL is "as configured", 0 none
    quota_messages INTEGER,
    usage_bytes INTEGER NOT NULL DEFAULT 0, -- as the worker last said
    usage_messages INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL             -- ms since the epoch
  ) STRICT;

  -- Who receives what; canonical addresses, in the order in which they were given.
  CREATE TABLE address (
    address TEXT PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    place INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX address_of_user ON address (user, place);
  `,
]

/**
 * Brings the schema up to date, each version in a transaction of its own.
 *
 * @throws DirectoryError `newer-schema` when a later release has written this file; nothing is changed then
 */
export function migrate(db: Database.Database, steps: readonly string[] = migrations): void {
  const version = Number(db.pragma("user_version", { simple: true }))
  if (version > steps.length) {
    const text = `${db.name} was written by a newer mailkeep (schema ${version}, this one knows ${steps.length}): install that version again`
    throw new DirectoryError("newer-schema", text)
  }
  for (const [index, sql] of steps.entries()) {
    if (index < version) continue
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`user_version = ${index + 1}`)
    }).immediate()
  }
}

import { randomBytes } from "node:crypto"
import type Database from "better-sqlite3-multiple-ciphers"

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

/** The one row of `account`, with a random tag of 10 characters (50 bits) for object ids. */
export function firstRows(db: Database.Database): void {
  const tag = Array.from(randomBytes(10), (byte) => alphabet[byte & 31]).join("")
  db.prepare("INSERT INTO account (id, created_at, object_tag) VALUES (1, ?, ?)").run(Date.now(), tag)
}

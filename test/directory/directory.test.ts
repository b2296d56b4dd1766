import assert from "node:assert/strict"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, test } from "node:test"
import Database from "better-sqlite3-multiple-ciphers"
import fc from "fast-check"
import { DirectoryError } from "../../daemon/directory/directory.ts"
import { newMailboxId } from "../../daemon/directory/mailbox-id.ts"
import { migrate } from "../../daemon/directory/migrations.ts"
import { canonicalName, checkedAddress, checkedName, lookupsOf } from "../../daemon/directory/names.ts"
import { openDirectory } from "../../daemon/directory/sqlite.ts"
import { directoryContract, refuses } from "./contract.ts"
import { MemoryDirectory } from "./memory.ts"

const folder = mkdtempSync(join(tmpdir(), "mailkeep-directory-"))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const newPath = () => join(folder, `${files++}.sqlite`)
const open = (path: string) => openDirectory(path, { hostName: "mail.example" })

directoryContract("SQLite", async () => open(newPath()))
directoryContract("in memory", async () => new MemoryDirectory("mail.example"))

test("what was promised is in the file after it is opened again", async () => {
  const path = newPath()
  const first = open(path)
  await first.add({ name: "alice" })
  const user = await first.findByName("alice")
  await first.close()
  const second = open(path)
  assert.deepEqual(await second.findByName("alice"), user)
  await second.close()
})

test("the file and its log are for their owner only", async () => {
  const path = newPath()
  const before = process.umask(0)
  const directory = open(path)
  process.umask(before)
  await directory.add({ name: "alice" })
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  await directory.close()
})

test("the file holds durable settings", async () => {
  const path = newPath()
  const directory = open(path)
  await directory.close()
  const db = new Database(path)
  assert.equal(db.pragma("journal_mode", { simple: true }), "wal")
  assert.equal(db.pragma("user_version", { simple: true }), 1)
  db.close()
})

test("a file that is no database is refused and left as it is", () => {
  const path = newPath()
  writeFileSync(path, "x".repeat(8192))
  assert.throws(() => open(path), { name: "DirectoryError", fault: "damaged" })
  assert.equal(readFileSync(path, "utf8"), "x".repeat(8192))
})

test("a record that was altered is reported, not used", async () => {
  const path = newPath()
  const directory = open(path)
  await directory.add({ name: "alice" })
  const db = new Database(path)
  db.exec("UPDATE user SET recipients = '[1]'")
  db.close()
  await refuses("damaged", () => directory.findByName("alice"))
  await directory.close()
})

test("a file of a newer release is refused and left as it is", () => {
  const path = newPath()
  const db = new Database(path)
  db.pragma("user_version = 99")
  db.close()
  assert.throws(() => open(path), { fault: "newer-schema", message: /schema 99, this one knows 1/ })
})

test("migrations run once each, in order, and a broken one leaves nothing behind", () => {
  const db = new Database(":memory:")
  const one = "CREATE TABLE a (x)"
  const two = "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)"
  const three = "CREATE TABLE b (z); INSERT INTO nowhere VALUES (1)"
  migrate(db, [one])
  migrate(db, [one, two])
  migrate(db, [one, two])
  assert.deepEqual(db.prepare("SELECT * FROM a").all(), [{ x: 1, y: 2 }])
  assert.throws(() => migrate(db, [one, two, three]), /nowhere/)
  assert.equal(db.pragma("user_version", { simple: true }), 2)
  assert.deepEqual(db.prepare("SELECT name FROM sqlite_schema").pluck().all(), ["a"])
  db.close()
})

test("mailbox ids are 26 characters of base32 and differ", () => {
  const ids = Array.from({ length: 500 }, newMailboxId)
  for (const id of ids) assert.match(id, /^[a-z2-7]{26}$/)
  assert.equal(new Set(ids).size, ids.length)
})

test("any text has one canonical form, and is taken or refused, never worse", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.emailAddress()), (text) => {
      const canonical = canonicalName(text)
      assert.equal(canonicalName(canonical), canonical)
      assert.ok(lookupsOf(text, "mail.example").length <= 2)
      for (const checked of [checkedName, checkedAddress]) {
        try {
          assert.equal(checked(text), canonical)
        } catch (error) {
          assert.ok(error instanceof DirectoryError, String(error))
        }
      }
    }),
    { numRuns: 2000 },
  )
})

import assert from "node:assert/strict"
import { test } from "node:test"
import Database from "better-sqlite3-multiple-ciphers"
import { listedNumbers, selectListed } from "../../daemon/message/listed-fields.ts"
import { Connection } from "../../daemon/store/connection.ts"
import { firstRows } from "../../daemon/store/first-rows.ts"
import { mailboxSchema } from "../../daemon/store/migrations/1-mailbox.sql.ts"
import { migrate, migrations } from "../../daemon/store/migrations/run.ts"
import { Store } from "../../daemon/store/store.ts"
import { closeSound, faulty, options, put } from "./harness.ts"

/** Three made-up versions: each needs the one before it. */
const versions = [
  "CREATE TABLE letter (id INTEGER PRIMARY KEY, text TEXT)",
  "ALTER TABLE letter ADD COLUMN language TEXT NOT NULL DEFAULT 'en'; INSERT INTO letter (text) VALUES ('two')",
  "UPDATE letter SET language = 'nl' WHERE text = 'two'; CREATE INDEX letter_language ON letter (language)",
]

function version(db: Database.Database): unknown {
  return db.pragma("user_version", { simple: true })
}

for (let from = 0; from <= versions.length; from++) {
  test(`from version ${from} to ${versions.length}`, () => {
    const db = new Database(":memory:")
    migrate(db, versions.slice(0, from))
    assert.equal(version(db), from)
    migrate(db, versions)
    migrate(db, versions)
    assert.equal(version(db), 3)
    assert.deepEqual(db.prepare("SELECT * FROM letter").all(), [{ id: 1, text: "two", language: "nl" }])
  })
}

test("a step that fails leaves the version before it", () => {
  const db = new Database(":memory:")
  assert.throws(() => migrate(db, [...versions.slice(0, 2), "CREATE TABLE extra (id); SELECT nonsense"]))
  assert.equal(version(db), 2)
  assert.equal(db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'extra'").pluck().get(), 0)
  migrate(db, versions)
  assert.equal(version(db), 3)
})

test("a newer schema than the program knows is refused, not guessed", () => {
  const db = new Database(":memory:")
  migrate(db, versions)
  assert.throws(() => migrate(db, versions.slice(0, 2)), faulty("damaged"))
  assert.equal(version(db), 3)
})

test("version 2 adds annotations to a mailbox of version 1, and they go with their mailbox", () => {
  const db = new Database(":memory:")
  migrate(db, [mailboxSchema])
  db.exec("INSERT INTO mailbox (id, name, uid_validity) VALUES (7, 'INBOX', 1), (8, 'old', 2)")
  migrate(db)
  db.exec("INSERT INTO annotation VALUES (0, '/private/a', x'78'), (7, '/private/a', x'78'), (8, '/private/a', x'78')")
  assert.throws(() => db.exec("INSERT INTO annotation VALUES (8, '/Private/A', x'79')"), /UNIQUE/)
  db.exec("DELETE FROM mailbox WHERE id = 8")
  assert.deepEqual(db.prepare("SELECT mailbox FROM annotation").pluck().all(), [0, 7])
})

test("version 8 leaves contents that are there for later, and keeps what is described from now on", () => {
  const db = new Database(":memory:")
  migrate(db, migrations.slice(0, 7))
  db.exec("INSERT INTO content (id, size, sent_at, base_subject) VALUES (1, 1, 10, 'old')")
  migrate(db)
  const rows = db.prepare("SELECT * FROM ordering").raw()
  assert.deepEqual(rows.all(), [])
  db.exec(
    "INSERT INTO content (id, size) VALUES (2, 1); UPDATE content SET sent_at = 20, base_subject = 'new' WHERE id = 2",
  )
  assert.deepEqual(rows.all(), [[2, 20, "new"]])
  db.exec("UPDATE content SET sent_at = NULL WHERE id = 2")
  assert.deepEqual(rows.all(), [[2, null, "new"]])
  db.prepare("UPDATE content SET base_subject = ? WHERE id = 2").run("x".repeat(501))
  assert.deepEqual(rows.all(), [[2, null, "x".repeat(500)]])
  db.exec("PRAGMA foreign_keys = ON; DELETE FROM content WHERE id = 2")
  assert.deepEqual(rows.all(), [])
})

test("version 6 takes over an index that the engine kept in order, and keeps both of its tables from doing so", () => {
  const db = new Database(":memory:")
  migrate(db, migrations.slice(0, 5))
  db.exec(
    "INSERT INTO trigram (rowid, folded) VALUES (3, 'some words'); INSERT INTO account (id, created_at, object_tag) VALUES (1, 0, '')",
  )
  migrate(db)
  assert.deepEqual(db.prepare("SELECT rowid FROM trigram WHERE trigram MATCH 'wor'").pluck().all(), [3])
  assert.deepEqual(db.prepare("SELECT index_gone, index_renewed FROM account").raw().all(), [[0, null]])
  for (const table of ["trigram", "trigram_next"]) {
    const config = `SELECT v FROM ${table}_config WHERE k IN ('automerge', 'deletemerge', 'crisismerge', 'usermerge') ORDER BY k`
    assert.deepEqual(db.prepare(config).pluck().all(), [0, 64, 0, 8])
  }
})

/** What versions 7 and 8 added is taken away again. */
const backToVersion6 =
  "DROP TRIGGER content_described; DROP TRIGGER content_removed; DROP TABLE ordering; DROP TABLE listed; ALTER TABLE account DROP COLUMN unlisted_below; PRAGMA user_version = 6; PRAGMA foreign_keys = ON"

test("version 7: contents that came before it get their listed fields little by little", () => {
  const db = new Database(":memory:")
  db.pragma("auto_vacuum = INCREMENTAL")
  migrate(db)
  firstRows(db)
  const before = new Store(new Connection(db), options, options.limits)
  before.mailboxes.create("INBOX")
  for (let n = 1; n <= 120; n++) put(before, "INBOX", `message ${n}`)
  db.exec(backToVersion6)
  db.exec("UPDATE piece SET packing = 99 WHERE id = 7 << 20")

  migrate(db)
  const store = new Store(new Connection(db), options, options.limits)
  const all = Array.from({ length: 121 }, (_, index) => index + 1)
  const listed = () => store.contents.wires.of("listedFields", all)
  assert.equal(listed().size, 0)
  put(store, "INBOX", "message 121")
  assert.deepEqual([...listed().keys()], [121])
  while (store.orderings.fill());
  assert.equal(store.tidy(), true)
  assert.ok(listed().size > 1 && listed().size < 121 && listed().has(1), "the oldest first, not all at once")
  assert.deepEqual(store.check(), [])

  while (store.tidy());
  const subject = listedNumbers(["subject"]) ?? assert.fail()
  assert.equal(listed().has(7), false, "damaged")
  for (const content of all.filter((id) => id !== 7)) {
    const fields = listed().get(content) ?? assert.fail(`nothing is listed of content ${content}`)
    assert.equal(Buffer.from(selectListed(fields, subject)).toString(), `Subject: message ${content}\r\n\r\n`)
  }
  closeSound(store)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import Database from "better-sqlite3-multiple-ciphers"
import { listedNumbers, selectListed } from "../../daemon/message/listed-fields.ts"
import { Connection } from "../../daemon/store/connection.ts"
import { firstRows } from "../../daemon/store/first-rows.ts"
import { keywordList } from "../../daemon/store/keywords.ts"
import { mailboxSchema } from "../../daemon/store/migrations/1-mailbox.sql.ts"
import { migrate, migrations } from "../../daemon/store/migrations/run.ts"
import { Store } from "../../daemon/store/store.ts"
import { closeSound, faulty, goneSince, options, put } from "./harness.ts"

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
  assert.throws(() => migrate(db, versions.slice(0, 2)), faulty("newer-schema"))
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

/** Of messages without flags, none of them expunged: what version 9 changed is as it was. */
const backToVersion8 = `
  DROP TABLE mark; DROP TABLE message_keywords; DROP TABLE expunged;
  CREATE TABLE expunged (mailbox, modseq, uid, PRIMARY KEY (mailbox, modseq, uid)) WITHOUT ROWID;
  ALTER TABLE message ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE message ADD COLUMN keywords TEXT NOT NULL DEFAULT '';
  ALTER TABLE message ADD COLUMN modseq INTEGER NOT NULL DEFAULT 1;
  CREATE INDEX message_by_modseq ON message (mailbox, modseq);
  CREATE INDEX message_unseen ON message (mailbox, uid) WHERE flags & 1 = 0;
  CREATE INDEX message_deleted ON message (mailbox, uid) WHERE flags & 8 <> 0;
  ${mailboxSchema.slice(mailboxSchema.indexOf("CREATE TRIGGER message_added"))}
  PRAGMA user_version = 8`

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
  db.exec(backToVersion8)
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

/** As a mailbox of version 8 has them, in two mailboxes; UIDs with holes, at the ends of rows, and the greatest of all. */
const rowsOfVersion8: [mailbox: number, uid: number, flags: number, keywords: string, modseq: number][] = [
  [1, 1, 0, "", 7],
  [1, 2, 31, "$A b", 2],
  [1, 127, 1, "", 300],
  [1, 128, 8, "$A", 2 ** 40],
  [1, 383, 9, "", 5],
  [2, 1, 2, "", 3],
  [2, 2 ** 32 - 1, 4, "x", 4],
]

test("version 9: flags, keywords and mod-sequences are those of the messages", () => {
  const db = new Database(":memory:")
  migrate(db, migrations.slice(0, 8))
  firstRows(db)
  db.exec(`INSERT INTO mailbox (id, name, uid_validity, uid_next, modseq) VALUES
    (1, 'INBOX', 1, 400, ${2 ** 41}), (2, 'b', 2, ${2 ** 32}, 9), (3, 'empty', 3, 1, 1);
    INSERT INTO keyword VALUES (1, '$a', '$A'), (1, 'b', 'b'), (2, 'x', 'x'); INSERT INTO content (id, size) VALUES (1, 10)`)
  const insert = db.prepare("INSERT INTO message VALUES (?, ?, 1, ?, ?, ?, 1000, 60, 2000, 10, 1)")
  for (const row of rowsOfVersion8) insert.run(...row)
  for (const [modseq, uid] of [
    [6, 5],
    [6, 3],
    [6, 4],
    [6, 9],
    [8, 10],
    [8, 12],
  ])
    db.prepare("INSERT INTO expunged VALUES (1, ?, ?)").run(modseq, uid)
  const counters = db.prepare("SELECT messages, unseen, deleted, size FROM mailbox ORDER BY id").raw()
  const before = counters.all()

  migrate(db)
  assert.deepEqual(counters.all(), before)
  const store = new Store(new Connection(db), options, options.limits)
  const facts = { content: 1, internalDate: 1000, internalZone: 60, savedAt: 2000, size: 10, thread: 1 }
  for (const mailbox of [1, 2, 3]) {
    const expected = rowsOfVersion8
      .filter(([of]) => of === mailbox)
      .map(([, uid, flags, keywords, modseq]) => ({ uid, flags, keywords: keywordList(keywords), modseq, ...facts }))
    assert.deepEqual([...store.messages.rows(mailbox, [[1, 2 ** 32 - 1]])], expected)
    assert.deepEqual(
      [...store.messages.changedSince(mailbox, 4)].map(({ uid }) => uid),
      expected.filter(({ modseq }) => modseq > 4).map(({ uid }) => uid),
    )
  }
  assert.deepEqual(db.prepare("SELECT * FROM expunged").raw().all(), [
    [1, 6, 3, 5],
    [1, 6, 9, 9],
    [1, 8, 10, 10],
    [1, 8, 12, 12],
  ])
  assert.deepEqual(goneSince(store, 1, 5), [3, 4, 5, 9, 10, 12])
  assert.deepEqual(store.messages.deleted(1), [2, 128, 383])
  assert.equal(store.messages.firstUnseen(1), 1)
  store.messages.mark(1, [[1, 2 ** 32 - 1]], { operation: "add", flags: 1, keywords: [], unchangedSince: null })
  assert.equal(store.messages.firstUnseen(1), null)
  assert.deepEqual(counters.all()[0], [5, 0, 3, 50])
  assert.deepEqual(
    store.check().filter((broken) => /mark|flag|keyword|counter|newer/.test(broken)),
    [],
  )
})

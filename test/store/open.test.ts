import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { test } from "node:test"
import Database from "better-sqlite3-multiple-ciphers"
import { applySettings, openKeyed } from "../../daemon/store/cipher.ts"
import { createStore, openStore } from "../../daemon/store/open.ts"
import { closeSound, faulty, house, id, options, put, temporary } from "./harness.ts"
import { corpus, mailOf } from "./mail.ts"

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}

test("the file is private, its directory too, its log too, and nothing else is beside it", (t) => {
  const { path, store } = house(t)
  put(store, "INBOX")
  assert.deepEqual(readdirSync(dirname(path)).sort(), ["mail.db", "mail.db-wal"])
  assert.deepEqual([path, `${path}-wal`, dirname(path)].map(mode), ["600", "600", "700"])
  closeSound(store)
  store.close()
  assert.deepEqual(readdirSync(dirname(path)), ["mail.db"])
})

for (const cipher of ["sqlcipher", "aegis"] as const) {
  test(`${cipher}: mail survives a close, and nothing of it is readable in the file or its log`, (t) => {
    const { path, store, reopen } = house(t, { cipher })
    put(store, "INBOX", "unmistakable-words")
    for (const name of [path, `${path}-wal`]) assert.ok(!readFileSync(name).includes("unmistakable"))
    const again = reopen({ cipher: cipher === "aegis" ? "sqlcipher" : "aegis" }) // the setting changed since
    assert.equal(again.usage().messages, 1)
    assert.ok(!readFileSync(path).subarray(0, 16).includes("SQLite"))
  })
}

const settings: [pragma: string, reads: unknown][] = [
  ["temp_store", 2],
  ["synchronous", 2],
  ["journal_mode", "wal"],
  ["locking_mode", "exclusive"],
  ["secure_delete", 1],
  ["mmap_size", 0],
  ["foreign_keys", 1],
  ["trusted_schema", 0],
  ["cell_size_check", 1],
  ["cache_size", -777],
  ["auto_vacuum", 2],
  ["page_size", 4096],
]

test("every connection has the settings of the design", (t) => {
  const { path, key, store } = house(t)
  closeSound(store)
  const db = openKeyed(path, key, "sqlcipher")
  applySettings(db, 777)
  for (const [pragma, reads] of settings) assert.equal(db.pragma(pragma, { simple: true }), reads, pragma)
  db.close()
})

test("a setting that does not take is an error", () => {
  assert.throws(() => applySettings(new Database(":memory:"), 777), /mmap_size reads undefined instead of 0/)
})

test("room that deleted mail took is given back when the mailbox is closed", (t) => {
  const { path, store } = house(t)
  put(store, "INBOX", mailOf(randomBytes(3_000_000), { bodyText: "" }), { flags: 8 })
  store.messages.expunge(id(store, "INBOX"), null)
  closeSound(store)
  assert.ok(statSync(path).size < 1_000_000)
})

test("createStore refuses to replace a mailbox, and clears away one that a crash left half built", (t) => {
  const { path, key } = house(t)
  assert.throws(() => createStore(path, key, options), /exists/)
  const other = join(dirname(path), "other.db")
  writeFileSync(`${other}.new`, "half")
  writeFileSync(`${other}.new-wal`, "half")
  closeSound(createStore(other, key, options))
  assert.ok(!existsSync(`${other}.new`) && !existsSync(`${other}.new-wal`))
})

const strangers: [what: string, make: (path: string) => void][] = [
  ["no file", () => undefined],
  ["an empty file", (path) => writeFileSync(path, "")],
  ["a few bytes", (path) => writeFileSync(path, "hello")],
  ["random bytes", (path) => writeFileSync(path, randomBytes(8192))],
  ["a plaintext database", (path) => new Database(path).exec("CREATE TABLE mailbox (id)").close()],
  ["a directory", (path) => mkdirSync(path)],
]
for (const [what, make] of strangers) {
  test(`openStore refuses ${what} and writes nothing`, (t) => {
    const path = join(temporary(t), "mail.db")
    make(path)
    const before = existsSync(path) && statSync(path).isFile() ? readFileSync(path) : null
    assert.throws(() => openStore(path, randomBytes(32), options), faulty("damaged"))
    if (before !== null) assert.deepEqual(readFileSync(path), before)
    assert.ok(readdirSync(dirname(path)).length <= 1)
  })
}

test("openStore refuses a symbolic link", (t) => {
  const { path, key, store } = house(t)
  closeSound(store)
  symlinkSync(path, `${path}.link`)
  assert.throws(() => openStore(`${path}.link`, key, options), faulty("damaged"))
  openStore(path, key, options).close()
})

test("another key, or a database of something else, is refused", (t) => {
  const { path, key, store } = house(t)
  assert.throws(() => openStore(path, randomBytes(31), options), RangeError)
  closeSound(store)
  const before = readFileSync(path)
  assert.throws(() => openStore(path, randomBytes(32), options), faulty("damaged"))
  assert.deepEqual(readFileSync(path), before)
  const raw = openKeyed(path, key, "sqlcipher")
  raw.pragma("application_id = 1")
  raw.close()
  assert.throws(() => openStore(path, key, options), faulty("damaged"))
})

test("a mailbox that is open elsewhere is not opened twice", (t) => {
  const { path, key } = house(t)
  assert.throws(() => openStore(path, key, options), { code: "SQLITE_BUSY" })
})

test("a log left by a crash is not touched by another key, and is used by the right one", (t) => {
  const { path, key, store } = house(t)
  put(store, "INBOX", "only in the log")
  const copy = join(temporary(t), "mail.db")
  for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix)
  const before = [readFileSync(copy), readFileSync(`${copy}-wal`)]
  assert.throws(() => openStore(copy, randomBytes(32), options), faulty("damaged"))
  assert.deepEqual([readFileSync(copy), readFileSync(`${copy}-wal`)], before)
  const recovered = openStore(copy, key, options)
  assert.equal(recovered.usage().messages, 1)
  closeSound(recovered)
})

test("one flipped bit on any page is found, and nothing is written", (t) => {
  const { path, key, store } = house(t)
  for (const message of corpus(20)) put(store, "INBOX", message)
  closeSound(store)
  const sound = readFileSync(path)
  const damaged = join(temporary(t), "mail.db")
  const pages = sound.length / 4096
  for (let page = 0; page < pages; page += Math.ceil(pages / 25)) {
    const bytes = Buffer.from(sound)
    bytes.writeUInt8(bytes.readUInt8(page * 4096 + 1000) ^ 4, page * 4096 + 1000)
    writeFileSync(damaged, bytes)
    assert.ok(damageFound(damaged, key), `page ${page}`)
    assert.deepEqual(readFileSync(damaged), bytes)
  }
})

/** By opening, or by the check; reading mail fails as damaged or not at all. */
function damageFound(path: string, key: Buffer): boolean {
  try {
    const store = openStore(path, key, options)
    try {
      if (store.check().length > 0) return true
      for (const { content } of store.messages.rows(id(store, "INBOX"), [[1, 1000]])) {
        for (const piece of store.contents.read(content, 0, 1e9)) assert.ok(piece.length > 0)
      }
      return false
    } finally {
      store.close()
    }
  } catch (error) {
    return faulty("damaged")(error)
  }
}

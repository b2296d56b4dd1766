import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { applySettings, openKeyed } from "../../daemon/store/cipher.ts"
import { Connection } from "../../daemon/store/connection.ts"
import { createStore, openStore } from "../../daemon/store/open.ts"
import { Store } from "../../daemon/store/store.ts"
import { closeSound, faulty, house, id, options, plainly, put, temporary } from "./harness.ts"
import { mailOf } from "./mail.ts"

function bulky(): ReturnType<typeof mailOf> {
  return mailOf(Buffer.concat([Buffer.from("Subject: x\r\n\r\n"), randomBytes(200_000)]), { bodyText: "" })
}

/** Adds until it is refused; tells how many fitted. */
function fill(store: Store): number {
  for (let count = 0; ; count++) {
    try {
      put(store, "INBOX", bulky())
    } catch (error) {
      assert.ok(faulty("disk-full")(error))
      return count
    }
  }
}

test("no more pages: the message is refused whole, what was there stays, and deleting makes room", (t) => {
  const { path, key, store: first } = house(t)
  closeSound(first)
  const db = openKeyed(path, key, "sqlcipher")
  applySettings(db, 1024)
  db.pragma("max_page_count = 600")
  const store = new Store(new Connection(db), options, options.limits)
  const count = fill(store)
  assert.ok(count > 3)
  assert.equal(store.usage().messages, count)
  assert.deepEqual(store.check(), [])

  const writer = store.contents.begin()
  assert.throws(() => {
    for (let index = 0; index < 20; index++) writer.push(randomBytes(100_000))
  }, faulty("disk-full"))
  writer.discard()
  assert.deepEqual(store.check(), [])

  const inbox = id(store, "INBOX")
  store.messages.storeFlags(inbox, [1, 2], { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  assert.deepEqual(store.messages.expunge(inbox, null), [1, 2])
  while (store.tidy());
  put(store, "INBOX", bulky())
  closeSound(store)
})

test("a full file system, at every size: nothing acknowledged is lost, the store opens again", (t) => {
  const directory = join(temporary(t), "small")
  mkdirSync(directory)
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", directory])
  if (mounted.status !== 0) return t.skip("cannot mount a small file system here (needs root)")
  try {
    fillFileSystem(directory)
  } finally {
    spawnSync("umount", ["--lazy", directory])
  }
})

function fillFileSystem(directory: string): void {
  const path = join(directory, "mail.db")
  const key = randomBytes(32)
  const store = createStore(path, key, options)
  const count = fill(store)
  const { meta, bytes } = bulky()
  assert.throws(
    () => store.transaction(() => store.messages.add(id(store, "INBOX"), store.contents.insert(bytes, meta), plainly)),
    faulty("disk-full"),
  )
  store.close()
  const again = openStore(path, key, options)
  assert.equal(again.usage().messages, count)
  assert.deepEqual(again.check(), [])
  for (const { content, size } of again.messages.rows(id(again, "INBOX"), [[1, count]])) {
    assert.equal(
      [...again.contents.read(content, 0, size)].reduce((sum, piece) => sum + piece.length, 0),
      size,
    )
  }
  again.close()
}

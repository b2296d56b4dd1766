import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import SqlCipher from "@signalapp/sqlcipher"
import { closeSound, house, put } from "./harness.ts"

test("an independent SQLCipher 4 opens the file with the raw key, and only with it", (t) => {
  const { path, key, store } = house(t)
  put(store, "INBOX", "for another reader", { flags: 1 | 4, keywords: ["k"] })
  closeSound(store)
  const header = readFileSync(path).subarray(0, 16).toString("latin1")
  assert.notEqual(header, "SQLite format 3\0")

  const other = new SqlCipher(path)
  other.exec(`PRAGMA key = "x'${key.toString("hex")}'"`)
  assert.deepEqual(other.prepare("PRAGMA cipher_integrity_check").all(), [])
  const row = other
    .prepare(
      "SELECT subject, keywords, hex(flags) AS flags FROM message JOIN content ON content.id = content JOIN message_keywords USING (mailbox, uid) JOIN mark USING (mailbox)",
    )
    .get()
  assert.deepEqual(
    { ...row },
    {
      subject: "for another reader",
      keywords: "k",
      flags: `0085${"00".repeat(126)}`,
    },
  )
  other.close()

  const wrong = new SqlCipher(path)
  wrong.exec(`PRAGMA key = "x'${"00".repeat(32)}'"`)
  assert.throws(() => wrong.prepare("SELECT count(*) FROM message").get())
  wrong.close()
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { openKeyed } from "../../daemon/store/cipher.ts"
import { closeSound, house, id, put } from "./harness.ts"
import { mail } from "./mail.ts"

const dated = (n: number) => mail(`letter ${n}`, "", { sentAt: n % 7 === 0 ? null : 5000 - n, baseSubject: `${n % 3}` })

test("what SORT compares is there for every message, and goes with it", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  for (const n of [1, 2, 7]) put(store, "INBOX", dated(n), { internalDate: n * 10 })
  const size = (n: number) => dated(n).bytes.length
  assert.deepEqual(store.orderings.keys(inbox, [1, 9], ["DATE", "SUBJECT", "SIZE", "ARRIVAL"]), [
    [1, 4999, "1", size(1), 10],
    [2, 4998, "2", size(2), 20],
    [3, 70, "1", size(7), 70], // no Date that can be read (RFC 5256 §2.2)
  ])
  store.messages.storeFlags(inbox, [2], { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  store.messages.expunge(inbox, null)
  while (store.tidy());
  assert.deepEqual(store.orderings.keys(inbox, [2, 3], ["SUBJECT"]), [[3, "1"]])
  assert.deepEqual([...store.orderings.of([1, 2, 3]).keys()].sort(), [1, 3])
})

test("contents of a former version are read where they are, until they have been added in slices", (t) => {
  const home = house(t)
  const numbers = Array.from({ length: 1203 }, (_, at) => at + 1)
  home.store.transaction(() => {
    for (const n of numbers) put(home.store, "INBOX", dated(n))
  })
  const known = home.store.orderings.of(numbers)
  closeSound(home.store)
  const db = openKeyed(home.path, home.key, "sqlcipher")
  db.exec("DELETE FROM ordering")
  db.close()

  const store = home.reopen()
  const inbox = id(store, "INBOX")
  assert.equal(store.orderings.complete, false)
  assert.deepEqual(store.orderings.of(numbers), known)
  put(store, "INBOX", dated(1204))
  assert.equal(store.orderings.fill(), true)
  assert.deepEqual(store.check(), [])
  // The lowest of those that were added goes: below it nothing was added yet.
  const lowest = Math.min(...store.orderings.keys(inbox, [1, 2000], ["SIZE"]).map(([uid]) => uid))
  assert.equal(lowest, 704)
  store.messages.storeFlags(inbox, [lowest], { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  store.messages.expunge(inbox, null)
  for (let slices = 2; store.orderings.fill(); slices++) assert.ok(slices <= 3)
  assert.equal(store.orderings.complete, true)
  assert.equal(store.orderings.keys(inbox, [1, 2000], ["DATE"]).length, 1203)
})

const long = (n: number) => mail("long", "", { baseSubject: `${"ä".repeat(999_000)} ${n}` })

test("of a long base subject the beginning is compared, and few are added at one go", (t) => {
  const home = house(t)
  for (const n of [1, 2, 3, 4, 5, 6]) put(home.store, "INBOX", long(n))
  const numbers = [1, 2, 3, 4, 5, 6]
  const beginning = "ä".repeat(500)
  const subjects = (store: typeof home.store) => ({
    kept: store.orderings.keys(id(store, "INBOX"), [1, 9], ["SUBJECT"]).map(([, subject]) => subject),
    sorted: [...store.orderings.of(numbers).values()].map(({ baseSubject }) => baseSubject),
    threaded: [...store.contents.many.summaries(numbers).values()].map(({ baseSubject }) => baseSubject),
  })
  const all = numbers.map(() => beginning)
  assert.deepEqual(subjects(home.store), { kept: all, sorted: all, threaded: all })
  closeSound(home.store)
  const db = openKeyed(home.path, home.key, "sqlcipher")
  db.exec("DELETE FROM ordering")
  db.close()

  const store = home.reopen()
  for (const added of [2, 4, 6]) {
    assert.equal(store.orderings.fill(), true)
    const kept = all.slice(0, added)
    assert.deepEqual(subjects(store), { kept, sorted: all, threaded: all })
    assert.deepEqual(store.check(), [])
  }
  assert.equal(store.orderings.fill(), false)
})

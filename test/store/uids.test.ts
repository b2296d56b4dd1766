import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { closeSound, house, id, put } from "./harness.ts"

test("the UIDs of a mailbox are those that were given and did not go, few or most of them", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.uniqueArray(fc.integer({ min: 1, max: 12 })), (count, chosen) => {
      const { store } = house(t)
      const inbox = id(store, "INBOX")
      store.transaction(() => {
        for (let n = 1; n <= count; n++) put(store, "INBOX")
      })
      const gone = chosen.filter((uid) => uid <= count)
      // Out of order, so that the log is, too.
      for (const uid of gone) {
        store.messages.storeFlags(inbox, [uid], { operation: "add", flags: 8, keywords: [], unchangedSince: null })
        store.messages.expunge(inbox, null)
      }
      const there = Array.from({ length: count }, (_, at) => at + 1).filter((uid) => !gone.includes(uid))
      assert.deepEqual(store.messages.uids(inbox), there)
      closeSound(store)
    }),
    { numRuns: 10 },
  )
})

test("a mailbox without messages has no UIDs", (t) => {
  const { store } = house(t)
  assert.deepEqual(store.messages.uids(id(store, "INBOX")), [])
  put(store, "INBOX")
  store.messages.move(id(store, "INBOX"), [1], id(store, "Archive"))
  assert.deepEqual(store.messages.uids(id(store, "INBOX")), [])
  assert.deepEqual(store.messages.uids(id(store, "Archive")), [1])
})

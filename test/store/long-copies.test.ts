import assert from "node:assert/strict"
import { test } from "node:test"
import type { Store } from "../../daemon/store/store.ts"
import { faulty, goneSince, house, id, put } from "./harness.ts"

/** INBOX with so many messages of one content. */
function filled(store: Store, count: number): number[] {
  put(store, "INBOX", "original")
  while (store.usage().messages < count) {
    const some = store.messages.uids(id(store, "INBOX")).slice(0, count - store.usage().messages)
    store.messages.copy(id(store, "INBOX"), some, id(store, "INBOX"))
  }
  return store.messages.uids(id(store, "INBOX"))
}

test("a COPY that is cut off between two transactions leaves nothing, and nothing of others goes with it", (t) => {
  const { store, reopen } = house(t)
  const uids = filled(store, 600)
  const [inbox, target] = [id(store, "INBOX"), id(store, "Archive")]
  put(store, "Archive", "before")
  const copying = store.longCopies.begin(inbox, target)
  copying.add(uids.slice(0, 200), false)
  const between = put(store, "Archive", "in between")
  copying.add(uids.slice(200, 400), false)
  store.messages.storeFlags(target, [between + 1], { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  assert.deepEqual(store.messages.expunge(target, null), [between + 1])

  const again = reopen()
  put(again, "Archive", "after")
  while (again.tidy());
  assert.deepEqual(again.messages.uids(target), [1, between, between + 201])
  assert.deepEqual(goneSince(again, target, 0).length, 400, "who saw the copies is told that they went")
  assert.equal(again.messages.uids(inbox).length, 600)
  assert.equal(reopen().longCopies.takeBack(), false)
})

test("a COPY that is finished stays, also after the next open", (t) => {
  const { store, reopen } = house(t)
  const uids = filled(store, 30)
  const copying = store.longCopies.begin(id(store, "INBOX"), id(store, "Archive"))
  copying.add(uids.slice(0, 10), false)
  copying.add([1000], false)
  copying.add(uids.slice(10, 20), false)
  copying.add(uids.slice(20), true)
  copying.fail()
  assert.equal(store.longCopies.takeBack(), false)
  const again = reopen()
  assert.equal(again.longCopies.takeBack(), false)
  assert.equal(again.messages.uids(id(again, "Archive")).length, 30)
})

test("one that fails is taken back in slices, while another one runs", (t) => {
  const { store } = house(t, { quotaMessages: 999 })
  const uids = filled(store, 400)
  const [inbox, archive, sent] = [id(store, "INBOX"), id(store, "Archive"), id(store, "Sent")]
  const [one, other] = [store.longCopies.begin(inbox, archive), store.longCopies.begin(inbox, sent)]
  one.add(uids.slice(0, 300), false)
  other.add(uids.slice(0, 200), false)
  assert.throws(() => one.add(uids.slice(300), true).target, faulty("over-quota"))
  assert.equal(store.longCopies.takeBack(), false, "nobody said that it failed")
  one.fail()
  assert.equal(store.longCopies.takeBack(), true)
  const left = store.messages.uids(archive).length
  assert.ok(left > 0 && left < 300, String(left))
  while (store.longCopies.takeBack());
  assert.deepEqual(store.messages.uids(archive), [])
  other.add(uids.slice(200), true)
  assert.equal(store.messages.uids(sent).length, 400)
})

test("the mailbox into which was copied may go meanwhile", (t) => {
  const { store, reopen } = house(t)
  const uids = filled(store, 20)
  const made = store.mailboxes.create("gone")
  store.longCopies.begin(id(store, "INBOX"), made.id).add(uids, false)
  store.mailboxes.delete("gone")
  assert.deepEqual(store.check(), [])
  assert.equal(reopen().longCopies.takeBack(), false)
})

test("a COPY to INBOX that is cut off leaves nothing, also where RENAME INBOX took what was there", (t) => {
  const { store, reopen } = house(t)
  filled(store, 100)
  const inbox = id(store, "INBOX")
  store.mailboxes.rename("INBOX", "source")
  const source = id(store, "source")
  const uids = store.messages.uids(source)
  const before = put(store, "INBOX", "before")
  const copying = store.longCopies.begin(source, inbox)
  copying.add(uids.slice(0, 40), false)
  const between = put(store, "INBOX", "in between")
  copying.add(uids.slice(40, 60), false)
  store.messages.storeFlags(inbox, [between - 1], { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  store.messages.expunge(inbox, null)
  store.mailboxes.rename("INBOX", "moved")
  const moved = id(store, "moved")
  assert.equal(store.messages.uids(moved).length, 61)
  const after = put(store, "INBOX", "after")
  copying.add(uids.slice(60, 80), false)
  assert.deepEqual([before, between], [101, 142])

  const again = reopen()
  while (again.tidy());
  assert.deepEqual(again.messages.uids(moved), [1, 41], "what was there before and what came in between")
  assert.deepEqual(again.messages.uids(inbox), [after])
  assert.equal(again.messages.uids(source).length, 100)
  assert.equal(reopen().longCopies.takeBack(), false)
})

test("a COPY to INBOX goes on after RENAME INBOX, and its copies stay where they are", (t) => {
  const { store, reopen } = house(t)
  filled(store, 20)
  store.mailboxes.rename("INBOX", "source")
  const source = id(store, "source")
  const uids = store.messages.uids(source)
  const copying = store.longCopies.begin(source, id(store, "INBOX"))
  copying.add(uids.slice(0, 10), false)
  store.mailboxes.rename("INBOX", "moved")
  store.mailboxes.rename("INBOX", "empty")
  copying.add(uids.slice(10), true)
  const again = reopen()
  assert.equal(again.longCopies.takeBack(), false)
  const counts = ["moved", "empty", "INBOX"].map((name) => again.messages.uids(id(again, name)).length)
  assert.deepEqual(counts, [10, 0, 10])
})

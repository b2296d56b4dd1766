import assert from "node:assert/strict"
import { test } from "node:test"
import { faulty, house, id, put } from "./harness.ts"

test("a transaction that throws leaves nothing, and tells nobody", (t) => {
  const { store } = house(t)
  const told: number[][] = []
  store.onChange((ids) => told.push([...ids]))
  assert.throws(
    () =>
      store.transaction(() => {
        put(store, "INBOX", "gone", { deliveryId: "x" })
        store.mailboxes.create("gone")
        throw new Error("stop")
      }),
    /stop/,
  )
  assert.equal(store.usage().messages, 0)
  assert.equal(store.mailboxes.find("gone"), undefined)
  assert.ok(!store.messages.delivered("x"))
  assert.equal(store.contents.mayContain("gone")?.has(1), false)
  assert.deepEqual(told, [])
})

test("what a batch changed is told once, after the commit", (t) => {
  const { store } = house(t)
  const told: number[][] = []
  const stop = store.onChange((ids) => {
    told.push([...ids].sort())
    assert.equal(
      store.transaction(() => "free"),
      "free",
    )
  })
  store.transaction(() => {
    put(store, "INBOX", "one")
    put(store, "Sent", "two")
    assert.deepEqual(told, [])
  })
  store.mailboxes.subscribe("x", true)
  store.messages.expunge(id(store, "INBOX"), null)
  assert.deepEqual(told, [[id(store, "INBOX"), id(store, "Sent")].sort()])
  stop()
  put(store, "INBOX", "three")
  assert.equal(told.length, 1)
})

test("an inner failure before any write may be caught; after a write it dooms the whole", (t) => {
  const { store } = house(t)
  store.transaction(() => {
    assert.throws(() => store.mailboxes.create("INBOX"), faulty("mailbox-exists"))
    store.mailboxes.create("kept")
  })
  assert.ok(store.mailboxes.find("kept"))
  const half = () =>
    store.transaction(() => {
      store.mailboxes.create("half")
      throw new Error("half done")
    })
  assert.throws(() => store.transaction(() => assert.throws(half)), /half done/)
  assert.equal(store.mailboxes.find("half"), undefined)
  store.mailboxes.create("half") // and the next one is not doomed
})

test("work that would wait is refused and undone", (t) => {
  const { store } = house(t)
  assert.throws(
    () =>
      store.transaction(async () => {
        store.mailboxes.create("async")
      }),
    /does not wait/,
  )
  assert.equal(store.mailboxes.find("async"), undefined)
})

test("the list of key slots counts every change", (t) => {
  const { store, reopen } = house(t)
  const slot = {
    id: "ab",
    kind: "app",
    label: "phone",
    state: "pending",
    createdAt: 5,
    lastUsedAt: null,
    expiresAt: 9,
  } as const
  store.slots.add(slot)
  store.slots.setState("ab", "active")
  store.slots.touch("ab", 7)
  const again = reopen()
  assert.deepEqual(again.slots.list(), [{ ...slot, state: "active", lastUsedAt: 7 }])
  assert.equal(again.slots.version(), 3)
  assert.throws(() => again.slots.setState("cd", "active"), /no such slot/)
  again.slots.remove("ab")
  again.slots.remove("ab")
  assert.equal(again.slots.version(), 4)
  assert.deepEqual(again.slots.list(), [])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import type { Commit } from "../../daemon/store/store.ts"
import { faulty, house, id, put } from "./harness.ts"

test("a transaction that throws leaves nothing, and tells nobody", (t) => {
  const { store } = house(t)
  const told: Commit["changes"][] = []
  store.onCommit(({ changes }) => told.push(changes))
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
  assert.equal(store.contents.words.mayContain("gone")?.has(1), false)
  assert.deepEqual(told, [])
})

test("what a batch changed is told once, after the commit", (t) => {
  const { store } = house(t)
  const told: Commit["changes"][] = []
  const stop = store.onCommit(({ changes }) => {
    told.push(changes)
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
  store.mailboxes.subscribe("nowhere", false)
  store.messages.expunge(id(store, "INBOX"), null)
  const [inbox, sent] = [id(store, "INBOX"), id(store, "Sent")]
  assert.deepEqual(told, [
    [
      { what: "added", mailbox: inbox, uids: [1] },
      { what: "added", mailbox: sent, uids: [1] },
    ],
  ])
  stop()
  put(store, "INBOX", "three")
  assert.equal(told.length, 1)
})

test("every kind of change is told with what it is about, and by whom it was", async (t) => {
  const { store } = house(t)
  const commits: Commit[] = []
  store.onCommit((commit) => commits.push(commit))
  const changed = () => commits.splice(0).flatMap(({ changes }) => changes)
  const made = store.mailboxes.create("a/b").id
  const above = id(store, "a")
  assert.deepEqual(changed(), [
    { what: "validity", mailbox: above },
    { what: "created", mailbox: above, name: "a" },
    { what: "validity", mailbox: made },
    { what: "created", mailbox: made, name: "a/b" },
  ])
  const uid = put(store, "a/b")
  const flags = { operation: "add" as const, keywords: [], unchangedSince: null }
  store.messages.storeFlags(made, [uid], { ...flags, flags: 8 })
  store.messages.storeFlags(made, [uid], { ...flags, flags: 8 })
  store.messages.storeFlags(made, [uid], { ...flags, flags: 1 })
  const inbox = id(store, "INBOX")
  store.messages.move(made, [uid], inbox)
  assert.deepEqual(changed(), [
    { what: "added", mailbox: made, uids: [1] },
    { what: "flags", mailbox: made, seen: false },
    { what: "flags", mailbox: made, seen: true },
    { what: "added", mailbox: inbox, uids: [1] },
    { what: "expunged", mailbox: made, uids: [1] },
  ])
  store.mailboxes.rename("a", "c")
  store.mailboxes.delete("c/b")
  store.mailboxes.subscribe("c/b", true)
  store.mailboxes.subscribe("c/b", true)
  store.annotations.set(0, [{ entry: "/shared/comment", value: null }], 10)
  store.mailboxes.setUse(inbox, null)
  assert.deepEqual(changed(), [
    { what: "renamed", mailbox: above, name: "c", from: "a" },
    { what: "deleted", mailbox: made, name: "c/b" },
    { what: "subscription", name: "c/b" },
    { what: "annotations", mailbox: 0, entries: ["/shared/comment"] },
    { what: "special-use", mailbox: inbox },
  ])
})

test("a commit is by whoever works, also after waiting, and not by those who work in between", async (t) => {
  const { store } = house(t)
  const authors: unknown[] = []
  store.onCommit(({ by }) => authors.push(by))
  const [anna, bert] = [{ name: "anna" }, { name: "bert" }]
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const work = async () => {
    put(store, "INBOX")
    await turn()
    put(store, "INBOX")
  }
  const both = [store.by(anna, work), store.by(bert, work)]
  put(store, "INBOX")
  await Promise.all(both)
  assert.deepEqual(authors, [anna, bert, null, anna, bert])
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

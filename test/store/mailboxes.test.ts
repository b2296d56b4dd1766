import assert from "node:assert/strict"
import { test } from "node:test"
import { openKeyed } from "../../daemon/store/cipher.ts"
import type { Store } from "../../daemon/store/store.ts"
import { closeSound, faulty, goneSince, house, id, put } from "./harness.ts"

/** Names as LIST shows them; a star behind those that only stand above others. */
function names(store: Store): string[] {
  return store.mailboxes.list().map(({ name, selectable }) => (selectable ? name : `${name}*`))
}

/** Without the six that every mailbox begins with. */
function added(store: Store): string[] {
  return names(store).filter((name) => !/^(INBOX|Archive|Drafts|Junk|Sent|Trash)$/.test(name))
}

test("a new store has INBOX and five special mailboxes, subscribed", (t) => {
  const { store } = house(t)
  assert.deepEqual(names(store), ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"])
  assert.deepEqual(
    store.mailboxes.list().map(({ specialUse }) => specialUse),
    [null, "\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"],
  )
  assert.equal(store.mailboxes.subscriptions().size, 6)
})

test("CREATE makes superior names, which are not selectable until they are created themselves", (t) => {
  const { store } = house(t)
  const deep = store.mailboxes.create("a/b/c/")
  assert.equal(deep.name, "a/b/c")
  assert.deepEqual(added(store), ["a*", "a/b*", "a/b/c"])
  store.mailboxes.create("a")
  assert.deepEqual(added(store), ["a", "a/b*", "a/b/c"])
  assert.throws(() => store.mailboxes.create("a"), faulty("mailbox-exists"))
  assert.throws(() => store.mailboxes.create("inbox"), faulty("mailbox-exists"))
  assert.throws(() => store.mailboxes.create("x//y"), faulty("bad-name"))
})

test("a name is found in any normalisation, and INBOX in any case", (t) => {
  const { store } = house(t)
  store.mailboxes.create("Größe")
  assert.equal(store.mailboxes.named("Gro\u0308ße").name, "Größe")
  assert.equal(store.mailboxes.named("inbox").name, "INBOX")
  assert.equal(store.mailboxes.find("größe"), undefined)
  assert.throws(() => store.mailboxes.named("nowhere"), faulty("no-such-mailbox"))
})

test("RENAME takes the names below along, and only those", (t) => {
  const { store } = house(t)
  for (const name of ["a", "a/b/c", "a0", "a.b", "ab"]) store.mailboxes.create(name)
  const before = store.mailboxes.named("a/b/c")
  store.mailboxes.rename("a", "x/y")
  assert.deepEqual(added(store), ["a.b", "a0", "ab", "x*", "x/y", "x/y/b*", "x/y/b/c"])
  assert.deepEqual(store.mailboxes.named("x/y/b/c"), { ...before, name: "x/y/b/c" })
})

const renames: [
  from: string,
  to: string,
  fault: "no-such-mailbox" | "mailbox-exists" | "bad-name" | "name-too-long",
][] = [
  ["nowhere", "b", "no-such-mailbox"],
  ["a", "Sent", "mailbox-exists"],
  ["a", "INBOX", "mailbox-exists"],
  ["a", "a", "mailbox-exists"],
  ["a", "a/b", "bad-name"],
  ["a", "b//c", "bad-name"],
  ["INBOX", "Sent", "mailbox-exists"],
  ["a", "y".repeat(999), "name-too-long"], // a/child would be too long
]
for (const [from, to, fault] of renames) {
  test(`RENAME ${from} ${to.slice(0, 10)}: ${fault}, nothing is changed`, (t) => {
    const { store } = house(t)
    store.mailboxes.create("a/child")
    store.mailboxes.create("a")
    const before = names(store)
    assert.throws(() => store.mailboxes.rename(from, to), faulty(fault))
    assert.deepEqual(names(store), before)
  })
}

test("RENAME INBOX moves its messages and leaves it empty, with what is below it in place", (t) => {
  const { store } = house(t)
  store.mailboxes.create("INBOX/lists")
  put(store, "INBOX", "one")
  put(store, "INBOX", "two", { flags: 1 })
  const inbox = store.mailboxes.named("INBOX")
  store.mailboxes.rename("INBOX", "old/mail")
  assert.deepEqual(added(store), ["INBOX/lists", "old*", "old/mail"])
  assert.equal(store.mailboxes.status(id(store, "old/mail")).messages, 2)
  const after = store.mailboxes.named("INBOX")
  assert.equal(after.uidValidity, inbox.uidValidity)
  assert.equal(after.uidNext, 3)
  assert.deepEqual(goneSince(store, inbox.id, inbox.highestModseq), [1, 2])
})

test("DELETE removes messages, and keeps the name while others are below it", (t) => {
  const { store } = house(t)
  store.mailboxes.create("a/b")
  store.mailboxes.create("a")
  put(store, "a", "one")
  const was = id(store, "a")
  store.mailboxes.delete("a")
  assert.deepEqual(added(store), ["a*", "a/b"])
  assert.equal(store.mailboxes.byId(was), undefined)
  assert.equal(store.usage().messages, 0)
  assert.throws(() => store.mailboxes.delete("a"), faulty("has-children"))
  store.mailboxes.delete("a/b")
  store.mailboxes.delete("a")
  assert.deepEqual(added(store), [])
  assert.throws(() => store.mailboxes.delete("a"), faulty("no-such-mailbox"))
  assert.throws(() => store.mailboxes.delete("inbox"), faulty("inbox-is-fixed"))
})

test("a large mailbox is gone at once, and its messages bit by bit", (t) => {
  const { store, reopen } = house(t)
  const large = () => {
    store.mailboxes.create("large")
    for (let n = 0; n < 200; n++) put(store, "large", `message ${n}`)
    return id(store, "large")
  }
  const was = large()
  store.mailboxes.delete("large")
  assert.deepEqual(
    [added(store), store.mailboxes.find("large"), store.mailboxes.find(`/${was}`)],
    [[], undefined, undefined],
  )
  assert.equal(store.mailboxes.byId(was)?.selectable, false)
  assert.equal(store.usage().messages, 200)
  assert.deepEqual(store.check(), [])
  assert.equal(store.mailboxes.clear(), true)
  assert.equal(store.usage().messages, 150)
  large()
  while (store.mailboxes.clear());
  assert.equal(store.usage().messages, 200, "those of the new one")
  store.mailboxes.delete("large")
  const again = reopen()
  assert.equal(again.usage().messages, 200, "nobody waits for it when the mailbox is opened")
  while (again.tidy());
  assert.equal(again.usage().messages, 0, "what a crash leaves goes after the next open")
  assert.deepEqual(again.check(), [])
})

test("UIDVALIDITY grows whenever a name comes to mean another mailbox", (t) => {
  const { store } = house(t)
  const seen: number[] = []
  const see = () => seen.push(store.mailboxes.named("a").uidValidity)
  store.mailboxes.create("b") // older than any "a" that follows
  store.mailboxes.create("a")
  see()
  store.mailboxes.delete("a")
  store.mailboxes.create("a")
  see()
  store.mailboxes.delete("a")
  store.mailboxes.rename("b", "a")
  see()
  store.mailboxes.create("a/child")
  store.mailboxes.delete("a")
  see() // not selectable now
  store.mailboxes.create("a")
  see()
  assert.deepEqual(
    seen,
    [...new Set(seen)].sort((x, y) => x - y),
  )
})

test("UIDVALIDITY and object id stay with a mailbox that is renamed away and back", (t) => {
  const { store } = house(t)
  const made = store.mailboxes.create("a")
  store.mailboxes.rename("a", "b")
  store.mailboxes.rename("b", "a")
  assert.deepEqual(store.mailboxes.named("a"), made)
})

test("CREATE and DELETE for ever leave a bounded number of names, and UIDVALIDITY of no name goes down", (t) => {
  const { store, path, key } = house(t)
  const old = store.mailboxes.create("older than all")
  const before = store.mailboxes.create("n0").uidValidity
  store.mailboxes.delete("n0")
  store.transaction(() => {
    for (let n = 1; n < 2300; n++) {
      store.mailboxes.create(`n${n}`)
      store.mailboxes.delete(`n${n}`)
    }
  })
  store.mailboxes.rename("older than all", "n0") // which is forgotten by now
  const renamed = store.mailboxes.named("n0")
  assert.ok(renamed.uidValidity > before)
  assert.notEqual(renamed.uidValidity, old.uidValidity)
  store.mailboxes.rename("n0", "never seen")
  assert.equal(store.mailboxes.named("never seen").uidValidity, renamed.uidValidity, "it is newer than all forgotten")
  closeSound(store)
  const db = openKeyed(path, key, "sqlcipher")
  assert.ok(Number(db.prepare("SELECT count(*) FROM past_name").pluck().get()) < 1020)
  db.close()
})

test("a name can be subscribed without a mailbox, and stays subscribed after DELETE", (t) => {
  const { store, reopen } = house(t)
  store.mailboxes.subscribe("later/", true)
  store.mailboxes.subscribe("later", true)
  store.mailboxes.delete("Trash")
  const again = reopen()
  assert.ok(again.mailboxes.subscriptions().has("later"))
  assert.ok(again.mailboxes.subscriptions().has("Trash"))
  again.mailboxes.subscribe("later", false)
  again.mailboxes.subscribe("never", false)
  assert.ok(!again.mailboxes.subscriptions().has("later"))
})

test("STATUS answers from counters", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  put(store, "INBOX", "one", { flags: 1 })
  put(store, "INBOX", "two", { flags: 8 })
  put(store, "INBOX", "three")
  const { uidValidity, size, ...rest } = store.mailboxes.status(inbox)
  assert.deepEqual(rest, { messages: 3, recent: 3, uidNext: 4, unseen: 2, deleted: 1, highestModseq: 4 })
  assert.equal(size, store.usage().bytes)
  assert.ok(uidValidity > 0)
  assert.equal(store.messages.firstUnseen(inbox), 2)
  assert.equal(store.messages.firstUnseen(id(store, "Sent")), null)
  assert.throws(() => store.mailboxes.status(999), faulty("no-such-mailbox"))
})

test("a message is recent for the one session that claims it", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  put(store, "INBOX")
  assert.equal(store.mailboxes.recentFrom(inbox, false), 1)
  assert.equal(store.mailboxes.recentFrom(inbox, true), 1)
  assert.equal(store.mailboxes.recentFrom(inbox, true), 2)
  assert.equal(store.mailboxes.status(inbox).recent, 0)
  put(store, "INBOX")
  assert.equal(store.mailboxes.status(inbox).recent, 1)
})

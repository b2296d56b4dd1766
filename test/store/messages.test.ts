import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { openKeyed } from "../../daemon/store/cipher.ts"
import type { FlagChange, Store } from "../../daemon/store/store.ts"
import { closeSound, faulty, goneSince, house, id, plainly, put } from "./harness.ts"
import { mail } from "./mail.ts"

const seen = 1
const flagged = 4
const deleted = 8

function change(operation: FlagChange["operation"], flags: number, keywords: string[] = []): FlagChange {
  return { operation, flags, keywords, unchangedSince: null }
}

function flagsOf(
  store: Store,
  name: string,
): [uid: number, flags: number, keywords: readonly string[], modseq: number][] {
  const rows = store.messages.rows(id(store, name), [[1, 2 ** 32 - 1]])
  return [...rows].map(({ uid, flags, keywords, modseq }) => [uid, flags, keywords, modseq])
}

const stores: [given: string, asked: FlagChange, flags: number, keywords: string[], changes: boolean][] = [
  ["adds", change("add", flagged), seen | flagged, ["$A", "b"], true],
  ["removes", change("remove", seen | flagged), 0, ["$A", "b"], true],
  ["replaces all", change("replace", deleted), deleted, [], true],
  ["adds keywords, sorted", change("add", 0, ["a1", "Z"]), seen, ["$A", "Z", "a1", "b"], true],
  ["knows a keyword in any case", change("add", 0, ["B"]), seen, ["$A", "b"], false],
  ["removes a keyword in any case", change("remove", 0, ["$a"]), seen, ["b"], true],
  ["removes what is not there", change("remove", flagged, ["never"]), seen, ["$A", "b"], false],
  ["replaces with the same", change("replace", seen, ["b", "$a", "B"]), seen, ["$A", "b"], false],
]
for (const [given, asked, flags, keywords, changes] of stores) {
  test(`STORE ${given}`, (t) => {
    const { store } = house(t)
    const inbox = id(store, "INBOX")
    const uid = put(store, "INBOX", "one", { flags: seen, keywords: ["b", "$A"] })
    const before = store.mailboxes.status(inbox).highestModseq
    const result = store.messages.storeFlags(inbox, [uid], asked)
    const modseq = changes ? before + 1 : before
    assert.deepEqual(flagsOf(store, "INBOX"), [[uid, flags, keywords, modseq]])
    assert.deepEqual(changes ? result.changed : result.unchanged, store.messages.marks(inbox, [[uid, uid]]))
    assert.equal(store.mailboxes.status(inbox).highestModseq, modseq)
  })
}

test("STORE gives one new mod-sequence to all that change and skips UIDs that do not exist", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  for (const name of ["one", "two", "three"]) put(store, "INBOX", name)
  store.messages.storeFlags(inbox, [3, 1, 77], change("add", seen))
  assert.deepEqual(flagsOf(store, "INBOX"), [
    [1, seen, [], 5],
    [2, 0, [], 3],
    [3, seen, [], 5],
  ])
  assert.deepEqual(
    [...store.messages.changedSince(inbox, 4)].map(({ uid }) => uid),
    [1, 3],
  )
})

test("UNCHANGEDSINCE leaves alone what changed later (RFC 7162 §3.1.3)", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  for (const name of ["one", "two"]) put(store, "INBOX", name)
  const result = store.messages.storeFlags(inbox, [1, 2], { ...change("add", seen), unchangedSince: 2 })
  assert.deepEqual(
    result.changed.map(({ uid }) => uid),
    [1],
  )
  assert.deepEqual(
    result.conflicted.map(({ uid }) => uid),
    [2],
  )
})

test("keywords have the first spelling of each mailbox, and a limit", (t) => {
  const { store } = house(t)
  put(store, "INBOX", "one", { keywords: ["Work"] })
  put(store, "Sent", "two", { keywords: ["WORK"] })
  store.messages.copy(id(store, "INBOX"), [1], id(store, "Sent"))
  assert.deepEqual(
    flagsOf(store, "Sent").map(([, , keywords]) => keywords),
    [["WORK"], ["WORK"]],
  )
  assert.deepEqual(store.mailboxes.keywords(id(store, "Sent")), ["WORK"])
  const many = Array.from({ length: 101 }, (_, index) => `k${index}`)
  const before = store.mailboxes.keywords(id(store, "INBOX"))
  assert.throws(
    () => store.messages.storeFlags(id(store, "INBOX"), [1], change("add", 0, many)),
    faulty("too-many-keywords"),
  )
  assert.deepEqual(store.mailboxes.keywords(id(store, "INBOX")), before)
})

test("EXPUNGE removes what has \\Deleted, logs it, and never gives a UID again", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  for (const name of ["one", "two", "three", "four"]) put(store, "INBOX", name)
  store.messages.storeFlags(inbox, [1, 2, 4], change("add", deleted))
  const before = store.mailboxes.status(inbox).highestModseq
  assert.deepEqual(store.messages.expunge(inbox, [4, 3, 99]), [4])
  assert.deepEqual(store.messages.expunge(inbox, null), [1, 2])
  assert.deepEqual(store.messages.expunge(inbox, null), [])
  assert.equal(store.mailboxes.status(inbox).highestModseq, before + 2)
  assert.deepEqual(goneSince(store, inbox, before), [1, 2, 4])
  assert.deepEqual(goneSince(store, inbox, before + 1), [1, 2])
  assert.equal(put(store, "INBOX", "five"), 5)
})

test("COPY keeps flags, keywords and internal date, and shares the content", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  const given = { flags: flagged, keywords: ["k"], internalDate: 1234, internalZone: -90 }
  put(store, "INBOX", "one", given)
  put(store, "INBOX", "two")
  const copied = store.messages.copy(inbox, [2, 1, 1, 50], id(store, "Archive"))
  assert.deepEqual(copied, { source: [1, 2], target: [1, 2] })
  const [original, copy] = [store.messages.one(inbox, 1), store.messages.one(id(store, "Archive"), 1)]
  assert.ok(original && copy)
  assert.deepEqual({ ...copy, modseq: 0, savedAt: 0 }, { ...original, modseq: 0, savedAt: 0 })
  assert.deepEqual(store.messages.copy(inbox, [1], inbox), { source: [1], target: [3] })
  store.messages.storeFlags(inbox, [1, 3], change("add", deleted))
  store.messages.expunge(inbox, null)
  assert.ok(store.contents.envelope(copy.content).length > 0, "the last copy keeps the content")
  store.mailboxes.delete("Archive")
  while (store.contents.clear());
  assert.throws(() => store.contents.envelope(copy.content), faulty("no-such-message"))
})

test("MOVE is a copy and an expunge in one", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  for (const name of ["one", "two", "three"]) put(store, "INBOX", name)
  const before = store.mailboxes.status(inbox).highestModseq
  assert.deepEqual(store.messages.move(inbox, [3, 1], id(store, "Trash")), { source: [1, 3], target: [1, 2] })
  assert.deepEqual(store.messages.uids(inbox), [2])
  assert.deepEqual(goneSince(store, inbox, before), [1, 3])
  assert.deepEqual(store.messages.move(inbox, [2], inbox), { source: [2], target: [4] })
})

test("nothing goes into a name without a mailbox, or into none", (t) => {
  const { store } = house(t)
  store.mailboxes.create("a/b")
  put(store, "INBOX")
  for (const operation of ["copy", "move"] as const) {
    assert.throws(() => store.messages[operation](id(store, "INBOX"), [1], id(store, "a")), faulty("not-selectable"))
    assert.throws(() => store.messages[operation](id(store, "INBOX"), [1], 999), faulty("no-such-mailbox"))
  }
  assert.deepEqual(store.messages.uids(id(store, "INBOX")), [1])
  assert.throws(() => store.messages.add(id(store, "INBOX"), 999, plainly), faulty("no-such-message"))
})

test("a delivery id adds a message once", (t) => {
  const { store, reopen } = house(t)
  put(store, "INBOX", "one", { deliveryId: "01H" })
  assert.ok(store.messages.delivered("01H"))
  const again = reopen()
  const { bytes, meta } = mail("one")
  const content = again.contents.insert(bytes, meta)
  assert.equal(again.messages.add(id(again, "INBOX"), content, { ...plainly, deliveryId: "01H" }), null)
  assert.equal(again.usage().messages, 1)
  assert.deepEqual(again.messages.deliveries(), ["01H"])
  again.messages.forgetDeliveries(["01H", "unknown"])
  assert.ok(!again.messages.delivered("01H"))
})

test("copies count against the quota, a move does not", (t) => {
  const { store } = house(t, { quotaMessages: 2, quotaBytes: 10_000 })
  put(store, "INBOX", mail("one", "x".repeat(4000)))
  store.messages.copy(id(store, "INBOX"), [1], id(store, "Sent"))
  assert.throws(() => put(store, "INBOX", "three"), faulty("over-quota"))
  assert.throws(() => store.messages.copy(id(store, "INBOX"), [1], id(store, "Sent")), faulty("over-quota"))
  store.messages.move(id(store, "INBOX"), [1], id(store, "Trash"))
  assert.equal(store.usage().messages, 2)
  const roomier = house(t, { quotaBytes: 5000 })
  assert.throws(() => put(roomier.store, "INBOX", mail("big", "x".repeat(5000))), faulty("over-quota"))
})

test("what the spool brings got its 250 before: no quota refuses it, and it counts", (t) => {
  const { store } = house(t, { quotaMessages: 1, quotaBytes: 2000 })
  const { bytes, meta } = mail("promised", "x".repeat(5000))
  const inbox = id(store, "INBOX")
  const whole = store.contents.insert(bytes, meta, "spool")
  assert.ok(store.messages.add(inbox, whole, { ...plainly, deliveryId: "01H" }))
  const writer = store.contents.begin("spool")
  writer.push(bytes)
  assert.ok(store.messages.add(inbox, writer.finish(meta), { ...plainly, deliveryId: "01J" }))
  assert.equal(store.usage().messages, 2)
  assert.throws(() => store.contents.insert(bytes, meta), faulty("over-quota"))
  assert.throws(() => put(store, "INBOX", "a"), faulty("over-quota"))
})

test("rows are read in pages: a write between two rows is allowed, ranges are kept", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  store.transaction(() => {
    const { bytes, meta } = mail("many")
    const content = store.contents.insert(bytes, meta)
    for (let index = 0; index < 1203; index++) store.messages.add(inbox, content, plainly)
  })
  const uids: number[] = []
  for (const { uid } of store.messages.rows(inbox, [
    [1, 1],
    [3, 1100],
    [1200, 2 ** 32 - 1],
  ])) {
    if (uid === 3) store.messages.storeFlags(inbox, [1100], change("add", seen))
    uids.push(uid)
  }
  const expected = [1, ...Array.from({ length: 1098 }, (_, index) => index + 3), 1200, 1201, 1202, 1203]
  assert.deepEqual(uids, expected)
  const changed = [...store.messages.changedSince(inbox, 1201)].map(({ uid }) => uid)
  assert.deepEqual(changed, [1100, 1201, 1202, 1203])
})

test("rows are read of any ranges, with all that changes about them", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  const { bytes, meta } = mail("many")
  store.transaction(() => {
    const content = store.contents.insert(bytes, meta)
    for (let uid = 1; uid <= 1600; uid++) store.messages.add(inbox, content, { ...plainly, flags: uid % 3 })
  })
  const everyFifth = Array.from({ length: 320 }, (_, at) => (at + 1) * 5)
  store.messages.takeBack(inbox, everyFifth)
  const step = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.oneof(fc.constant(0), fc.nat(700)))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 900 }), (pairs) => {
      let next = 1
      const ranges = pairs.map(([gap, more]): [number, number] => {
        const from = next + (more === 0 ? 1 : gap)
        next = from + more
        return [from, next]
      })
      const wanted = Array.from({ length: 1600 }, (_, at) => at + 1).filter(
        (uid) => uid % 5 !== 0 && ranges.some(([from, to]) => uid >= from && uid <= to),
      )
      assert.deepEqual(
        [...store.messages.rows(inbox, ranges)].map(({ uid, flags }) => [uid, flags]),
        wanted.map((uid) => [uid, uid % 3]),
      )
    }),
    { numRuns: 60 },
  )
})

test("a mailbox that has given its last UID takes no more messages (RFC 3501 §9, uniqueid)", (t) => {
  const made = house(t)
  put(made.store, "INBOX", "one")
  const inbox = id(made.store, "INBOX")
  closeSound(made.store)
  const highest = 2 ** 32 - 2
  const db = openKeyed(made.path, made.key, "sqlcipher")
  db.prepare("UPDATE mailbox SET uid_next = ? WHERE id = ?").run(highest, inbox)
  db.prepare("INSERT INTO expunged VALUES (?, 1, 2, ?)").run(inbox, highest - 1)
  db.close()
  const store = made.reopen()
  assert.deepEqual(store.messages.copy(inbox, [1], inbox).target, [highest])
  assert.throws(() => store.messages.copy(inbox, [1], inbox), faulty("no-more-uids"))
  assert.throws(() => put(store, "INBOX", "two"), faulty("no-more-uids"))
  assert.deepEqual(store.messages.uids(inbox), [1, highest])
  assert.equal(store.mailboxes.status(inbox).uidNext, highest + 1)
})

test("messages with a common ancestor share a thread, which never changes", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  const threaded = (name: string, references: string[]) => mail(name, "", { messageId: `<${name}>`, references })
  put(store, "INBOX", threaded("root", []))
  put(store, "INBOX", threaded("reply", ["<root>"]))
  put(store, "INBOX", threaded("other", []))
  put(store, "INBOX", threaded("cousin", ["<lost>", "<root>", "<missing>"]))
  put(store, "INBOX", threaded("late", ["<missing>"]))
  const threads = [...store.messages.rows(inbox, [[1, 9]])].map(({ thread }) => store.objectIds.thread(thread))
  const [first, , third] = threads
  assert.deepEqual(threads, [first, first, third, first, first])
  assert.notEqual(first, third)
  assert.match(String(first), /^[A-Za-z0-9_-]{1,255}$/) // RFC 8474 §7
})

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { Store } from "../../daemon/store/store.ts"
import { goneSince, type House, house, id, put } from "./harness.ts"
import { mail } from "./mail.ts"
import { Model, type ModelChange } from "./model.ts"

/** One thing that happens to the store and to the model alike. */
type Step = { what: string; act(house: House, model: Model): void }

const names = ["INBOX", "a", "b"]
const name = fc.constantFrom(...names)
const uids = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 })
const keywords = fc.subarray(["$K", "junk", "x"])
const flags = fc.integer({ min: 0, max: 31 })

function step<T>(
  what: string,
  given: fc.Arbitrary<T>,
  act: (house: House, model: Model, value: T) => void,
): fc.Arbitrary<Step> {
  return given.map((value) => ({
    what: `${what} ${JSON.stringify(value)}`,
    act: (opened, model) => act(opened, model, value),
    toString: () => `${what} ${JSON.stringify(value)}`,
  }))
}

let serial = 0
const steps = fc.oneof(
  step("add", fc.record({ name, flags, keywords }), ({ store }, model, given) => {
    const subject = `message-${serial++}`
    const uid = put(store, given.name, mail(subject), { flags: given.flags, keywords: given.keywords })
    assert.equal(model.add(given.name, { ...given, keywords: [...given.keywords].sort(), subject }), uid)
  }),
  step(
    "store",
    fc.record({
      name,
      uids,
      change: fc.record<ModelChange>({
        operation: fc.constantFrom("replace", "add", "remove"),
        flags,
        keywords,
        unchangedSince: fc.option(fc.integer({ min: 1, max: 20 })),
      }),
    }),
    ({ store }, model, given) => {
      store.messages.storeFlags(id(store, given.name), given.uids, given.change)
      model.store(given.name, given.uids, given.change)
    },
  ),
  step("expunge", fc.record({ name, only: fc.option(uids) }), ({ store }, model, given) => {
    store.messages.expunge(id(store, given.name), given.only)
    model.expunge(given.name, given.only)
  }),
  step("copy", fc.record({ from: name, to: name, uids }), ({ store }, model, { from, to, uids: chosen }) => {
    assert.deepEqual(store.messages.copy(id(store, from), chosen, id(store, to)).source, model.copy(from, chosen, to))
  }),
  step("move", fc.record({ from: name, to: name, uids }), ({ store }, model, { from, to, uids: chosen }) => {
    const { source } = store.messages.move(id(store, from), chosen, id(store, to))
    assert.deepEqual(source, model.copy(from, chosen, to))
    model.remove(from, source)
  }),
  step("delete and create again", fc.constantFrom("a", "b"), ({ store }, model, which) => {
    store.mailboxes.delete(which)
    store.mailboxes.create(which)
    model.create(which)
  }),
  step("swap a and b", fc.constant(null), ({ store }, model) => {
    const [a, b] = [model.at("a"), model.at("b")]
    for (const [from, to] of [
      ["a", "c"],
      ["b", "a"],
      ["c", "b"],
    ] as const)
      store.mailboxes.rename(from, to)
    model.mailboxes.set("a", b).set("b", a)
  }),
  step("undo", name, ({ store }, _model, which) => {
    const undone = () =>
      store.transaction(() => {
        put(store, which, "undone", { keywords: ["never"] })
        store.messages.move(id(store, which), store.messages.uids(id(store, which)), id(store, "Trash"))
        throw new Error("undone")
      })
    assert.throws(undone, /undone/)
  }),
  step("reopen", fc.constant(null), (opened) => {
    opened.reopen()
  }),
)

/** Everything a client could ask, against the model. */
function compare(store: Store, model: Model): void {
  for (const [name_, mailbox] of model.mailboxes) {
    const box = id(store, name_)
    const { messages, unseen, deleted, uidNext, highestModseq } = store.mailboxes.status(box)
    const all = [...mailbox.messages.values()]
    assert.deepEqual(
      { messages, unseen, deleted, uidNext, highestModseq },
      {
        messages: all.length,
        unseen: all.filter((message) => (message.flags & 1) === 0).length,
        deleted: all.filter((message) => (message.flags & 8) !== 0).length,
        uidNext: mailbox.uidNext,
        highestModseq: mailbox.modseq,
      },
    )
    const rows = [...store.messages.rows(box, [[1, 1000]])].map(
      ({ uid, flags: bits, keywords: words, modseq, content }) => {
        return [uid, { flags: bits, keywords: words, modseq, subject: store.contents.summary(content).subject }]
      },
    )
    assert.deepEqual(
      rows,
      [...mailbox.messages].map(([uid, { flags: bits, keywords: words, modseq, subject }]) => [
        uid,
        { flags: bits, keywords: words, modseq, subject },
      ]),
    )
    const since = Math.max(mailbox.start, mailbox.modseq - 3)
    assert.deepEqual(
      goneSince(store, box, since),
      mailbox.gone
        .filter(({ modseq }) => modseq > since)
        .map(({ uid }) => uid)
        .sort((a, b) => a - b),
    )
    assert.deepEqual(
      [...store.messages.changedSince(box, since)].map(({ uid }) => uid),
      [...mailbox.messages].filter(([, { modseq }]) => modseq > since).map(([uid]) => uid),
    )
  }
}

test("random operations do to the store what they do to a simple model", (t) => {
  const opened = house(t)
  for (const one of ["a", "b"]) opened.store.mailboxes.create(one)
  fc.assert(
    fc.property(fc.array(steps, { minLength: 5, maxLength: 40 }), (sequence) => {
      const model = new Model()
      emptied(opened.store, model)
      for (const { act } of sequence) {
        act(opened, model)
        compare(opened.store, model)
      }
      assert.deepEqual(opened.store.check(), [])
    }),
    { numRuns: 25 },
  )
})

/** Every run begins with new mailboxes; INBOX cannot be deleted, so its counters go on. */
function emptied(store: Store, model: Model): void {
  for (const one of ["a", "b"]) {
    store.mailboxes.delete(one)
    store.mailboxes.create(one)
    model.create(one)
  }
  const inbox = id(store, "INBOX")
  store.mailboxes.rename("INBOX", "away")
  store.mailboxes.delete("away")
  const { uidNext, highestModseq } = store.mailboxes.status(inbox)
  model.mailboxes.set("INBOX", { messages: new Map(), uidNext, modseq: highestModseq, start: highestModseq, gone: [] })
}

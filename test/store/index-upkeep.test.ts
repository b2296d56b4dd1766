import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { type TestContext, test } from "node:test"
import fc from "fast-check"
import { openKeyed } from "../../daemon/store/cipher.ts"
import { openStore } from "../../daemon/store/open.ts"
import { closeSound, type House, house, id, options, put } from "./harness.ts"
import { mail } from "./mail.ts"

/** Words that tell message n from the others. */
function words(n: number): string {
  return `number${n}number ${"filler ".repeat(n % 50)}`
}

function filled(t: TestContext, count: number): House {
  const made = house(t)
  for (let n = 1; n <= count; n++) put(made.store, "INBOX", mail(`m${n}`, "", { bodyText: words(n) }))
  return made
}

/** All contents, up to the one numbered `highest`, that the index says may hold the words of message n. */
function candidates({ store }: House, n: number, highest: number): number[] {
  const found = store.contents.words.mayContain(`number${n}number`)
  return Array.from({ length: highest }, (_, index) => index + 1).filter((content) => found?.has(content))
}

function expunge({ store }: House, uids: number[]): void {
  const inbox = id(store, "INBOX")
  store.messages.storeFlags(inbox, uids, { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  assert.equal(store.messages.expunge(inbox, uids).length, uids.length)
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

test("segments of many transactions are merged, and the index says the same", (t) => {
  const made = filled(t, 20)
  const before = candidates(made, 17, 20)
  assert.ok(before.includes(17))
  assert.equal(made.store.contents.words.merge(), true)
  while (made.store.tidy());
  assert.deepEqual(candidates(made, 17, 20), before)
  assert.equal(made.store.tidy(), false)
})

test("when most of it is gone, the index is made anew in slices; what comes and goes meanwhile is in it and is not", (t) => {
  const made = filled(t, 150)
  const { store } = made
  while (store.tidy());
  expunge(made, range(1, 100))
  let gone = 100
  let highest = 150
  let slices = 0
  while (store.tidy()) {
    slices++
    const come = put(store, "INBOX", mail(`m${highest + 1}`, "", { bodyText: words(highest + 1) }))
    highest++
    assert.ok(candidates(made, come, highest).includes(come), "found in every state")
    if (slices % 4 === 0 && gone < 130) expunge(made, [++gone])
    assert.ok(candidates(made, gone + 1, highest).includes(gone + 1), "found in every state")
    assert.deepEqual(store.check(), [])
    if (slices > 60) break
  }
  while (store.tidy());
  assert.ok(candidates(made, highest, highest).includes(highest))
  assert.deepEqual(candidates(made, 50, 100), [], "nothing is known of what is gone")
})

test("making it anew goes on after the mailbox was closed, at any point", (t) => {
  const made = filled(t, 200)
  while (made.store.tidy());
  expunge(made, range(1, 120))
  for (let opened = 0; opened < 8; opened++) {
    for (let slice = 0; slice < opened; slice++) made.store.tidy()
    made.reopen()
    assert.ok(candidates(made, 190, 200).includes(190))
  }
  while (made.store.tidy());
  assert.ok(candidates(made, 190, 200).includes(190))
  assert.equal(made.store.tidy(), false)
})

test("an emptied mailbox gives its space back to the disk", (t) => {
  const made = house(t)
  const empty = statSync(made.path).size
  for (let n = 1; n <= 60; n++)
    put(made.store, "INBOX", mail(`m${n}`, "", { bodyText: Array.from({ length: 5000 }, (_, at) => at * n).join(" ") }))
  while (made.store.tidy());
  expunge(made, range(1, 60))
  while (made.store.tidy());
  made.reopen()
  assert.ok(statSync(made.path).size < empty + 100_000, `${statSync(made.path).size} and ${empty}`)
})

test("a long text takes no place in the index, and is always a candidate, also when that is made anew", (t) => {
  const made = filled(t, 60)
  put(made.store, "INBOX", mail("long", "", { bodyText: "words ".repeat(40_000) }))
  expunge(made, range(1, 60))
  while (made.store.tidy());
  assert.equal(made.store.contents.words.mayContain("absent")?.has(61), true)
})

test("whatever comes, goes and is kept in order in between, what is there is found", (t) => {
  const made = house(t)
  const { store } = made
  const there = new Set<number>()
  let highest = 0
  const step = fc.oneof(
    fc.record({ what: fc.constant("come" as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ what: fc.constant("go" as const), count: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ what: fc.constant("tidy" as const), count: fc.integer({ min: 1, max: 6 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      for (const { what, count } of steps) {
        if (what === "come")
          for (let n = 0; n < count; n++) {
            put(store, "INBOX", mail(`m${++highest}`, "", { bodyText: words(highest) }))
            there.add(highest)
          }
        if (what === "go" && there.size > 0) {
          const leaving = [...there].slice(0, count)
          expunge(made, leaving)
          for (const n of leaving) there.delete(n)
        }
        if (what === "tidy") for (let n = 0; n < count; n++) store.tidy()
      }
      for (const n of [...there].slice(-3)) assert.ok(candidates(made, n, highest).includes(n), String(n))
    }),
    { numRuns: 25 },
  )
})

test("where nothing is kept in order, those who write merge some themselves: FTS5 takes 2,000 segments and no more", (t) => {
  const made = filled(t, 300)
  closeSound(made.store)
  const db = openKeyed(made.path, made.key, "sqlcipher")
  const segments = Number(db.prepare("SELECT count(DISTINCT segid) FROM trigram_idx").pluck().get())
  db.close()
  assert.ok(segments < 64, `${segments} segments`)
})

test("a damaged text does not keep the index from being made anew", (t) => {
  const made = filled(t, 60)
  put(made.store, "INBOX", mail("damaged", "", { bodyText: "some words" }))
  closeSound(made.store)
  const db = openKeyed(made.path, made.key, "sqlcipher")
  db.exec("UPDATE words SET header_packing = 1, header_text = x'00' WHERE content = 61")
  db.close()
  made.store = openStore(made.path, made.key, options)
  expunge(made, range(1, 55))
  while (made.store.tidy());
  assert.equal(made.store.contents.words.mayContain("absent")?.has(61), true, "every search looks at it")
  assert.ok(candidates(made, 57, 60).includes(57))
})

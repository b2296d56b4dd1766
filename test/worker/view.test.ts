import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { Refused } from "../../daemon/worker/refusal.ts"
import { countOf, intersection, isWithin, merged, type Range, View } from "../../daemon/worker/view.ts"
import { house, put } from "../store/harness.ts"

const all = Number.POSITIVE_INFINITY

function viewOf(uids: number[]): View {
  const uidNext = (uids.at(-1) ?? 0) + 1
  return new View({
    mailbox: 1,
    readOnly: false,
    uids,
    uidNext,
    toldChanges: 1,
    toldExpunges: 1,
    recent: [[5, 8]],
    keywords: 0,
  })
}

const view = viewOf([2, 3, 5, 8, 13])
const set = (...ranges: Range[]) => ({ kind: "ranges" as const, ranges })

const resolved: [why: string, ranges: Range[], uid: boolean, indexes: Range[]][] = [
  ["one number", [[1, 1]], false, [[0, 0]]],
  ["everything", [[1, all]], false, [[0, 4]]],
  ["the last one", [[all, all]], false, [[4, 4]]],
  ["backwards", [[4, 2]], false, [[1, 3]]],
  [
    "overlapping, unsorted",
    [
      [4, 5],
      [1, 2],
      [2, 3],
    ],
    false,
    [[0, 4]],
  ],
  ["UIDs with gaps", [[3, 8]], true, [[1, 3]]],
  ["UIDs that do not exist", [[6, 7]], true, []],
  ["from beyond the end: the last message", [[99, all]], true, [[4, 4]]],
  ["beyond the end without a star: nothing", [[99, 100]], true, []],
]
for (const [why, ranges, uid, indexes] of resolved) {
  test(`a set of ${uid ? "UIDs" : "numbers"}: ${why}`, () =>
    assert.deepEqual(view.resolve(set(...ranges), uid), indexes))
}

const wrong: [why: string, view: View, ranges: Range[]][] = [
  ["above the last", view, [[6, 6]]],
  ["a range that ends above the last", view, [[1, 6]]],
  ["a star in an empty mailbox", viewOf([]), [[all, all]]],
]
for (const [why, each, ranges] of wrong) {
  test(`refused: ${why}`, () => assert.throws(() => each.resolve(set(...ranges), false), Refused))
}

const growing = () => {
  let size = 1
  return () => size++
}

const batchings: [what: string, size: () => number | (() => number), order: "up" | "down", most: number][] = [
  ["of one size, upwards", () => 64, "up", 64],
  ["of one size, downwards", () => 64, "down", 64],
  ["of growing size, upwards", growing, "up", 39],
  ["of growing size, downwards", growing, "down", 39],
]
for (const [what, size, order, most] of batchings) {
  test(`batches ${what} name every message once, in order`, () => {
    const big = viewOf(Array.from({ length: 1000 }, (_, index) => index * 3 + 1))
    const ranges: Range[] = [
      [0, 99],
      [200, 200],
      [300, 999],
    ]
    assert.equal(countOf(ranges), 801)
    const wanted = big.uidsIn(ranges)
    const batches: number[][] = []
    for (const batch of big.batches(ranges, size(), order)) {
      batches.push(viewOf(wanted).uidsBetween(batch))
      // What is told as expunged meanwhile is not what the others are counted by.
      big.state.uids = big.state.uids.slice(1)
    }
    assert.equal(Math.max(...batches.map(({ length }) => length)), most)
    const sorted = order === "up" ? batches : batches.toReversed()
    assert.deepEqual(sorted.flat(), wanted)
  })
}

test("what is \\Recent stays few ranges, however many times messages come (RFC 3501 §2.3.2)", (t) => {
  const { store } = house(t)
  const inbox = store.mailboxes.named("INBOX")
  const open = View.open(store, inbox, false)
  for (const letter of ["a", "b", "c"]) {
    open.notice({ what: "added", mailbox: inbox.id, uids: [put(store, "INBOX", letter)] }, false)
    assert.equal(open.update(store, { expunges: "all", news: "all" }).exists, open.recentCount)
  }
  assert.deepEqual(open.state.recent, [[1, 3]])
})

test("parts of a batch name the same messages, in order, and lie near together", () => {
  const uid = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1_000_000, max: 1_000_100 }))
  const indexes = fc.array(fc.tuple(fc.nat(59), fc.nat(9)), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(fc.uniqueArray(uid, { minLength: 1, maxLength: 60 }), indexes, (uids, pairs) => {
      const mailbox = viewOf(uids.sort((a, b) => a - b))
      const last = uids.length - 1
      const ranges = merged(pairs.map(([from, more]) => [Math.min(from, last), Math.min(from + more, last)]))
      for (const batch of mailbox.batches(ranges, 20)) {
        const parts = [...mailbox.near(batch, 50)]
        assert.deepEqual(mailbox.uidsBetween(parts.flat()), mailbox.uidsBetween(batch))
        for (const part of parts) {
          assert.ok((part.at(-1)?.[1] ?? 0) - (part[0]?.[0] ?? 0) < 50)
          assert.ok(mailbox.uidsBetween(part).length > 0)
        }
      }
    }),
  )
})

test("ranges that touch become one", () => {
  assert.deepEqual(
    merged([
      [5, 6],
      [1, 2],
      [3, 3],
    ]),
    [
      [1, 3],
      [5, 6],
    ],
  )
})

test("what two lists of ranges have in common", () => {
  const ranges = fc
    .array(fc.tuple(fc.nat(20), fc.nat(4)), { maxLength: 6 })
    .map((pairs) => merged(pairs.map(([from, more]): Range => [from, from + more])))
  const members = (all: Range[]) => all.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, at) => a + at))
  fc.assert(
    fc.property(ranges, ranges, (a, b) => {
      const both = new Set(members(b))
      assert.deepEqual(
        members(intersection(a, b)),
        members(a).filter((each) => both.has(each)),
      )
    }),
  )
})

test("\\Recent is counted by the UIDs that are there", () => {
  assert.equal(view.recentCount, 2)
  assert.ok(view.isRecent(8))
  assert.ok(!view.isRecent(13))
})

test("after a change of flags by the client itself there is nothing to read, unless something else happened", () => {
  const flags = { what: "flags", mailbox: 1, seen: false } as const
  const own = viewOf([1, 2])
  own.notice(flags, true)
  assert.equal(own.dirty, true, "it may have been told, or not")
  own.told(own.state.toldChanges + 1)
  assert.deepEqual([own.dirty, own.state.toldChanges], [false, 2])

  const before = viewOf([1, 2])
  before.notice(flags, false)
  before.notice(flags, true)
  before.told(3)
  assert.deepEqual([before.dirty, before.state.toldChanges], [true, 1])

  const gone = viewOf([1, 2])
  gone.notice({ what: "deleted", mailbox: 1, name: "x" }, false) // takes no mod-sequence
  gone.notice(flags, true)
  gone.told(2)
  assert.equal(gone.dirty, true)
})

test("the state is plain data", () => {
  assert.deepEqual(new View(JSON.parse(JSON.stringify(view.state))).state, view.state)
})

test("a number is within ranges when one of them has it", () => {
  const range = fc.tuple(fc.nat(50), fc.nat(5)).map(([from, more]): Range => [from, from + more])
  fc.assert(
    fc.property(fc.array(range), fc.nat(60), (ranges, number) => {
      assert.equal(
        isWithin(merged(ranges), number),
        ranges.some(([from, to]) => from <= number && number <= to),
      )
    }),
  )
})

test("a range of messages is one range of UIDs; what $ stands for is worked out once", () => {
  const own = viewOf([2, 3, 5, 8, 13])
  assert.deepEqual(own.uidRanges(own.resolveWithin(set([1, all]), false)), [[2, 13]])
  own.saved = [2, 3, 13]
  const saved = own.resolve({ kind: "saved" }, true)
  assert.deepEqual(own.uidRanges(saved), [
    [2, 3],
    [13, 13],
  ])
  assert.equal(own.resolve({ kind: "saved" }, true), saved)
  own.saved = [8]
  assert.deepEqual(own.uidRanges(own.resolve({ kind: "saved" }, true)), [[8, 8]])
})

test("of ranges of UIDs, those that the client does not count", () => {
  const uid = fc.integer({ min: 1, max: 40 })
  const chosen = fc.uniqueArray(uid, { maxLength: 15 }).map((uids) => uids.sort((a, b) => a - b))
  const ranges = fc
    .array(fc.tuple(uid, uid))
    .map((ends) => merged(ends.map(([a, b]) => [Math.min(a, b), Math.max(a, b)])))
  fc.assert(
    fc.property(chosen, ranges, (uids, asked) => {
      const each = Array.from({ length: 40 }, (_, at) => at + 1)
      const unknown = viewOf(uids).unknownOf(asked)
      assert.deepEqual(
        each.filter((one) => isWithin(unknown, one)),
        each.filter((one) => isWithin(asked, one) && !uids.includes(one)),
      )
    }),
  )
  assert.deepEqual(view.unknownOf([[1, 4_000_000_000]]), [
    [1, 1],
    [4, 4],
    [6, 7],
    [9, 12],
    [14, 4_000_000_000],
  ])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { batchesOf } from "../../daemon/worker/commands/uid-batches.ts"

/** RFC 10022 §3.1 */
const cases: [what: string, uids: number[], size: number, wanted: [number, number] | null, batches: string][] = [
  ["an empty mailbox", [], 2, null, ""],
  ["fewer than one batch", [5, 9], 3, null, "9:1"],
  ["exactly one", [5, 9], 2, null, "9:1"],
  ["two, without a gap between them", [2, 5, 9, 20], 2, null, "20:6,5:1"],
  ["the last one is smaller", [2, 5, 9, 20, 21], 2, null, "21:10,9:3,2:1"],
  ["some of them", [2, 5, 9, 20, 21], 2, [2, 3], "9:3,2:1"],
  ["beyond the end", [2, 5, 9, 20, 21], 2, [3, 9], "2:1"],
  ["far beyond the end", [2, 5], 2, [7, 9], ""],
]
for (const [what, uids, size, wanted, batches] of cases) {
  test(`batches of UIDs: ${what}`, () =>
    assert.equal(
      batchesOf(uids, size, wanted)
        .map((range) => range.join(":"))
        .join(","),
      batches,
    ))
}

test("batches hold each UID once, in pieces of the size asked for", () => {
  const anyUids = fc.uniqueArray(fc.integer({ min: 1, max: 5000 })).map((uids) => uids.sort((a, b) => a - b))
  fc.assert(
    fc.property(anyUids, fc.integer({ min: 1, max: 20 }), (uids, size) => {
      const batches = batchesOf(uids, size, null)
      const counts = batches.map(([high, low]) => uids.filter((uid) => uid <= high && uid >= low).length)
      assert.ok(counts.slice(0, -1).every((count) => count === size))
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        uids.length,
      )
      for (const [index, [, low]] of batches.entries()) {
        const next = batches[index + 1]
        assert.equal(low, next === undefined ? 1 : next[0] + 1, "no UID lies between two ranges")
      }
    }),
  )
})

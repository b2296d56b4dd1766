import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { type Run, uidRuns } from "../../daemon/store/uid-runs.ts"

const table: [uids: number[], runs: Run[]][] = [
  [[], []],
  [[7], [[7, 7]]],
  [[1, 2, 3], [[1, 3]]],
  [
    [9, 1, 2, 2, 4],
    [
      [1, 2],
      [4, 4],
      [9, 9],
    ],
  ],
]
for (const [uids, runs] of table) test(`runs of ${uids}`, () => assert.deepEqual(uidRuns(uids), runs))

test("runs hold exactly the UIDs, with a hole between any two", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (uids) => {
      const runs = uidRuns(uids)
      const held = runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at))
      assert.deepEqual(
        held,
        [...new Set(uids)].sort((a, b) => a - b),
      )
      for (const [at, [first]] of runs.entries()) assert.ok(at === 0 || first > (runs[at - 1]?.[1] ?? 0) + 1)
    }),
  )
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { isUlid, timeOf, UlidSource } from "../../spool/ulid.ts"

test("ULIDs ascend, also within a millisecond and when the clock goes back", () => {
  let now = 1_700_000_000_000
  const source = new UlidSource(() => now)
  const ids: string[] = []
  for (const step of [0, 0, 1, -5000, 0, 5001, 0]) {
    now += step
    ids.push(source.next())
  }
  assert.deepEqual([...ids].sort(), ids)
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(ids.every(isUlid))
  assert.equal(timeOf(ids[0] ?? ""), 1_700_000_000_000)
})

test("a ULID of a known moment", () => {
  assert.equal(new UlidSource(() => 1_469_918_176_385).next().slice(0, 10), "01ARYZ6S41")
  for (const text of [
    "",
    "01ARYZ6S41",
    "81ARYZ6S41TSV4RRFFQ69G5FAV",
    "01ARYZ6S41TSV4RRFFQ69G5FAU",
    "01aryz6s41tsv4rrffq69g5fav",
  ]) {
    assert.equal(isUlid(text), false, text)
  }
})

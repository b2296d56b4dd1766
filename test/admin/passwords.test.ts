import assert from "node:assert/strict"
import { test } from "node:test"
import { readPasswords, type Wanted } from "../../daemon/admin/cli/passwords.ts"

const old: Wanted = { label: "old password", isNew: false }
const fresh: Wanted = { label: "new password", isNew: true }

/** Chunks as a pipe gives them, kept so that the test can look at them afterwards. */
function pipe(pieces: string[]) {
  const chunks = pieces.map((piece) => Buffer.from(piece))
  async function* input() {
    yield* chunks
  }
  return { chunks, input: input() }
}

const accepted: [pieces: string[], wanted: Wanted[], passwords: string[]][] = [
  [["old\nbrand new\n"], [old, fresh], ["old", "brand new"]],
  [
    ["ol", "d\r", "\nbrand ", "new"],
    [old, fresh],
    ["old", "brand new"],
  ],
  [["long enough\nnot looked at"], [fresh], ["long enough"]],
  [["\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"], [fresh], ["\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"]],
  [["x\n"], [old], ["x"]],
  [[`${"x".repeat(1024)}\n`], [old], ["x".repeat(1024)]],
]
for (const [pieces, wanted, expected] of accepted) {
  test(`takes ${JSON.stringify(pieces).slice(0, 60)} and wipes the input`, async () => {
    const { chunks, input } = pipe(pieces)
    const passwords = await readPasswords(wanted, input)
    assert.deepEqual(passwords.map(String), expected)
    for (const chunk of chunks) assert.ok(chunk.every((byte) => byte === 0))
  })
}

const refused: [pieces: string[], wanted: Wanted[], why: RegExp][] = [
  [[], [old], /standard input had 0 of 1 lines: it has to hold the old password$/],
  [
    ["secret\n"],
    [old, fresh],
    /standard input had 1 of 2 lines: it has to hold the old password, then the new password$/,
  ],
  [["secret\nshort\n"], [old, fresh], /the new password is too short: take at least 8 characters$/],
  [["\nlong enough\n"], [old, fresh], /no old password was given$/],
  [["x".repeat(1000), "x".repeat(25)], [old], /at most 1024 bytes$/],
]
for (const [pieces, wanted, why] of refused) {
  test(`refuses ${JSON.stringify(pieces).slice(0, 60)} without repeating it, and wipes the input`, async () => {
    const { chunks, input } = pipe(pieces)
    await assert.rejects(readPasswords(wanted, input), (error: Error) => {
      assert.match(error.message, why)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
    for (const chunk of chunks) assert.ok(chunk.every((byte) => byte === 0))
  })
}

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { LineEditor, type LineState } from "../../daemon/admin/cli/line-editor.ts"

const typed: [keys: string, state: LineState, value: string][] = [
  ["secret\r", "done", "secret"],
  ["secret\n", "done", "secret"],
  ["secret", "more", "secret"],
  ["one\rtwo", "done", "one"],
  ["sex\x7fcret\r", "done", "secret"],
  ["sex\bcret\r", "done", "secret"],
  ["gr\u00fc\x7fun\r", "done", "grun"], // one character, two bytes
  ["\u20ac\u{1f511}\x7f\x7f\x7fx\r", "done", "x"],
  ["\x7f\x7fa\r", "done", "a"],
  ["wrong\x15right\r", "done", "right"],
  ["a\x03", "interrupted", "a"],
  ["\x04", "ended", ""],
  ["a\x04b\r", "done", "ab"],
  ["a\x1b[Db\x1b[1;5Cc\x1bOPd\r", "done", "abcd"], // arrow keys, F1
  ["12345678\r", "done", "12345678"],
]

for (const [keys, state, value] of typed) {
  for (const size of [Number.POSITIVE_INFINITY, 1]) {
    test(`${JSON.stringify(keys)}${size === 1 ? ", byte by byte" : ""}`, () => {
      const editor = new LineEditor(16)
      let reached: LineState = "more"
      const bytes = Buffer.from(keys)
      for (let at = 0; at < bytes.length && reached === "more"; at += size)
        reached = editor.push(bytes.subarray(at, at + size))
      assert.equal(reached, state)
      assert.equal(editor.value().toString(), value)
      assert.equal(editor.tooLong, false)
      editor.wipe()
      assert.equal(editor.value().length, 0)
    })
  }
}

test("a line that does not fit is known as such, until it is cleared", () => {
  const editor = new LineEditor(4)
  editor.push(Buffer.from("12345"))
  assert.equal(editor.tooLong, true)
  assert.equal(editor.push(Buffer.from("\x15123\r")), "done")
  assert.equal(editor.tooLong, false)
  assert.equal(editor.value().toString(), "123")
})

test("printable characters come back as they were typed", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), (text) => {
      const clean = text.replace(/[\p{Cc}]/gu, "")
      const editor = new LineEditor(4096)
      assert.equal(editor.push(Buffer.from(`${clean}\r`)), "done")
      assert.equal(editor.value().toString(), clean)
    }),
  )
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldValues, selectFields } from "../../daemon/message/fields.ts"
import { octets } from "./octets.ts"

const header = octets("From x\r\nSubject: one\r\n two\r\nTo : a\nno colon\r\nSUBJECT:\tthree \r\nTo:\r\n\r\n")

const selections: [names: string[], not: boolean, expected: string][] = [
  [["subject"], false, "Subject: one\r\n two\r\nSUBJECT:\tthree \r\n\r\n"],
  [["TO"], false, "To : a\nTo:\r\n\r\n"],
  [["Missing"], false, "\r\n"],
  [["subject", "to"], true, "From x\r\nno colon\r\n\r\n"],
  [[], true, header.toString("latin1")],
]
for (const [names, not, expected] of selections) {
  test(`HEADER.FIELDS${not ? ".NOT" : ""} (${names.join(" ")})`, () =>
    assert.equal(Buffer.from(selectFields(header, names, not)).toString("latin1"), expected))
}

test("there is no empty line where the message has none", () => {
  assert.equal(Buffer.from(selectFields(octets("A: 1\r\nB: 2"), ["b"], false)).toString(), "B: 2")
})

test("nothing behind the empty line is a field", () => {
  assert.equal(Buffer.from(selectFields(octets("A: 1\n\nB: 2\n"), ["b"], false)).toString(), "\n")
})

test("values are unfolded and trimmed, empty ones stay", () => {
  assert.deepEqual(fieldValues(header, "Subject"), ["one two", "three"])
  assert.deepEqual(fieldValues(header, "To"), ["a", ""])
  assert.deepEqual(fieldValues(header, "From"), [])
})

test("folding with bare LF and lines of white space only (obs-FWS)", () => {
  assert.deepEqual(fieldValues(octets("A: 1\n\t2\r\n \r\n 3\n\n"), "a"), ["1\t2  3"])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { Section } from "../../daemon/imap/ast.ts"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { section } from "../../daemon/imap/fetch.ts"
import {
  astringWire,
  continuation,
  dateTimeWire,
  flagListWire,
  mailboxWire,
  nstringWire,
  type ResponseCode,
  responseCodeText,
  sectionWire,
  stringWire,
  tagged,
  untagged,
} from "../../daemon/imap/response.ts"
import { astring, nstring, string } from "../../daemon/imap/strings.ts"
import { cursorOf, latin1Of } from "./cursor-of.ts"
import { readValue } from "./wire-reader.ts"

const strings: [value: string, wire: string][] = [
  ["", '""'],
  ["a b", '"a b"'],
  ['a"b\\', '"a\\"b\\\\"'],
  ["tab\t", '"tab\t"'],
  ["\xe9", "{1}\r\n\xe9"],
  ["a\r\nb", "{4}\r\na\r\nb"],
  ["a\0b\0", "{4}\r\na?b?"],
  ["x".repeat(1001), `{1001}\r\n${"x".repeat(1001)}`],
]
test("string is quoted where it can be, else a literal", () => {
  for (const [value, wire] of strings) assert.equal(latin1Of(stringWire(value)), wire)
  assert.equal(latin1Of(nstringWire(null)), "NIL")
  assert.equal(latin1Of(nstringWire("NIL")), '"NIL"')
})

test("astring is bare where nobody can take it for something else", () => {
  const cases: [string, string][] = [
    ["INBOX", "INBOX"],
    ["a]", "a]"],
    ["", '""'],
    ["nil", '"nil"'],
    ["a b", '"a b"'],
    ["a%", '"a%"'],
    ["\xe9", "{1}\r\n\xe9"],
  ]
  for (const [value, wire] of cases) assert.equal(latin1Of(astringWire(value)), wire)
  assert.equal(latin1Of(mailboxWire("Entwürfe & mehr")), '"Entw&APw-rfe &- mehr"')
})

test("any octets but NUL are written so that both readers get them back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ max: 255, min: 1, maxLength: 30 }), (octets) => {
      const value = latin1Of(octets)
      assert.equal(readValue(stringWire(octets)), value)
      for (const [write, read] of [
        [stringWire, string],
        [nstringWire, nstring],
        [astringWire, astring],
      ] as const) {
        const cursor = { bytes: write(octets), at: 0 }
        assert.deepEqual([...(read(cursor) ?? [])], [...octets])
        assert.equal(cursor.at, cursor.bytes.length)
      }
    }),
    { numRuns: 500 },
  )
})

test("date-time and flags", () => {
  assert.equal(
    dateTimeWire({ at: Date.parse("1996-07-17T02:44:25-07:00"), zoneMinutes: -420 }),
    '"17-Jul-1996 02:44:25 -0700"',
  )
  assert.equal(dateTimeWire({ at: 0, zoneMinutes: 0 }), '" 1-Jan-1970 00:00:00 +0000"')
  assert.equal(dateTimeWire({ at: 0, zoneMinutes: -30 }), '"31-Dec-1969 23:30:00 -0030"')
  assert.equal(flagListWire([]), "()")
  assert.equal(flagListWire(["\\Seen", "a"]), "(\\Seen a)")
})

const sections: [wire: string, given: Section, offset?: number][] = [
  ["BODY[]", { parts: [], what: { text: "ALL" } }],
  ["BODY[]<0>", { parts: [], what: { text: "ALL" } }, 0],
  ["BODY[1.2]", { parts: [1, 2], what: { text: "ALL" } }],
  ["BODY[TEXT]", { parts: [], what: { text: "TEXT" } }],
  ["BODY[1.MIME]<5>", { parts: [1], what: { text: "MIME" } }, 5],
  ['BODY[HEADER.FIELDS (A "b c")]', { parts: [], what: { text: "HEADER.FIELDS", fields: ["A", "b c"] } }],
  ["BODY[3.HEADER.FIELDS.NOT (A)]", { parts: [3], what: { text: "HEADER.FIELDS.NOT", fields: ["A"] } }],
]
for (const [wire, given, offset] of sections) {
  test(`section ${wire}`, () => {
    assert.equal(latin1Of(sectionWire(given, offset)), wire)
    assert.deepEqual(section({ ...cursorOf(wire), at: 4 }, defaultContext), given)
  })
}

const codes: [code: ResponseCode, text: string][] = [
  ["TRYCREATE", "[TRYCREATE]"],
  [{ code: "UIDNEXT", value: 4392 }, "[UIDNEXT 4392]"],
  [{ code: "PERMANENTFLAGS", flags: ["\\Deleted", "\\*"] }, "[PERMANENTFLAGS (\\Deleted \\*)]"],
  [{ code: "CAPABILITY", capabilities: ["IMAP4rev1", "IDLE"] }, "[CAPABILITY IMAP4rev1 IDLE]"],
  [{ code: "BADCHARSET", charsets: [] }, "[BADCHARSET]"],
  [{ code: "BADCHARSET", charsets: ["US-ASCII", "UTF-8"] }, "[BADCHARSET (US-ASCII UTF-8)]"],
  [{ code: "APPENDUID", uidValidity: 38505, uids: [3955] }, "[APPENDUID 38505 3955]"],
  [
    { code: "COPYUID", uidValidity: 38505, source: [304, 319, 320], target: [3956, 3957, 3958] },
    "[COPYUID 38505 304,319:320 3956:3958]",
  ],
  [{ code: "HIGHESTMODSEQ", value: 715194045007 }, "[HIGHESTMODSEQ 715194045007]"],
  [{ code: "MODIFIED", numbers: [7, 9] }, "[MODIFIED 7,9]"],
  [{ code: "MAILBOXID", id: "F2212ea87" }, "[MAILBOXID (F2212ea87)]"],
]
for (const [code, text] of codes) test(`response code ${text}`, () => assert.equal(responseCodeText(code), text))

test("status lines are one line, whatever the text", () => {
  assert.equal(tagged("a1", "NO", "No such mailbox", "TRYCREATE"), "a1 NO [TRYCREATE] No such mailbox\r\n")
  assert.equal(untagged("BYE", "a\r\nb\0\xe9"), "* BYE a??b??\r\n")
  assert.equal(untagged("OK", ""), "* OK -\r\n")
  assert.equal(untagged("OK", "[ALERT] forged"), "* OK -[ALERT] forged\r\n")
  assert.equal(continuation("OK"), "+ OK\r\n")
  assert.equal(continuation(""), "+ \r\n")
  assert.ok(tagged("a", "BAD", "x".repeat(10_000)).length < 500)
})

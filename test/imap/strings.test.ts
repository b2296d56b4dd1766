import assert from "node:assert/strict"
import { test } from "node:test"
import { type Cursor, latin1 } from "../../daemon/imap/cursor.ts"
import { ParseError } from "../../daemon/imap/errors.ts"
import {
  astring,
  atom,
  listMailbox,
  literal,
  literalOctets,
  nstring,
  quoted,
  string,
} from "../../daemon/imap/strings.ts"
import { cursorOf } from "./cursor-of.ts"

type Production = (cursor: Cursor) => Uint8Array | null
type Accepted = [input: string, value: string | null, rest: string]
type Refused = [input: string, why: RegExp]

function table(name: string, production: Production, accepted: Accepted[], refused: Refused[]) {
  for (const [input, value, rest] of accepted) {
    test(`${name} takes ${JSON.stringify(input)}`, () => {
      const cursor = cursorOf(input)
      const found = production(cursor)
      assert.equal(found === null ? null : latin1(found), value)
      assert.equal(input.slice(cursor.at), rest)
    })
  }
  for (const [input, why] of refused) {
    test(`${name} refuses ${JSON.stringify(input)}`, () => {
      assert.throws(
        () => production(cursorOf(input)),
        (error) => error instanceof ParseError && why.test(error.message),
      )
    })
  }
}

table(
  "quoted",
  quoted,
  [
    [`""`, "", ""],
    [`"INBOX" x`, "INBOX", " x"],
    [String.raw`"a\\"`, "a\\", ""], // an escaped backslash, then the closing quote
    [String.raw`"\"\\\""b`, `"\\"`, "b"],
    [`"na\xc3\xafve"`, "na\xc3\xafve", ""],
    [`"{5}"`, "{5}", ""],
  ],
  [
    [`"open`, /closing DQUOTE at byte 5/],
    [String.raw`"a\b"`, /quoted-special at byte 3/],
    [String.raw`"a\"`, /closing DQUOTE at byte 4/],
    [`"a\\`, /quoted-special at byte 3/],
    [`"a\rb"`, /TEXT-CHAR at byte 2/],
    [`"a\nb"`, /TEXT-CHAR at byte 2/],
    [`"a\0b"`, /TEXT-CHAR at byte 2/],
    ["a", /DQUOTE at byte 0/],
  ],
)

table(
  "literal",
  literal,
  [
    ["{0}\r\n", "", ""],
    ["{3}\r\nabcd", "abc", "d"],
    ["{3+}\r\nabc", "abc", ""],
    ["{4}\r\n\r\n\x80\xff", "\r\n\x80\xff", ""],
    ["{1}\na", "a", ""], // the reader takes a lone LF as well
    ["{003}\r\nabc", "abc", ""],
  ],
  [
    ["{}\r\n", /number at byte 1/],
    ["{-1}\r\n", /number at byte 1/],
    ["{4}\r\nabc", /literal octets at byte 8/],
    ["{4294967296}\r\n", /number at byte 1/],
    ["{3-}\r\nabc", /} at byte 2/],
    ["{3} \r\nabc", /CRLF at byte 3/],
    ["{3}abc", /CRLF at byte 3/],
    ["{3}\r\na\0c", /CHAR8 at byte 6/],
    ["~{1}\r\na", /string at byte 0/],
  ],
)

table(
  "atom",
  atom,
  [
    ["abc def", "abc", " def"],
    ["a}b", "a}b", ""],
    ["$MDNSent)", "$MDNSent", ")"],
    ["a]", "a", "]"],
    ["a+~&-/.", "a+~&-/.", ""],
  ],
  [
    ["", /atom at byte 0/],
    ["(", /atom/],
    ["{", /atom/],
    ["%", /atom/],
    ["*", /atom/],
    ["\\Seen", /atom/],
    ['"a"', /atom/],
    ["\x7f", /atom/],
    ["\x80", /atom/],
    ["\t", /atom/],
  ],
)

table(
  "astring",
  astring,
  [
    ["a] b", "a]", " b"],
    ['"a b"', "a b", ""],
    ["{3}\r\na b", "a b", ""],
    ["NIL", "NIL", ""],
  ],
  [
    ["", /astring at byte 0/],
    ["%", /astring/],
    [" a", /astring/],
    ["\xe9", /astring/],
  ],
)

table(
  "list-mailbox",
  listMailbox,
  [
    ["*", "*", ""],
    ["%/a*] x", "%/a*]", " x"],
    ['""', "", ""],
    ['"%"', "%", ""],
    ["{2}\r\n*%", "*%", ""],
  ],
  [
    ["", /list-mailbox at byte 0/],
    ["(", /list-mailbox/],
    ["\\", /list-mailbox/],
  ],
)

table(
  "nstring",
  nstring,
  [
    ["NIL)", null, ")"],
    ["nil", null, ""],
    ['"NIL"', "NIL", ""],
    ['""', "", ""],
    ["{3}\r\nNIL", "NIL", ""],
  ],
  [
    ["NILL", /string or NIL/],
    ["NI", /string or NIL/],
    ["", /string or NIL/],
    ["(", /string or NIL/],
  ],
)

table(
  "string",
  string,
  [
    ['"a"', "a", ""],
    ["{1}\r\na", "a", ""],
  ],
  [
    ["a", /string/],
    ["NIL", /string/],
    ["", /string/],
  ],
)

test("a quoted string without escapes is a view, so wiping the command wipes it", () => {
  const cursor = cursorOf('"secret"')
  const found = quoted(cursor)
  cursor.bytes.fill(0)
  assert.deepEqual([...found], [0, 0, 0, 0, 0, 0])
})

test("a streamed literal is only found where the reader put it, and is no string", () => {
  const stored = { size: 9, binary: false, handle: "h" }
  const streamed = new Map([[5, stored]])
  const bytes = Buffer.from("{9}\r\n")
  assert.deepEqual(literalOctets({ bytes, at: 0, streamed }), { size: 9, binary: false, octets: stored })
  assert.throws(() => astring({ bytes, at: 0, streamed }), /literal that is not a message/)
})

test("an error never repeats what the client sent", () => {
  assert.throws(
    () => astring(cursorOf('"hunter2\0"')),
    (error) => error instanceof ParseError && !`${error.message}${error.stack}`.includes("hunter2"),
  )
})

test("a quoted string of a UTF-8 client is UTF-8 (RFC 6855 section 3)", () => {
  const given = (text: string) => ({ ...cursorOf(text), utf8: true })
  assert.equal(latin1(quoted(given('"\xc3\x96 \\"x\\""'))), '\xc3\x96 "x"')
  for (const wrong of ['"\xd6"', '"\xc3"', '"\xed\xa0\x80"', '"\xc0\x80"']) {
    assert.throws(() => quoted(given(wrong)), /UTF-8/)
  }
})

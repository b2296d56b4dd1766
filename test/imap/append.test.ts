import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { appendHead } from "../../daemon/imap/append.ts"
import type { NewMessage } from "../../daemon/imap/ast.ts"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { ParseError } from "../../daemon/imap/errors.ts"
import { parseCommand } from "../../daemon/imap/parse.ts"
import { messageUrl } from "../../daemon/imap/url.ts"
import { cursorOf } from "./cursor-of.ts"

const context = { ...defaultContext, maxAppendParts: 4 }

function parse(text: string) {
  const { tag, ...body } = parseCommand(cursorOf(`a ${text}`), context)
  assert.equal(tag, "a")
  return body
}

function text(octets: string): NewMessage["parts"][number] {
  return { part: "text", literal: { size: octets.length, binary: false, handle: Buffer.from(octets) } }
}

function literal8(octets: string): NewMessage["parts"][number] {
  return { part: "text", literal: { size: octets.length, binary: true, handle: Buffer.from(octets) } }
}

const url = (name: string) => ({ part: "url" as const, url: name })

const plain = { flags: [], internalDate: null }

/** RFC 3502, RFC 4469 §5, RFC 6855 §4. */
const accepted: [line: string, messages: NewMessage[]][] = [
  ["APPEND a {1}\r\nx", [{ ...plain, parts: [text("x")] }]],
  [
    "APPEND a {1}\r\nx {0}\r\n",
    [
      { ...plain, parts: [text("x")] },
      { ...plain, parts: [text("")] },
    ],
  ],
  [
    'APPEND a (\\Seen) {1}\r\nx " 1-Jan-2000 00:00:00 +0000" {1+}\r\ny',
    [
      { flags: ["\\Seen"], internalDate: null, parts: [text("x")] },
      { flags: [], internalDate: { at: Date.parse("2000-01-01T00:00:00Z"), zoneMinutes: 0 }, parts: [text("y")] },
    ],
  ],
  ["APPEND a CATENATE (URL b)", [{ ...plain, parts: [url("b")] }]],
  [
    "APPEND a UTF8 (~{1}\r\nx) {1}\r\ny",
    [
      { ...plain, parts: [literal8("x")] },
      { ...plain, parts: [text("y")] },
    ],
  ],
  ["APPEND a CATENATE (URL b UTF8 (~{1}\r\nx) URL c)", [{ ...plain, parts: [url("b"), literal8("x"), url("c")] }]],
  [
    'APPEND a () catenate (text {1}\r\nx url "b c" URL {1}\r\nd)',
    [{ ...plain, parts: [text("x"), url("b c"), url("d")] }],
  ],
  [
    "APPEND a CATENATE (URL b) {1}\r\nx CATENATE (TEXT {1}\r\ny)",
    [
      { ...plain, parts: [url("b")] },
      { ...plain, parts: [text("x")] },
      { ...plain, parts: [text("y")] },
    ],
  ],
]

for (const [line, messages] of accepted) {
  test(`takes ${JSON.stringify(line)}`, () => assert.deepEqual(parse(line), { name: "APPEND", mailbox: "a", messages }))
}

const replaces: [line: string, uid: boolean, replaced: number][] = [
  ["REPLACE 4 a {1}\r\nx", false, 4],
  ["REPLACE * a {1}\r\nx", false, Number.POSITIVE_INFINITY],
  ["UID REPLACE 2000 a {1}\r\nx", true, 2000],
]

for (const [line, uid, replaced] of replaces) {
  test(`takes ${JSON.stringify(line)}`, () => {
    const messages = [{ ...plain, parts: [text("x")] }]
    assert.deepEqual(parse(line), { name: "REPLACE", uid, replaced, mailbox: "a", messages })
  })
}

const refused: [line: string, why: RegExp][] = [
  ["APPEND a", /SP/],
  ["APPEND a {1}\r\nx ", /literal/],
  ["APPEND a {1}\r\nx{1}\r\ny", /CRLF/],
  ["APPEND a CATENATE ()", /cat-part/],
  ["APPEND a CATENATE (TEXT x)", /literal/],
  ['APPEND a CATENATE (TEXT "x")', /literal/],
  ["APPEND a CATENATE (BODY x)", /TEXT or URL/],
  ["APPEND a CATENATE (URL a", /\)/],
  ["APPEND a CATENATE URL a", /\(/],
  ["APPEND a UTF8 ({1}\r\nx)", /literal8/],
  ["APPEND a UTF8 (~{1}\r\nx", /\)/],
  ["APPEND a CATENATE (UTF8 {1}\r\nx)", /\(/],
  ["APPEND a OTHER (URL a)", /CATENATE/],
  ["APPEND a CATENATE (URL a URL a URL a URL a URL a)", /fewer parts/],
  ["APPEND a CATENATE (URL a URL a URL a) CATENATE (URL a URL a)", /fewer parts/],
  ["APPEND a {1}\r\nx {1}\r\nx {1}\r\nx {1}\r\nx {1}\r\nx", /fewer messages/],
  ["REPLACE 4 a {1}\r\nx {1}\r\ny", /CRLF/],
  ["REPLACE 4:5 a {1}\r\nx", /SP/],
  ["REPLACE 0 a {1}\r\nx", /nz-number/],
  ["REPLACE a {1}\r\nx", /nz-number/],
]

for (const [line, why] of refused) {
  test(`refuses ${JSON.stringify(line)}`, () => {
    assert.throws(
      () => parse(line),
      (error) => error instanceof ParseError && why.test(error.message),
    )
  })
}

/** What a literal policy sees; null for a literal that is no part of a message. */
const heads: [soFar: string, seen: { parts: number[]; catenated: boolean } | null][] = [
  ["a APPEND x {5}", { parts: [0], catenated: false }],
  ["a APPEND x (\\Seen) ~{5+}", { parts: [0], catenated: false }],
  ["a APPEND x {2}\r\nhi (\\Seen) {5}", { parts: [1, 0], catenated: false }],
  ["a APPEND x CATENATE (TEXT {5}", { parts: [0], catenated: true }],
  ["a APPEND x CATENATE (URL b TEXT {2}\r\nhi TEXT {5}", { parts: [2], catenated: true }],
  ["a REPLACE 4 x {5}", { parts: [0], catenated: false }],
  ["a UID REPLACE 4 x CATENATE (URL b TEXT {5}", { parts: [1], catenated: true }],
  ["a APPEND {5}", null],
  ["a APPEND x CATENATE (URL {5}", null],
  ["a REPLACE {5}", null],
  ["a FETCH {5}", null],
  ["a UID {5}", null],
  ["{5}", null],
]

for (const [soFar, seen] of heads) {
  test(`before the literal in ${JSON.stringify(soFar)}`, () => {
    const head = appendHead(Buffer.from(soFar), context)
    const parts = head?.body.messages.map((message) => message.parts.length)
    assert.deepEqual(head === null ? null : { parts, catenated: head.catenated }, seen)
  })
}

const wrongAlready = [
  "a APPEND x CATENATE (BODY {5}",
  "a APPEND x (\\Seen)x {5}",
  "a APPEND x (\\Recent) {5}",
  'a APPEND x "32-Jan-2020 00:00:00 +0000" ~{5+}',
  "a APPEND &x {5}",
  "a REPLACE 1:2 x {5}",
  "a UID REPLACE 0 x {5}",
  "a APPEND x {2}\r\nhi x {5}",
]

for (const soFar of wrongAlready) {
  test(`no literal is asked for behind ${JSON.stringify(soFar)}`, () => {
    assert.throws(() => appendHead(Buffer.from(soFar), context), ParseError)
  })
}

const all = { parts: [], what: { text: "ALL" } }

/** RFC 5092 §6, §11, as RFC 4469 §3 uses it. */
const urls: [url: string, found: unknown][] = [
  [
    "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
    {
      mailbox: "Drafts",
      uidValidity: 385759045,
      uid: 20,
      section: { parts: [], what: { text: "HEADER" } },
      range: null,
    },
  ],
  ["/Drafts/;UID=1", { mailbox: "Drafts", uidValidity: null, uid: 1, section: all, range: null }],
  ["Drafts;UID=1", { mailbox: "Drafts", uidValidity: null, uid: 1, section: all, range: null }],
  ["/inbox/;uid=7", { mailbox: "INBOX", uidValidity: null, uid: 7, section: all, range: null }],
  ["/a/b%20c%C3%BC/;UID=1", { mailbox: "a/b cü", uidValidity: null, uid: 1, section: all, range: null }],
  ["/;UID=1", { mailbox: null, uidValidity: null, uid: 1, section: all, range: null }],
  [";UID=1", { mailbox: null, uidValidity: null, uid: 1, section: all, range: null }],
  [
    "/x/;UID=1/;SECTION=1.2.MIME/;PARTIAL=5.10",
    {
      mailbox: "x",
      uidValidity: null,
      uid: 1,
      section: { parts: [1, 2], what: { text: "MIME" } },
      range: { offset: 5, length: 10 },
    },
  ],
  [
    "/x/;UID=1/;SECTION=HEADER.FIELDS%20(TO)/;PARTIAL=5",
    {
      mailbox: "x",
      uidValidity: null,
      uid: 1,
      section: { parts: [], what: { text: "HEADER.FIELDS", fields: ["TO"] } },
      range: { offset: 5, length: Number.POSITIVE_INFINITY },
    },
  ],
  ["imap://example.org/x/;UID=1", null],
  ["//example.org/x/;UID=1", null],
  ["/x", null],
  ["/x/;UID=0", null],
  ["/x/;UID=1/;SECTION=MIME", null],
  ["/x/;UID=1/;SECTION=1]", null],
  ["/x/;UID=1/;SECTION=%5", null],
  ["/x%FF/;UID=1", null],
  ["/x?subject/;UID=1", null],
  ["/x/;UID=1/;PARTIAL=1.0", null],
  ["/x/;UID=1;URLAUTH=anonymous", null],
  ["", null],
]

for (const [name, found] of urls) {
  test(`the URL ${name}`, () => assert.deepEqual(messageUrl(name), found))
}

test("any text is a URL or none, in no time", () => {
  const pieces = fc.constantFrom(
    "/",
    ";",
    "UID=",
    "1",
    "SECTION=",
    "a",
    "%",
    "UIDVALIDITY=",
    "PARTIAL=",
    ".",
    "]",
    "\xff",
  )
  fc.assert(fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => void messageUrl(parts.join(""))))
  assert.equal(messageUrl(`/${"a/".repeat(500_000)}`), null)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import type { CommandBody, SearchKey } from "../../daemon/imap/ast.ts"
import { BadCharset } from "../../daemon/imap/errors.ts"
import { all, bodySection, parse, set } from "./parsed.ts"

const seen = (on: boolean): SearchKey => ({ key: "flag", flag: "\\Seen", on })
const keys: [keys: string, key: SearchKey][] = [
  ["ALL", { key: "all" }],
  ["unseen", seen(false)],
  ["SEEN FLAGGED", { key: "and", keys: [seen(true), { key: "flag", flag: "\\Flagged", on: true }] }],
  ["(SEEN)", seen(true)],
  ["NEW", { key: "and", keys: [{ key: "recent", on: true }, seen(false)] }],
  ["OLD", { key: "recent", on: false }],
  ["KEYWORD $Junk", { key: "flag", flag: "$Junk", on: true }],
  ["UNKEYWORD x", { key: "flag", flag: "x", on: false }],
  ["2,4:*", { key: "set", uid: false, set: set([2, 2], [4, all]) }],
  ["*", { key: "set", uid: false, set: set([all, all]) }],
  ["UID 1:3", { key: "set", uid: true, set: set([1, 3]) }],
  ["NOT SEEN", { key: "not", not: seen(true) }],
  ["OR SEEN (NOT SEEN)", { key: "or", left: seen(true), right: { key: "not", not: seen(true) } }],
  ["SINCE 1-Feb-1994", { key: "internal-date", compare: "since", day: 8797 }],
  ['SENTON "1-Feb-1994"', { key: "sent-date", compare: "on", day: 8797 }],
  ["LARGER 4294967296", { key: "size", compare: "larger", octets: 4294967296 }],
  ["SMALLER 0", { key: "size", compare: "smaller", octets: 0 }],
  ['FROM "Smith"', { key: "field", field: "from", text: "Smith" }],
  ['HEADER Message-ID ""', { key: "header", field: "Message-ID", text: "" }],
  ["BODY {3}\r\na b", { key: "body", text: "a b" }],
  ["TEXT na]", { key: "text", text: "na]" }],
  ['SUBJECT "\xc3\xa9"', { key: "field", field: "subject", text: "é" }], // UTF-8 without CHARSET
  ["EMAILID M6d99ac3275bb4e", { key: "email-id", id: "M6d99ac3275bb4e" }],
  ["threadid T_-9", { key: "thread-id", id: "T_-9" }],
  ["SAVEDON 1-Feb-1994", { key: "save-date", compare: "on", day: 8797 }],
  ["SAVEDATESUPPORTED", { key: "save-date-supported" }],
  ["OLDER 259200", { key: "within", compare: "older", seconds: 259200 }],
  ["younger 1", { key: "within", compare: "younger", seconds: 1 }],
  ["$", { key: "set", uid: false, set: { kind: "saved" } }],
  ["MODSEQ 620162338", { key: "modseq", atLeast: 620162338 }],
  ['MODSEQ "/flags/\\\\draft" all 620162338', { key: "modseq", atLeast: 620162338 }],
  ['MODSEQ "/flags/$x" Priv 0', { key: "modseq", atLeast: 0 }],
]
for (const [text, key] of keys) {
  test(`search-key ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parse(`SEARCH ${text}`), { name: "SEARCH", uid: false, returns: null, charset: null, key })
  })
}

test("SEARCH with RETURN and CHARSET", () => {
  assert.deepEqual(parse("UID SEARCH RETURN () CHARSET utf-8 ALL"), {
    name: "SEARCH",
    uid: true,
    returns: ["ALL"],
    charset: "utf-8",
    key: { key: "all" },
  })
  assert.deepEqual(parse("SEARCH RETURN (MIN max Count MIN) ALL"), {
    name: "SEARCH",
    uid: false,
    returns: ["MIN", "MAX", "COUNT"],
    charset: null,
    key: { key: "all" },
  })
})

test("SEARCH with SAVE and PARTIAL", () => {
  const found = parse("UID SEARCH RETURN (SAVE PARTIAL -1:-100 COUNT) UID $")
  assert.deepEqual(found, {
    name: "SEARCH",
    uid: true,
    returns: ["SAVE", { partial: [-1, -100] }, "COUNT"],
    charset: null,
    key: { key: "set", uid: true, set: { kind: "saved" } },
  })
})

const sorts: [line: string, body: CommandBody][] = [
  [
    "sort (reverse date SUBJECT displayfrom) utf-8 all",
    {
      name: "SORT",
      uid: false,
      returns: null,
      criteria: [
        { key: "DATE", reverse: true },
        { key: "SUBJECT", reverse: false },
        { key: "DISPLAYFROM", reverse: false },
      ],
      charset: "utf-8",
      key: { key: "all" },
    },
  ],
  [
    `SORT (SIZE ${"REVERSE SIZE DATE ".repeat(400)}SIZE) UTF-8 ALL`,
    {
      name: "SORT",
      uid: false,
      returns: null,
      criteria: [
        { key: "SIZE", reverse: false },
        { key: "DATE", reverse: false },
      ],
      charset: "UTF-8",
      key: { key: "all" },
    },
  ],
  [
    'UID SORT RETURN () (ARRIVAL) "US-ASCII" ALL',
    {
      name: "SORT",
      uid: true,
      returns: ["ALL"],
      criteria: [{ key: "ARRIVAL", reverse: false }],
      charset: "US-ASCII",
      key: { key: "all" },
    },
  ],
  [
    "UID THREAD references UTF-8 ALL",
    { name: "THREAD", uid: true, algorithm: "REFERENCES", charset: "UTF-8", key: { key: "all" } },
  ],
  [
    "UID FETCH 1 FLAGS (PARTIAL -1:-30 CHANGEDSINCE 98305)",
    {
      name: "FETCH",
      uid: true,
      set: set([1, 1]),
      items: [{ item: "FLAGS" }],
      changedSince: 98305,
      vanished: false,
      partial: [-1, -30],
    },
  ],
]
const modifiers: [line: string, body: CommandBody][] = [
  [
    "UID FETCH $ FLAGS (PARTIAL 1:2 VANISHED CHANGEDSINCE 7)",
    {
      name: "FETCH",
      uid: true,
      set: { kind: "saved" },
      items: [{ item: "FLAGS" }],
      changedSince: 7,
      vanished: true,
      partial: [1, 2],
    },
  ],
]
for (const [line, body] of modifiers) test(`parses ${line}`, () => assert.deepEqual(parse(line), body))

const batches: [line: string, body: CommandBody][] = [
  ["NOTIFY none", { name: "NOTIFY", set: null }],
  [
    "notify set status (selected (messagenew (uid body.peek[header.fields (from to)]) MessageExpunge)) (subtree (a inbox) NONE)",
    {
      name: "NOTIFY",
      set: {
        status: true,
        groups: [
          {
            mailboxes: { source: "selected" },
            events: [
              {
                event: "messagenew",
                items: [
                  { item: "UID" },
                  bodySection({ parts: [], what: { text: "HEADER.FIELDS", fields: ["from", "to"] } }, true),
                ],
              },
              { event: "MessageExpunge", items: null },
            ],
          },
          { mailboxes: { source: "subtree", mailboxes: ["a", "INBOX"] }, events: [] },
        ],
      },
    },
  ],
  [
    "NOTIFY SET (selected-delayed (MessageNew)) (mailboxes STATUS (X-Event ServerMetadataChange)) (subtree-one b NONE)",
    {
      name: "NOTIFY",
      set: {
        status: false,
        groups: [
          { mailboxes: { source: "selected-delayed" }, events: [{ event: "MessageNew", items: null }] },
          {
            mailboxes: { source: "mailboxes", mailboxes: ["STATUS"] },
            events: [
              { event: "X-Event", items: null },
              { event: "ServerMetadataChange", items: null },
            ],
          },
          { mailboxes: { source: "subtree-one", mailboxes: ["b"] }, events: [] },
        ],
      },
    },
  ],
  [
    "SEARCH RETURN (UPDATE) ALL",
    { name: "SEARCH", uid: false, returns: [{ update: [] }], charset: null, key: { key: "all" } },
  ],
  [
    "UID SEARCH RETURN (UPDATE(FLAGS) COUNT) ALL",
    {
      name: "SEARCH",
      uid: true,
      returns: [{ update: [{ item: "FLAGS" }] }, "COUNT"],
      charset: null,
      key: { key: "all" },
    },
  ],
  [
    "SEARCH RETURN (COUNT UPDATE (UID FLAGS)) ALL",
    {
      name: "SEARCH",
      uid: false,
      returns: ["COUNT", { update: [{ item: "UID" }, { item: "FLAGS" }] }],
      charset: null,
      key: { key: "all" },
    },
  ],
  [
    "SEARCH UIDAFTER 25 UIDBEFORE 40",
    {
      name: "SEARCH",
      uid: false,
      returns: null,
      charset: null,
      key: {
        key: "and",
        keys: [
          { key: "set", uid: true, set: set([26, 0xffff_ffff]) },
          { key: "set", uid: true, set: set([1, 39]) },
        ],
      },
    },
  ],
  [
    "SEARCH UIDAFTER 4294967295",
    { name: "SEARCH", uid: false, returns: null, charset: null, key: { key: "set", uid: true, set: set() } },
  ],
  ['CANCELUPDATE "B01" "a]"', { name: "CANCELUPDATE", tags: ["B01", "a]"] }],
  ["UIDBATCHES 2000", { name: "UIDBATCHES", size: 2000, batches: null }],
  ["uidbatches 1 10:2", { name: "UIDBATCHES", size: 1, batches: [10, 2] }],
]
const multi: [line: string, body: CommandBody][] = [
  [
    "ESEARCH IN (mailboxes folder1 SUBTREE (a inbox) subtree-one b selected inboxes personal subscribed) unseen",
    {
      name: "ESEARCH",
      sources: [
        { source: "mailboxes", mailboxes: ["folder1"] },
        { source: "subtree", mailboxes: ["a", "INBOX"] },
        { source: "subtree-one", mailboxes: ["b"] },
        { source: "selected" },
        { source: "inboxes" },
        { source: "personal" },
        { source: "subscribed" },
      ],
      returns: ["ALL"],
      charset: null,
      key: { key: "flag", flag: "\\Seen", on: false },
    },
  ],
  [
    "ESEARCH RETURN (COUNT PARTIAL 1:5) CHARSET UTF-8 ALL",
    {
      name: "ESEARCH",
      sources: null,
      returns: ["COUNT", { partial: [1, 5] }],
      charset: "UTF-8",
      key: { key: "all" },
    },
  ],
]
for (const [line, body] of multi) test(`parses ${line.slice(0, 60)}`, () => assert.deepEqual(parse(line), body))

for (const [line, body] of batches) test(`parses ${line}`, () => assert.deepEqual(parse(line), body))

for (const [line, body] of sorts) test(`parses ${line}`, () => assert.deepEqual(parse(line), body))

test("a search that was to be saved says so when its charset is refused", () => {
  const refusalOf = (line: string) => {
    try {
      return parse(line)
    } catch (error) {
      return error instanceof BadCharset ? error.saves : error
    }
  }
  assert.equal(refusalOf("SEARCH RETURN (SAVE) CHARSET KLINGON ALL"), true)
  assert.equal(refusalOf("SORT RETURN (SAVE) (DATE) KLINGON ALL"), true)
  assert.equal(refusalOf("SEARCH RETURN (ALL) CHARSET KLINGON ALL"), false)
})

test("SEARCH strings are decoded by CHARSET", () => {
  const texts: [charset: string, octets: string, text: string][] = [
    ["UTF-8", "\xe2\x82\xac", "€"],
    ["ISO-8859-1", "\xe9", "é"],
    ['"KOI8-R"', "\xd0\xd2\xc9\xd7\xc5\xd4", "привет"],
    ["ISO-2022-JP", "\x1b$B%F%9%H\x1b(B", "テスト"],
    ["us-ascii", "a", "a"],
  ]
  for (const [charset, octets, text] of texts) {
    const found = parse(`SEARCH CHARSET ${charset} BODY {${octets.length}}\r\n${octets}`)
    assert.deepEqual(found.name === "SEARCH" && found.key, { key: "body", text }, charset)
  }
})

test("SEARCH in a charset nobody knows is BadCharset, wrong octets in a known one are a ParseError", () => {
  for (const charset of ["X-UNKNOWN", "ISO-2022-KR", '""', "UTF-7"]) {
    assert.throws(() => parse(`SEARCH CHARSET ${charset} ALL`), BadCharset, charset)
  }
  assert.throws(() => parse('SEARCH CHARSET UTF-8 BODY "\xff"'), /string in utf-8/)
  assert.throws(() => parse('SEARCH CHARSET US-ASCII BODY "\xe9"'), /string in US-ASCII/)
  assert.throws(() => parse('SEARCH BODY "\xe9"'), /string in utf-8/)
})

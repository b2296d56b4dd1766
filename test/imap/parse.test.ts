import assert from "node:assert/strict"
import { test } from "node:test"
import type { CommandBody } from "../../daemon/imap/ast.ts"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { headOf } from "../../daemon/imap/head.ts"
import { commandNames } from "../../daemon/imap/parse.ts"
import { all, bodySection, fetch, getMetadata, list, noReturns, noSelection, parse, resyncOf, set } from "./parsed.ts"

const accepted: [line: string, body: CommandBody][] = [
  ["CAPABILITY", { name: "CAPABILITY" }],
  ["nOoP", { name: "NOOP" }],
  ["UNSELECT", { name: "UNSELECT" }],
  ["IDLE", { name: "IDLE" }],
  ["ID NIL", { name: "ID", fields: null }],
  ["ID ()", { name: "ID", fields: new Map() }],
  [
    'ID ("Name" "x" "os" NIL "name" "y")',
    {
      name: "ID",
      fields: new Map([
        ["name", "x"],
        ["os", null],
      ]),
    },
  ],
  ["ENABLE condstore X-Foo", { name: "ENABLE", capabilities: ["CONDSTORE", "X-FOO"] }],
  ["LOGIN fred {99} whatever", { name: "LOGIN" }],
  ["AUTHENTICATE PLAIN AGEAYQ==", { name: "AUTHENTICATE" }],

  ["SELECT inbox", { name: "SELECT", mailbox: "INBOX", parameters: { condstore: false, qresync: null } }],
  ["EXAMINE INBOX (CONDSTORE)", { name: "EXAMINE", mailbox: "INBOX", parameters: { condstore: true, qresync: null } }],
  [
    "SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
    resyncOf({
      uidValidity: 67890007,
      modseq: Number.MAX_SAFE_INTEGER,
      knownUids: set([41, 41], [43, 211], [214, 541]),
    }),
  ],
  ["SELECT INBOX (QRESYNC (1 2))", resyncOf({})],
  ["SELECT INBOX (QRESYNC (1 0))", resyncOf({ modseq: 0 })],
  [
    "SELECT INBOX (QRESYNC (1 2 (4,7:8 8,20:21)))",
    resyncOf({ match: { numbers: set([4, 4], [7, 8]), uids: set([8, 8], [20, 21]) } }),
  ],
  [
    "SELECT INBOX (QRESYNC (1 2 1:9 (4 8)))",
    resyncOf({ knownUids: set([1, 9]), match: { numbers: set([4, 4]), uids: set([8, 8]) } }),
  ],
  ['CREATE "a b/"', { name: "CREATE", mailbox: "a b/", uses: [] }],
  ["CREATE a (USE (\\sent \\Sent \\X-y))", { name: "CREATE", mailbox: "a", uses: ["\\Sent", "\\X-y"] }],
  ["CREATE a (USE ())", { name: "CREATE", mailbox: "a", uses: [] }],
  ["GETMETADATA INBOX /shared/comment", getMetadata({ entries: ["/shared/comment"] })],
  [
    'GETMETADATA "" (/shared/comment "/Private/comment")',
    getMetadata({ mailbox: "", entries: ["/shared/comment", "/private/comment"] }),
  ],
  ["GETMETADATA INBOX /private/a /shared/b", getMetadata({ entries: ["/private/a", "/shared/b"] })],
  [
    "GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX /private/a",
    getMetadata({ options: { maxSize: 1024, depth: all }, entries: ["/private/a"] }),
  ],
  [
    "GETMETADATA INBOX (depth 1) (/private/a)",
    getMetadata({ options: { maxSize: null, depth: 1 }, entries: ["/private/a"] }),
  ],
  [
    'SETMETADATA a (/private/a NIL /private/b "x" /private/c {1}\r\ny /private/d ~{1}\r\n\0)',
    {
      name: "SETMETADATA",
      mailbox: "a",
      changes: [
        { entry: "/private/a", value: null },
        { entry: "/private/b", value: Uint8Array.of(0x78) },
        { entry: "/private/c", value: Uint8Array.of(0x79) },
        { entry: "/private/d", value: Uint8Array.of(0) },
      ],
    },
  ],
  [
    'LIST "" % RETURN (METADATA (/shared/a /private/b) CHILDREN)',
    list({
      extended: true,
      patterns: ["%"],
      returns: { ...noReturns, children: true, metadata: ["/shared/a", "/private/b"] },
    }),
  ],
  ['GETQUOTA "!partition/sda4"', { name: "GETQUOTA", root: "!partition/sda4" }],
  ["GETQUOTAROOT inbox", { name: "GETQUOTAROOT", mailbox: "INBOX" }],
  ['SETQUOTA "" (storage 510)', { name: "SETQUOTA", root: "", limits: [{ resource: "STORAGE", limit: 510 }] }],
  ["SETQUOTA a ()", { name: "SETQUOTA", root: "a", limits: [] }],
  ["STATUS x (DELETED-STORAGE)", { name: "STATUS", mailbox: "x", items: ["DELETED-STORAGE"] }],
  ["DELETE Entw&APw-rfe", { name: "DELETE", mailbox: "Entwürfe" }],
  // RFC 6855 section 3: UTF-8 is understood by everybody, brought to Normalization Form C.
  ['DELETE "Entwu\xcc\x88rfe & Co"', { name: "DELETE", mailbox: "Entwürfe & Co" }],
  ["RENAME a {1}\r\nb", { name: "RENAME", from: "a", to: "b" }],
  ["SUBSCRIBE #news.a", { name: "SUBSCRIBE", mailbox: "#news.a" }],
  [
    "STATUS x (UIDNEXT messages HIGHESTMODSEQ)",
    { name: "STATUS", mailbox: "x", items: ["UIDNEXT", "MESSAGES", "HIGHESTMODSEQ"] },
  ],
  ["STATUS x (SIZE DELETED MAILBOXID)", { name: "STATUS", mailbox: "x", items: ["SIZE", "DELETED", "MAILBOXID"] }],
  ["STATUS x (appendlimit)", { name: "STATUS", mailbox: "x", items: ["APPENDLIMIT"] }],

  ['LIST "" *', list({})],
  ['LIST "" ""', list({ patterns: [""] })],
  ["LIST #news. %", list({ reference: "#news.", patterns: ["%"] })],
  ['LIST () "" *', list({ extended: true })],
  ['LIST "" (INBOX "Drafts" a%)', list({ extended: true, patterns: ["INBOX", "Drafts", "a%"] })],
  ['LIST (SPECIAL-USE) "" "*"', list({ extended: true, selection: { ...noSelection, specialUse: true } })],
  [
    'LIST (RECURSIVEMATCH remote SUBSCRIBED) "" *',
    list({ extended: true, selection: { subscribed: true, specialUse: false, remote: true, recursiveMatch: true } }),
  ],
  ['LIST "" % RETURN ()', list({ extended: true, patterns: ["%"] })],
  [
    'LIST "" % RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))',
    list({
      extended: true,
      patterns: ["%"],
      returns: { subscribed: true, children: true, specialUse: true, status: ["MESSAGES", "UNSEEN"], metadata: null },
    }),
  ],
  ['LSUB "#news." "comp.%"', { name: "LSUB", reference: "#news.", pattern: "comp.%" }],

  [
    "APPEND a {3}\r\nabc",
    {
      name: "APPEND",
      mailbox: "a",
      messages: [
        {
          flags: [],
          internalDate: null,
          parts: [{ part: "text", literal: { size: 3, binary: false, handle: Buffer.from("abc") } }],
        },
      ],
    },
  ],
  [
    'APPEND a (\\seen $x) " 7-Feb-1994 21:52:25 -0800" ~{4+}\r\na\0c\n',
    {
      name: "APPEND",
      mailbox: "a",
      messages: [
        {
          flags: ["\\Seen", "$x"],
          internalDate: { at: Date.parse("1994-02-07T21:52:25-08:00"), zoneMinutes: -480 },
          parts: [{ part: "text", literal: { size: 4, binary: true, handle: Buffer.from("a\0c\n") } }],
        },
      ],
    },
  ],
  [
    "APPEND a utf8 (~{2+}\r\n\xc3\x96)",
    {
      name: "APPEND",
      mailbox: "a",
      messages: [
        {
          flags: [],
          internalDate: null,
          parts: [{ part: "text", literal: { size: 2, binary: true, handle: Buffer.from("\xc3\x96", "latin1") } }],
        },
      ],
    },
  ],
  [
    "APPEND {1}\r\na () {0}\r\n",
    {
      name: "APPEND",
      mailbox: "a",
      messages: [
        {
          flags: [],
          internalDate: null,
          parts: [{ part: "text", literal: { size: 0, binary: false, handle: Buffer.alloc(0) } }],
        },
      ],
    },
  ],

  ["COPY 2:4 MEETING", { name: "COPY", uid: false, set: set([2, 4]), mailbox: "MEETING" }],
  ["UID COPY 1 inbox", { name: "COPY", uid: true, set: set([1, 1]), mailbox: "INBOX" }],
  ["UID MOVE 42:69 foo", { name: "MOVE", uid: true, set: set([42, 69]), mailbox: "foo" }],
  ["EXPUNGE", { name: "EXPUNGE" }],
  ["UID EXPUNGE 3000:3002", { name: "UID EXPUNGE", set: set([3000, 3002]) }],

  [
    "STORE 2:4 +FLAGS (\\Deleted)",
    {
      name: "STORE",
      uid: false,
      set: set([2, 4]),
      unchangedSince: null,
      operation: "add",
      silent: false,
      flags: ["\\Deleted"],
    },
  ],
  [
    "UID STORE 1 flags.silent \\DRAFT a",
    {
      name: "STORE",
      uid: true,
      set: set([1, 1]),
      unchangedSince: null,
      operation: "replace",
      silent: true,
      flags: ["\\Draft", "a"],
    },
  ],
  [
    "STORE * -FLAGS ()",
    {
      name: "STORE",
      uid: false,
      set: set([all, all]),
      unchangedSince: null,
      operation: "remove",
      silent: false,
      flags: [],
    },
  ],
  [
    "STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
    {
      name: "STORE",
      uid: false,
      set: set([7, 7], [5, 5], [9, 9]),
      unchangedSince: 320162338,
      operation: "add",
      silent: true,
      flags: ["\\Deleted"],
    },
  ],
  [
    "STORE 1 FLAGS (\\Answered \\FLAGGED \\Ext Key)",
    {
      name: "STORE",
      uid: false,
      set: set([1, 1]),
      unchangedSince: null,
      operation: "replace",
      silent: false,
      flags: ["\\Answered", "\\Flagged", "\\Ext", "Key"],
    },
  ],

  ["FETCH 1 FLAGS", fetch([{ item: "FLAGS" }])],
  ["FETCH 1 fast", fetch([{ item: "FLAGS" }, { item: "INTERNALDATE" }, { item: "RFC822.SIZE" }])],
  ["FETCH 1 ALL", fetch([{ item: "FLAGS" }, { item: "INTERNALDATE" }, { item: "RFC822.SIZE" }, { item: "ENVELOPE" }])],
  [
    "FETCH 1 FULL",
    fetch([
      { item: "FLAGS" },
      { item: "INTERNALDATE" },
      { item: "RFC822.SIZE" },
      { item: "ENVELOPE" },
      { item: "BODY" },
    ]),
  ],
  [
    "UID FETCH 1 (UID EMAILID THREADID SAVEDATE MODSEQ)",
    fetch([{ item: "UID" }, { item: "EMAILID" }, { item: "THREADID" }, { item: "SAVEDATE" }, { item: "MODSEQ" }], {
      uid: true,
    }),
  ],
  [
    "FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT BODYSTRUCTURE BODY)",
    fetch([
      { item: "RFC822" },
      { item: "RFC822.HEADER" },
      { item: "RFC822.TEXT" },
      { item: "BODYSTRUCTURE" },
      { item: "BODY" },
    ]),
  ],
  ["FETCH 1 (FLAGS) (CHANGEDSINCE 12345)", fetch([{ item: "FLAGS" }], { changedSince: 12345 })],
  [
    "UID FETCH 1 FLAGS (vanished CHANGEDSINCE 7)",
    fetch([{ item: "FLAGS" }], { uid: true, changedSince: 7, vanished: true }),
  ],
  ["FETCH 1:9 FLAGS (PARTIAL 2:3)", fetch([{ item: "FLAGS" }], { set: set([1, 9]), partial: [2, 3] })],
  ["FETCH 1 BODY[]", fetch([bodySection({ parts: [], what: { text: "ALL" } })])],
  ["FETCH 1 body[header]", fetch([bodySection({ parts: [], what: { text: "HEADER" } })])],
  ["FETCH 1 BODY[1]", fetch([bodySection({ parts: [1], what: { text: "ALL" } })])],
  [
    "FETCH 1 (BODY.PEEK[1.2.3.TEXT] BODY[4.MIME])",
    fetch([
      bodySection({ parts: [1, 2, 3], what: { text: "TEXT" } }, true),
      bodySection({ parts: [4], what: { text: "MIME" } }),
    ]),
  ],
  [
    'FETCH 1 BODY.PEEK[1.2.HEADER.FIELDS (A "B c" {1}\r\nD)]<0.100>',
    fetch([
      {
        item: "BODY[]",
        peek: true,
        section: { parts: [1, 2], what: { text: "HEADER.FIELDS", fields: ["A", "B c", "D"] } },
        partial: { offset: 0, length: 100 },
      },
    ]),
  ],
  [
    "FETCH 1 BODY[HEADER.FIELDS.NOT (Received)]",
    fetch([bodySection({ parts: [], what: { text: "HEADER.FIELDS.NOT", fields: ["Received"] } })]),
  ],
]
test("a UTF-8 client's names are as they stand, and noted where we call them otherwise", () => {
  const supplied = new Map<string, string>()
  const context = { ...defaultContext, utf8: true, supplied }
  assert.deepEqual(parse("DELETE R&D", context), { name: "DELETE", mailbox: "R&D" })
  assert.deepEqual(parse('RENAME inbox "o\xcc\x88"', context), { name: "RENAME", from: "INBOX", to: "ö" })
  assert.deepEqual(
    [...supplied],
    [
      ["INBOX", "inbox"],
      ["ö", "o\u0308"],
    ],
  )
})

for (const [line, body] of accepted) {
  test(`takes ${JSON.stringify(line)}`, () => assert.deepEqual(parse(line), body))
}

const heads: [line: string, tag: string | null, name: string | null][] = [
  ["a1 NOOP", "a1", "NOOP"],
  ["a1 uid fetch 1", "a1", "UID FETCH"],
  ["a1 uid", "a1", null],
  ["a1", "a1", null],
  ["a1 (", "a1", null],
  ["+ NOOP", null, null],
  ["", null, null],
  ["(", null, null],
  ["a]1! x", "a]1!", "X"],
  ["a\x00 NOOP", null, null],
  ["\x16\x03\x01", null, null],
  [`${"t".repeat(256)} NOOP`, null, null],
]
for (const [line, tag, name] of heads) {
  test(`head of ${JSON.stringify(line.slice(0, 30))}`, () => {
    assert.deepEqual(headOf(Buffer.from(line, "latin1")), { tag, name })
  })
}

test("the table holds every command of RFC 3501 that is allowed after login", () => {
  const expected =
    "CAPABILITY NOOP LOGOUT SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB STATUS APPEND CHECK CLOSE EXPUNGE SEARCH FETCH STORE COPY"
  for (const name of expected.split(" ")) assert.ok(commandNames.includes(name), name)
  for (const name of ["FETCH", "STORE", "COPY", "SEARCH", "MOVE", "EXPUNGE"])
    assert.ok(commandNames.includes(`UID ${name}`))
})

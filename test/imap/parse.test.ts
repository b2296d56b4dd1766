import assert from "node:assert/strict"
import { test } from "node:test"
import type { CommandBody, FetchItem, ListCommand, Resync, SearchKey } from "../../daemon/imap/ast.ts"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { BadCharset, ParseError } from "../../daemon/imap/errors.ts"
import { headOf } from "../../daemon/imap/head.ts"
import { commandNames, parseCommand } from "../../daemon/imap/parse.ts"
import { cursorOf } from "./cursor-of.ts"

const all = Number.POSITIVE_INFINITY
const set = (...ranges: [number, number][]) => ({ kind: "ranges" as const, ranges })
const noSelection = { subscribed: false, specialUse: false, remote: false, recursiveMatch: false }
const noReturns = { subscribed: false, children: false, specialUse: false, status: null, metadata: null }

function parse(line: string, context = defaultContext): CommandBody {
  const { tag, ...body } = parseCommand(cursorOf(`a1 ${line}`), context)
  assert.equal(tag, "a1")
  return body
}

function list(changes: Partial<ListCommand>): CommandBody {
  const plain = { extended: false, selection: noSelection, reference: "", patterns: ["*"], returns: noReturns }
  return { name: "LIST", list: { ...plain, ...changes } }
}

function fetch(items: FetchItem[], more: Partial<Extract<CommandBody, { name: "FETCH" }>> = {}): CommandBody {
  return { name: "FETCH", uid: false, set: set([1, 1]), items, changedSince: null, vanished: false, ...more }
}

function bodySection(section: Extract<FetchItem, { item: "BODY[]" }>["section"], peek = false): FetchItem {
  return { item: "BODY[]", peek, section, partial: null }
}

function getMetadata(changes: Partial<Extract<CommandBody, { name: "GETMETADATA" }>>): CommandBody {
  return { name: "GETMETADATA", mailbox: "INBOX", options: { maxSize: null, depth: 0 }, entries: [], ...changes }
}

function resyncOf(changes: Partial<Resync>): CommandBody {
  const qresync = { uidValidity: 1, modseq: 2, knownUids: null, match: null, ...changes }
  return { name: "SELECT", mailbox: "INBOX", parameters: { condstore: false, qresync } }
}

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

const refused: [line: string, why: RegExp][] = [
  ["", /command name/],
  ["FOO", /known command at byte 3/],
  ["UID", /SP/],
  ["UID NOOP", /known command/],
  ["UID SELECT x", /known command/],
  ["NOOP ", /CRLF at byte 7/], // a space at the end
  ["NOOP x", /CRLF/],
  ["SELECT", /SP/],
  ["SELECT  INBOX", /mailbox/], // two spaces
  ["SELECT INBOX ", /\( at byte/],
  ["SELECT INBOX ()", /select-param/],
  ["SELECT INBOX (FOO)", /CONDSTORE/],
  ["SELECT a(b", /CRLF/],
  ["SELECT a (QRESYNC)", /SP/],
  ["SELECT a (QRESYNC 1 2)", /\(/],
  ["SELECT a (QRESYNC (0 2))", /nz-number/],
  ["SELECT a (QRESYNC (1 0))", /mod-sequence-value/],
  ["SELECT a (QRESYNC (1 2 1:*))", /without \*/],
  ["SELECT a (QRESYNC (1 2 $))", /nz-number/],
  ["SELECT a (QRESYNC (1 2 (3,2 3,4)))", /ascending/],
  ["SELECT a (QRESYNC (1 2 (3:2 3:4)))", /ascending/],
  ["SELECT a (QRESYNC (1 2 (1 2) 3))", /\)/],
  ['SELECT "\xd6"', /UTF-8/],
  ["SELECT &Jjo!", /- at the end of base64/],
  ["CREATE", /SP/],
  ["CREATE a b", /\( at byte/],
  ["RENAME a", /SP/],
  ["STATUS x ()", /status-att/],
  ["STATUS x (FOO)", /status-att/],
  ["STATUS x MESSAGES", /\(/],
  ["STATUS x (MESSAGES", /SP or \)/],
  ["STATUS x (MESSAGES )", /status-att/],
  ['LIST ""', /SP/],
  ['LIST (RECURSIVEMATCH) "" *', /beside RECURSIVEMATCH/],
  ['LIST (REMOTE RECURSIVEMATCH) "" *', /beside RECURSIVEMATCH/],
  ['LIST (FOO) "" *', /list-select-opt/],
  ['LIST "" ()', /list-mailbox/],
  ['LIST "" * RETURN', /SP/],
  ['LIST "" * RETURN (FOO)', /return-option/],
  ['LIST "" * RETURN (STATUS)', /SP/],
  ['LIST "" * FOO ()', /RETURN/],
  ["LIST * *", /mailbox/],
  ["LSUB a b c", /CRLF/],
  ["ID", /SP/],
  ['ID "a"', /NIL/],
  ['ID ("a")', /SP/],
  ["ID (a b)", /string/],
  [`ID ("${"x".repeat(31)}" NIL)`, /at most 30 octets/],
  [`ID (${Array.from({ length: 31 }, (_, index) => `"${index}" NIL`).join(" ")})`, /at most 30 fields/],
  ["ENABLE", /SP/],
  ["ENABLE ", /capability/],
  ["APPEND a abc", /literal/],
  ["CREATE a ()", /create-param/],
  ["CREATE a (USE)", /SP/],
  ["CREATE a (USE (Sent))", /use-attr/],
  ["CREATE a (OTHER (\\Sent))", /USE/],
  ["GETQUOTA", /SP/],
  ["GETMETADATA INBOX", /SP/],
  ["GETMETADATA INBOX /comment", /entry/],
  ["GETMETADATA INBOX /private", /entry/],
  ["GETMETADATA INBOX /private/a/", /entry/],
  ["GETMETADATA INBOX /private//a", /entry/],
  ['GETMETADATA INBOX "/private/a*"', /entry/],
  ['GETMETADATA INBOX "/private/%"', /entry/],
  ['GETMETADATA INBOX "/private/\xc3\xa9"', /entry/],
  ["GETMETADATA (DEPTH 2) INBOX /private/a", /infinity/],
  ["GETMETADATA (SIZE 2) INBOX /private/a", /MAXSIZE/],
  ["GETMETADATA INBOX ()", /entry/],
  ["SETMETADATA INBOX ()", /entry/],
  ["SETMETADATA INBOX /private/a x", /\(/],
  ["SETMETADATA INBOX (/private/a x)", /NIL/],
  ['LIST "" % RETURN (METADATA)', /SP/],
  ['LIST "" % RETURN (METADATA ())', /entry/],
  ["GETQUOTAROOT a b", /CRLF/],
  ['SETQUOTA ""', /SP/],
  ['SETQUOTA "" (STORAGE)', /SP/],
  ['SETQUOTA "" (STORAGE x)', /number64/],
  ["APPEND a {3}\r\nab", /literal octets/],
  ["APPEND a UTF8 ({1}\r\na)", /literal8/],
  ["APPEND a UTF8 (~{1}\r\na", /\)/],
  ["APPEND a UTF8 ~{1}\r\na", /\(/],
  ["APPEND a UTF9 (~{1}\r\na)", /literal/],
  ["APPEND a {3}\r\nabcd", /CRLF/],
  ["APPEND a (\\Recent) {1}\r\na", /other than \\Recent/],
  ["APPEND a (\\*) {1}\r\na", /flag/],
  ["STORE 1 +FLAGS (\\recent)", /other than \\Recent/],
  ["STORE 1 FLAGS", /SP/],
  ["STORE 1 FLAGS ", /flag/],
  ["STORE 1 FLAGS (a", /SP or \)/],
  ["STORE 1 FLAGS (a  b)", /flag/],
  ["STORE 1 FLAG (a)", /FLAGS/],
  ["STORE 1 + FLAGS (a)", /FLAGS/],
  ["STORE 1 () FLAGS (a)", /store-modifier/],
  ["STORE 1 (UNCHANGEDSINCE -1) FLAGS (a)", /valzer/],
  ["STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS (a)", /\)/],
  ["STORE 0 FLAGS a", /nz-number/],
  ["COPY 1", /SP/],
  ["COPY a b", /nz-number/],
  ["UID EXPUNGE", /SP/],
  ["UID EXPUNGE x", /nz-number/],
  ["FETCH 1", /SP/],
  ["FETCH 1 ()", /fetch-att/],
  ["FETCH 1 (ALL)", /fetch-att/], // a macro stands alone
  ["FETCH 1 FOO", /fetch-att/],
  ["FETCH 1 BODY.PEEK", /fetch-att/],
  ["FETCH 1 RFC822.PEEK", /fetch-att/],
  ["FETCH 1 FLAGS[1]", /CRLF/],
  ["FETCH 1 BODYSTRUCTURE[]", /CRLF/],
  ["FETCH 1 BODY[MIME]", /section-msgtext/],
  ["FETCH 1 BODY[0]", /nz-number/],
  ["FETCH 1 BODY[1.]", /section-text/],
  ["FETCH 1 BODY[.1]", /section-msgtext/],
  ["FETCH 1 BODY[1.HEADERS]", /section-text/],
  ["FETCH 1 BODY[TEXT.1]", /section-msgtext/],
  ["FETCH 1 BODY[HEADER.FIELDS ()]", /header-fld-name/],
  ["FETCH 1 BODY[HEADER.FIELDS]", /SP/],
  ["FETCH 1 BODY[", /section/],
  ["FETCH 1 BODY[]<0.0>", /nz-number/],
  ["FETCH 1 BODY[]<0>", /\./],
  ["FETCH 1 BODY[]<-1.5>", /number/],
  ["FETCH 1 BODY[]<1.5", />/],
  ["FETCH 1 FLAGS UID", /fetch-modifiers/],
  ["FETCH 1 FLAGS (CHANGEDSINCE x)", /mod-sequence-valzer/],
  ["FETCH 1 FLAGS (VANISHED)", /CHANGEDSINCE/],
  ["UID FETCH 1 FLAGS (VANISHED)", /CHANGEDSINCE/],
  ["FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", /UID FETCH/],
  ["FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)", /once/],
  ["UID FETCH 1 FLAGS (VANISHED CHANGEDSINCE 1 VANISHED)", /once/],
  ["UID FETCH 1 FLAGS (VANISHED PARTIAL 1:2)", /CHANGEDSINCE/],
  ["FETCH 1 FLAGS (OTHER)", /fetch-modifier/],
  ["FETCH 1 FLAGS (PARTIAL 1:2)", /CHANGEDSINCE/],
  ["UID FETCH 1 FLAGS (PARTIAL)", /SP/],
  ["UID FETCH 1 FLAGS (PARTIAL 1:*)", /nz-number/],
  ["UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)", /fetch-modifier once/],
  [`FETCH 1 BODY[${"1.".repeat(1000)}1]`, /at most 1000 part numbers/],
  ["SEARCH", /SP/],
  ["SEARCH ", /search-key/],
  ["SEARCH ()", /search-key/],
  ["SEARCH (ALL", /SP or \)/],
  ["SEARCH ALL)", /CRLF/],
  ["SEARCH FOO", /search-key/],
  ["SEARCH CHARSET UTF-8", /SP/],
  ["SEARCH RETURN ALL", /\(/],
  ["SEARCH RETURN (FIRST) ALL", /search-return-opt/],
  ["SEARCH RETURN (PARTIAL) ALL", /SP/],
  ["SEARCH RETURN (PARTIAL 1:-2) ALL", /nz-number/],
  ["SEARCH RETURN (PARTIAL 1:2 ALL) ALL", /one of PARTIAL and ALL/],
  ["SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL", /one of PARTIAL and ALL/],
  ["SEARCH $,1", /CRLF/],
  ["SEARCH OLDER 0", /nz-number/],
  ["SEARCH YOUNGER", /SP/],
  ["SORT (SUBJECT) ALL", /SP/],
  ["SORT () UTF-8 ALL", /sort-key/],
  ["SORT SUBJECT UTF-8 ALL", /\(/],
  ["SORT (REVERSE) UTF-8 ALL", /sort-key/],
  ["SORT (REVERSE REVERSE DATE) UTF-8 ALL", /sort-key/],
  ["SORT (BCC) UTF-8 ALL", /sort-key/],
  ["SORT (DATE) UTF-8", /SP/],
  ["THREAD UTF-8 ALL", /thread-alg/],
  ["ESEARCH", /SP/],
  ["ESEARCH IN personal ALL", /\(/],
  ["ESEARCH IN () ALL", /filter-mailboxes/],
  ["ESEARCH IN (mailboxes) ALL", /SP/],
  ["ESEARCH IN (mailboxes ()) ALL", /mailbox/],
  ["ESEARCH IN (selected-delayed) ALL", /filter-mailboxes/],
  ["ESEARCH IN (personal) RETURN (ALL)", /SP/],
  ["UID ESEARCH ALL", /known command/],
  ["NOTIFY", /SP/],
  ["NOTIFY ALL", /SET or NONE at byte 10/],
  ["NOTIFY NONE x", /CRLF/],
  ["NOTIFY SET", /SP/],
  ["NOTIFY SET STATUS", /\(/],
  ["NOTIFY SET (personal)", /SP/],
  ["NOTIFY SET (personal ALL)", /events/],
  ["NOTIFY SET (personal ())", /event/],
  ["NOTIFY SET (personal (MailboxName) )", /\)/],
  ["NOTIFY SET (personal (MailboxName (UID)))", /event/],
  ["NOTIFY SET (personal (MessageNew ()))", /fetch-att/],
  ["NOTIFY SET (personal (MessageNew FAST))x", /CRLF/],
  ["NOTIFY SET (mailboxes (MailboxName))", /SP/],
  ["NOTIFY SET (nobody (MailboxName))", /filter-mailboxes/],
  ["NOTIFY SET (personal NONE)(inboxes NONE)", /CRLF/],
  ["SEARCH RETURN (UPDATE ()) ALL", /fetch-att/],
  ["SEARCH RETURN (UPDATE (UID) ALL", /search-return-opt|SP or \)/],
  ["SEARCH UIDAFTER", /SP/],
  ["SEARCH UIDBEFORE *", /nz-number/],
  ["SEARCH UIDBEFORE 1:2", /SP|CRLF/],
  ["CANCELUPDATE", /SP/],
  ["CANCELUPDATE B01", /DQUOTE/],
  ["UIDBATCHES", /SP/],
  ["UIDBATCHES 0", /nz-number/],
  ["UIDBATCHES 500 10", /:/],
  ["UIDBATCHES 500 1:*", /nz-number/],
  ["THREAD REFS UTF-8 ALL", /thread-alg/],
  ["THREAD REFERENCES UTF-8", /SP/],
  ["SEARCH NOT", /SP/],
  ["SEARCH OR SEEN", /SP/],
  ["SEARCH KEYWORD \\Seen", /flag/],
  ["SEARCH LARGER -1", /number64/],
  ["SEARCH ON 30-Feb-2020", /day of that month/],
  ['SEARCH MODSEQ "/comment" all 5', /entry-name/],
  ['SEARCH MODSEQ "/flags/x" every 5', /entry-type-req/],
  ['SEARCH EMAILID "a"', /objectid/],
  [`SEARCH THREADID ${"x".repeat(256)}`, /objectid/],
  ["SEARCH __proto__", /search-key/],
  ["SEARCH constructor", /search-key/],
]
for (const [line, why] of refused) {
  test(`refuses ${JSON.stringify(line.slice(0, 80))}`, () => {
    assert.throws(
      () => parse(line),
      (error) => error instanceof ParseError && why.test(error.message),
    )
  })
}

const bombs: [what: string, line: string][] = [
  ["parentheses", `SEARCH ${"(".repeat(10_000)}ALL${")".repeat(10_000)}`],
  ["NOT", `SEARCH ${"NOT ".repeat(10_000)}ALL`],
  ["OR", `SEARCH ${"OR ".repeat(10_000)}ALL ALL`],
  ["open parentheses in FETCH", `FETCH 1 ${"(".repeat(10_000)}`],
  ["open parentheses in LIST", `LIST ${"(".repeat(10_000)}`],
]
for (const [what, line] of bombs) {
  test(`10,000 nested ${what} are a ParseError`, () => assert.throws(() => parse(line), ParseError))
}

test("nesting up to the limit is fine", () => {
  const depth = defaultContext.maxNesting
  parse(`SEARCH ${"(".repeat(depth)}ALL${")".repeat(depth)}`)
  assert.throws(() => parse(`SEARCH ${"(".repeat(depth + 1)}ALL${")".repeat(depth + 1)}`), /at most 50 levels/)
})

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

import assert from "node:assert/strict"
import { test } from "node:test"
import { letter, startHome } from "./harness.ts"

type Options = NonNullable<Parameters<typeof startHome>[1]>

/**
 * What a client may make large: a setting, made small here; commands that are just allowed; one that is too
 * much, and its answer. Afterwards all that was allowed is still there.
 */
const limits: [what: string, settings: Options, allowed: string[], refused: string, answer: RegExp][] = [
  [
    "folders",
    { mailbox: { max_folders: 8 } },
    ["CREATE a", "CREATE b"],
    "CREATE c",
    /^NO \[LIMIT\] .*delete one first/,
  ],
  [
    "folders above one",
    { mailbox: { max_folders: 8 } },
    ["CREATE a/b"],
    "CREATE a/c",
    /^NO \[LIMIT\] .*delete one first/,
  ],
  [
    "folders made by RENAME",
    { mailbox: { max_folders: 8 } },
    ["CREATE a", "CREATE b", "RENAME a c"],
    "RENAME b x/y",
    /^NO \[LIMIT\] .*delete one first/,
  ],
  [
    "levels of a name",
    { mailbox: { max_folder_depth: 3 } },
    ["CREATE a/b/c"],
    "CREATE a/b/c/d",
    /^NO \[LIMIT\] .*shorter/,
  ],
  [
    "length of a name",
    { mailbox: { max_folder_name_bytes: 100 } },
    [`CREATE ${"n".repeat(100)}`],
    `CREATE ${"n".repeat(101)}`,
    /^NO \[LIMIT\] .*shorter/,
  ],
  [
    "subscriptions",
    { mailbox: { max_subscriptions: 7 } },
    ["SUBSCRIBE a", "SUBSCRIBE a"],
    "SUBSCRIBE b",
    /^NO \[LIMIT\] .*unsubscribe from one first/,
  ],
  [
    "keywords of a folder",
    { mailbox: { max_keywords: 3 } },
    ["STORE 1 +FLAGS (a b)", "STORE 2 +FLAGS (c A)"],
    "STORE 1 +FLAGS (d)",
    /^NO \[LIMIT\] .*use those/,
  ],
  [
    "keywords of a message",
    { mailbox: { max_keywords_per_message: 3 } },
    ["STORE 1 +FLAGS (a b c)", "STORE 2 FLAGS (d e f)"],
    "STORE 1 +FLAGS (d)",
    /^NO \[LIMIT\] /,
  ],
  [
    "annotations",
    { limits: { max_annotations: 2 } },
    ['SETMETADATA "" (/private/a "1" /private/b "2")'],
    'SETMETADATA "" (/private/c "3")',
    /^NO \[METADATA TOOMANY\] /,
  ],
  [
    "an annotation",
    { limits: { max_annotation_bytes: 10 } },
    ['SETMETADATA "" (/private/a "0123456789")'],
    'SETMETADATA "" (/private/a "01234567890")',
    /^NO \[METADATA MAXSIZE 10\] /,
  ],
  [
    "octets of all annotations",
    { mailbox: { max_annotations_total_bytes: 22 } },
    ['SETMETADATA "" (/private/a "1")', 'SETMETADATA INBOX (/private/b "2")', 'SETMETADATA INBOX (/private/b "3")'],
    'SETMETADATA "" (/private/a "12")',
    /^NO \[OVERQUOTA\] /,
  ],
  [
    "annotations that INBOX and its new name both have",
    { mailbox: { max_annotations_total_bytes: 20 } },
    ['SETMETADATA INBOX (/private/b "2")'],
    "RENAME INBOX old",
    /^NO \[OVERQUOTA\] /,
  ],
  [
    "ranges in a set",
    { limits: { max_sequence_ranges: 3 } },
    ["FETCH 1,2,1 UID"],
    "FETCH 1,2,1,2 UID",
    /^BAD .*at most 3/,
  ],
  ["nesting", { limits: { max_nesting: 3 } }, ["SEARCH (((ALL)))"], "SEARCH ((((ALL))))", /^BAD .*at most 3 levels/],
  [
    "search keys",
    { limits: { max_items: 4 } },
    ["SEARCH ALL SEEN NOT SEEN"],
    "SEARCH ALL SEEN NOT NOT SEEN",
    /^BAD .*at most 4 search keys/,
  ],
  [
    "FETCH items",
    { limits: { max_items: 3 } },
    ["FETCH 1 (UID FLAGS UID)"],
    "FETCH 1 (UID UID UID UID)",
    /^BAD .*at most 3/,
  ],
  ["LIST patterns", { limits: { max_items: 2 } }, ['LIST "" (a b)'], 'LIST "" (a b c)', /^BAD .*at most 2/],
  [
    "SORT criteria",
    { limits: { max_items: 2 } },
    ["SORT (DATE SIZE) UTF-8 ALL"],
    "SORT (DATE SIZE TO) UTF-8 ALL",
    /^BAD .*at most 2/,
  ],
  ...(
    [
      ["sources of ESEARCH", "ESEARCH IN (inboxes inboxes) ALL", "ESEARCH IN (inboxes inboxes inboxes) ALL"],
      ["mailboxes of a source", "ESEARCH IN (mailboxes (a b)) ALL", "ESEARCH IN (mailboxes (a b c)) ALL"],
      ["results of SEARCH", "SEARCH RETURN (MIN MIN) ALL", "SEARCH RETURN (MIN MIN MIN) ALL"],
      ["items of STATUS", "STATUS INBOX (UNSEEN SIZE)", "STATUS INBOX (UNSEEN UNSEEN UNSEEN)"],
      ["selections of LIST", 'LIST (REMOTE REMOTE) "" *', 'LIST (REMOTE REMOTE REMOTE) "" *'],
      ["returns of LIST", 'LIST "" * RETURN (CHILDREN)', 'LIST "" * RETURN (CHILDREN CHILDREN CHILDREN)'],
      ["fields of a header", "FETCH 1 BODY[HEADER.FIELDS (A B)]", "FETCH 1 BODY[HEADER.FIELDS (A B C)]"],
      ["entries", 'GETMETADATA "" (/private/a /private/b)', 'GETMETADATA "" /private/a /private/b /private/c'],
      ["flags", "STORE 1 +FLAGS (a b)", "STORE 1 +FLAGS a b c"],
    ] as const
  ).map(([what, allowed, refused]): [string, Options, string[], string, RegExp] => [
    what,
    { limits: { max_items: 2 } },
    [allowed],
    refused,
    /^BAD .*at most 2 items/,
  ]),
  ...["BODY", "TEXT", "SUBJECT", "HEADER X"].map((key): [string, Options, string[], string, RegExp] => [
    `a text to search for in ${key}`,
    { limits: { max_search_characters: 100 } },
    [`SEARCH ${key} ${"x".repeat(100)}`],
    `SEARCH ${key} ${"x".repeat(101)}`,
    /^NO \[LIMIT\] .*at most 100 characters: a part/,
  ]),
  ["a line", { limits: { max_line_bytes: 100 } }, [`NOOP`], `SEARCH TEXT ${"x".repeat(100)}`, /^BAD .*too long/i],
  [
    "contexts",
    { limits: { max_contexts: 2 } },
    ["SEARCH RETURN (UPDATE) ALL", "SEARCH RETURN (UPDATE) SEEN"],
    "SEARCH RETURN (UPDATE) UNSEEN",
    /^OK /, // RFC 5267 §4.3.1: said with NOUPDATE, the search itself is answered
  ],
  [
    "messages in a sorted context",
    { limits: { max_sorted_context: 1 } },
    ["SORT RETURN (UPDATE) (DATE) UTF-8 1"],
    "SORT RETURN (UPDATE) (DATE) UTF-8 1:2",
    /^OK /,
  ],
  [
    "fields of ID",
    {},
    [`ID (${'"a" "b" '.repeat(29)}"a" "b")`],
    `ID (${'"a" "b" '.repeat(30)}"a" "b")`,
    /^BAD .*at most 30/,
  ],
  ["a message", { maxMessageBytes: 100 }, [], `APPEND INBOX {101+}\r\n${"x".repeat(101)}`, /^NO \[TOOBIG\] /],
]

for (const [what, settings, allowed, refused, answer] of limits) {
  test(`limit: ${what}`, async (t) => {
    const home = startHome(t, settings)
    const client = await home.connect()
    if (!("maxMessageBytes" in settings))
      for (const subject of ["one", "two"]) await client.append("INBOX", letter(subject))
    await client.ok("SELECT INBOX")
    for (const command of allowed) await client.ok(command)
    const state = async () => [
      home.store.mailboxes.list().map(({ name }) => name),
      [...home.store.mailboxes.subscriptions()],
      (await client.command("FETCH 1:* FLAGS")).untagged.map(({ text }) => text),
    ]
    const before = await state()
    const { status, untagged } = await client.command(refused)
    assert.match(status, answer)
    if (what.includes("context")) assert.ok(untagged.some(({ text }) => text.startsWith("* NO [NOUPDATE")))
    assert.deepEqual(await state(), before)
  })
}

test("STATUS tells each item once", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  const asked = "MESSAGES DELETED-STORAGE MESSAGES DELETED-STORAGE"
  assert.deepEqual(await client.ok(`STATUS INBOX (${asked})`), ["* STATUS INBOX (MESSAGES 0 DELETED-STORAGE 0)"])
  const listed = await client.ok(`LIST "" INBOX RETURN (STATUS (${asked}))`)
  assert.deepEqual(listed.slice(1), ["* STATUS INBOX (MESSAGES 0 DELETED-STORAGE 0)"])
})

test("a limit that is lowered takes nothing away, and what shrinks is allowed", async (t) => {
  const mailbox = { max_folders: 3, max_subscriptions: 2, max_keywords: 2, max_keywords_per_message: 2 }
  const client = await startHome(t, { mailbox }).connect()
  await client.append("INBOX", letter("one"))
  await client.ok("SELECT INBOX")
  await client.ok("STORE 1 FLAGS (a b)")
  await client.ok("STORE 1 -FLAGS (a)")
  await client.ok("RENAME Drafts Entwuerfe")
  await client.ok("DELETE Sent")
  await client.ok("UNSUBSCRIBE Sent")
  assert.match((await client.command("CREATE more")).status, /^NO \[LIMIT\]/)
})

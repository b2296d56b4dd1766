import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { letter, startHome } from "./harness.ts"

const words = fc.constantFrom(
  ...'CAPABILITY NOOP CHECK ID ENABLE NAMESPACE SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB STATUS CLOSE UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID RETURN CHARSET UTF-8 CONDSTORE INBOX inbox Sent foo foo/bar nowhere 1 2 1:* * 3:1 99 0 1,2,5:7 FLAGS +FLAGS -FLAGS.SILENT \\Seen \\Deleted \\Recent $Kw NIL ALL FULL ENVELOPE BODY BODYSTRUCTURE BODY[] BODY.PEEK[1.MIME] BODY[HEADER.FIELDS RFC822 RFC822.SIZE MODSEQ MESSAGES UNSEEN HIGHESTMODSEQ UNCHANGEDSINCE CHANGEDSINCE NOT OR TEXT SUBJECT BODY SINCE 1-Feb-1994 SUBSCRIBED RECURSIVEMATCH SPECIAL-USE % INB* &AOk- "quoted'.split(
    " ",
  ),
  '""',
  '"a b"',
  "(",
  ")",
  "()",
  "(FLAGS UID)",
  "(\\Seen $A)",
  "(MESSAGES)",
  "]",
  "{3}",
  "{3+}",
  "\u00e9",
)
const line = fc.array(words, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(" "))
const noise = fc.string({ unit: "binary", maxLength: 60 }).map((text) => text.replace(/[\r\n]/g, "?"))

test("no line whatsoever gets anything but an answer", async (t) => {
  const home = startHome(t, { limits: { max_bad_commands: 10_000 } })
  const client = await home.connect()
  for (const subject of ["one", "two", "three"]) await client.append("INBOX", letter(subject))
  let tag = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ arbitrary: line, weight: 4 }, noise), { minLength: 1, maxLength: 20 }),
      async (lines) => {
        for (const text of lines) {
          tag += 1
          // A line that ends in a literal goes on in the next, which then is part of it.
          client.send(Buffer.from(`f${tag} ${text} x\r\n`, "utf8"))
        }
        tag += 1
        client.send(`\r\nabc\r\nf${tag} NOOP\r\n`)
        const { status } = await client.answer(`f${tag}`)
        assert.match(status, /^OK/)
      },
    ),
    { numRuns: 150 },
  )
})

test("commands that the grammar takes are answered in every state", async (t) => {
  const home = startHome(t, { limits: { max_bad_commands: 10_000 } })
  const client = await home.connect()
  for (const subject of ["one", "two", "three"]) await client.append("INBOX", letter(subject))
  const sets = fc.constantFrom("1", "2:3", "1:*", "*", "3,1", "7", "5:*")
  const boxes = fc.constantFrom("INBOX", "Sent", "foo", "foo/bar", "Nowhere", "&AOk-")
  const flags = fc.constantFrom("(\\Seen)", "()", "(\\Deleted $Kw)", "\\Flagged", "($A $B)")
  const keys = fc.constantFrom(
    "ALL",
    "UNSEEN",
    "TEXT hello",
    "NOT BODY one",
    "OR SUBJECT two DELETED",
    "MODSEQ 3",
    "RECENT",
    "UID 1:9",
  )
  const items = fc.constantFrom(
    "FLAGS",
    "(UID BODY[])",
    "FULL",
    "BODY[1]",
    "(MODSEQ)",
    "BODY[HEADER.FIELDS (Subject)]",
    "BODYSTRUCTURE",
  )
  const uid = fc.constantFrom("", "UID ")
  const commands = fc.oneof(
    fc
      .tuple(fc.constantFrom("SELECT", "EXAMINE", "CREATE", "DELETE", "SUBSCRIBE"), boxes)
      .map((parts) => parts.join(" ")),
    fc.tuple(boxes, boxes).map(([from, to]) => `RENAME ${from} ${to}`),
    fc.tuple(uid, sets, items).map(([prefix, set, item]) => `${prefix}FETCH ${set} ${item}`),
    fc
      .tuple(uid, sets, fc.constantFrom("FLAGS", "+FLAGS", "-FLAGS.SILENT"), flags)
      .map(([p, s, o, f]) => `${p}STORE ${s} ${o} ${f}`),
    fc.tuple(uid, fc.constantFrom("COPY", "MOVE"), sets, boxes).map(([p, name, s, b]) => `${p}${name} ${s} ${b}`),
    fc.tuple(uid, keys).map(([prefix, key]) => `${prefix}SEARCH ${key}`),
    fc.constantFrom(
      "EXPUNGE",
      "UID EXPUNGE 1:*",
      "CLOSE",
      "UNSELECT",
      "NOOP",
      "CHECK",
      "ENABLE CONDSTORE",
      'LIST "" *',
      'LSUB "" %',
      "NOTIFY NONE",
      "NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[]) MessageExpunge FlagChange)) (personal (MailboxName))",
      "NOTIFY SET STATUS (selected-delayed (MessageNew MessageExpunge)) (subscribed (MessageNew MessageExpunge))",
      "NOTIFY SET (subtree foo (MessageNew MessageExpunge FlagChange SubscriptionChange)) (inboxes NONE)",
      "SEARCH RETURN (UPDATE (UID FLAGS)) UNSEEN",
    ),
    boxes.map((box) => `STATUS ${box} (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ SIZE)`),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 1, maxLength: 30 }), async (list) => {
      await client.append("INBOX", letter("again"))
      for (const text of list) assert.match((await client.command(text)).status, /^(OK|NO|BAD) /, text)
    }),
    { numRuns: 60 },
  )
})

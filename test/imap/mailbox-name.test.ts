import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { ParseError } from "../../daemon/imap/errors.ts"
import { decodeMailbox, encodeMailbox, mailbox, mailboxPattern } from "../../daemon/imap/mailbox-name.ts"
import { mailboxWire } from "../../daemon/imap/response.ts"
import { cursorOf, latin1Of } from "./cursor-of.ts"

const names: [wire: string, name: string][] = [
  ["", ""],
  ["INBOX", "INBOX"],
  ["~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"], // RFC 3501 §5.1.3
  ["&Jjo-!", "☺!"],
  ["&U,BTF2XlZyyKng-", "台北日本語"],
  ["Tom &- Jerry", "Tom & Jerry"],
  ["&-&-", "&&"],
  ["&-&AOk-", "&é"],
  ["&AOk-&-", "é&"],
  ["Entw&APw-rfe", "Entwürfe"],
  ["&2D3eAA-", "😀"],
]
for (const [wire, name] of names) {
  test(`mailbox name ${wire} is ${name}, both ways`, () => {
    assert.equal(decodeMailbox(Buffer.from(wire, "latin1")), name)
    assert.equal(encodeMailbox(name), wire)
  })
}

const refused: [wire: string, why: string][] = [
  ["&Jjo!", "no shift back before !"],
  ["&Jjo", "ends in base64"],
  ["&", "lone &"],
  ["&U,BTFw-&ZeVnLIqe-", "superfluous shift"],
  ["&AEE-", "A could stand for itself"],
  ["&AOkAQQ-", "A in the middle of a run"],
  ["&ACY-", "& is &-"],
  ["&AO-", "half a unit"],
  ["&A-", "one sextet"],
  ["&AOl-", "bits left over"],
  ["&AOkA-", "a sextet too many"],
  ["&AOk=-", "padding"],
  ["&AO/-", "/ instead of ,"],
  ["&2D0-", "lone high surrogate"],
  ["&3gA-", "lone low surrogate"],
  ["\xc3\xa9", "8-bit"],
  ["a\x7f", "DEL"],
  ["a\tb", "control"],
  ["a\0b", "NUL"],
]
for (const [wire, why] of refused) {
  test(`mailbox name ${JSON.stringify(wire)} is refused: ${why}`, () => {
    assert.throws(() => decodeMailbox(Buffer.from(wire, "latin1")), ParseError)
  })
}

test("INBOX in any case is INBOX, also as the first level, and nowhere else", () => {
  const cases: [string, string][] = [
    ["inbox", "INBOX"],
    ["iNbOx", "INBOX"],
    ["inbox/a", "INBOX/a"],
    ["inboxes", "inboxes"],
    ["a/inbox", "a/inbox"],
  ]
  for (const [wire, name] of cases) assert.equal(decodeMailbox(Buffer.from(wire)), name)
})

test("names come out in NFC", () => {
  assert.equal(decodeMailbox(Buffer.from("e&AwE-")), "\u00e9")
})

test("mailbox takes an astring, a pattern takes wildcards", () => {
  assert.equal(mailbox(cursorOf('"Entw&APw-rfe" x'), defaultContext), "Entwürfe")
  assert.equal(mailbox(cursorOf("{5}\r\ninbox"), defaultContext), "INBOX")
  assert.throws(() => mailbox(cursorOf("*"), defaultContext), ParseError)
  assert.equal(mailboxPattern(cursorOf("&APw-*/%"), defaultContext), "ü*/%")
})

test("with utf8 a name is UTF-8 and & is a plain character", () => {
  const context = { ...defaultContext, utf8: true }
  assert.equal(mailbox(cursorOf('"Entw\xc3\xbcrfe & mehr"'), context), "Entwürfe & mehr")
  assert.throws(() => mailbox(cursorOf('"\xfc"'), context), /UTF-8 at byte 0/)
  assert.equal(latin1Of(mailboxWire("Entwürfe", true)), '"Entw\xc3\xbcrfe"')
})

test("any name is written so that it is read back", () => {
  const name = fc.string({ unit: "binary" }).map((text) => text.toWellFormed().normalize("NFC"))
  fc.assert(
    fc.property(name, fc.boolean(), (given, utf8) => {
      fc.pre(!/^inbox(\/|$)/i.test(given) && !(utf8 && given.includes("\0")))
      const cursor = { bytes: mailboxWire(given, utf8), at: 0 }
      assert.equal(mailbox(cursor, { ...defaultContext, utf8 }), given)
      assert.equal(cursor.at, cursor.bytes.length)
    }),
    { numRuns: 1000 },
  )
})

test("any octets are refused, or name something that is written and read back", () => {
  const wire = fc.string({ unit: fc.constantFrom(...Array.from("&&--,+/AOkBzZ09é a")), maxLength: 14 })
  fc.assert(
    fc.property(wire, (given) => {
      const name = nameOrRefusal(given)
      if (name !== null) assert.equal(nameOrRefusal(encodeMailbox(name)), name)
    }),
    { numRuns: 2000 },
  )
})

function nameOrRefusal(wire: string): string | null {
  try {
    return decodeMailbox(Buffer.from(wire, "latin1"))
  } catch (error) {
    if (error instanceof ParseError) return null
    throw error
  }
}

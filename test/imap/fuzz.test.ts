import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { SearchKey, SequenceSet } from "../../daemon/imap/ast.ts"
import { defaultContext, latin1 } from "../../daemon/imap/cursor.ts"
import { months } from "../../daemon/imap/dates.ts"
import { BadCharset, ParseError } from "../../daemon/imap/errors.ts"
import { headOf } from "../../daemon/imap/head.ts"
import { commandNames, parseCommand } from "../../daemon/imap/parse.ts"
import { stringWire } from "../../daemon/imap/response.ts"
import { cursorOf } from "./cursor-of.ts"

const token = fc.constantFrom(
  ...' |  |(|)|[|]|<|>|"|\\|{3}\r\nabc|{9+}\r\n|~{1}\r\nx|*|%|:|,|1|0|4294967295|NIL|INBOX|&AOk-|&|\\Seen|\\Recent|FLAGS|BODY|BODY.PEEK|HEADER|.FIELDS|TEXT|RETURN|CHARSET|UTF-8|NOT|OR|ALL|UID|MODSEQ|1-Feb-1994|" 7-Feb-1994 21:52:25 -0800"|STATUS|MESSAGES|SUBSCRIBED|CHANGEDSINCE|UNCHANGEDSINCE|+|-|\r|\n|\0|\x7f|\xff'.split(
    "|",
  ),
)
const noise = fc.array(fc.oneof({ weight: 5, arbitrary: token }, fc.string({ unit: "binary-ascii", maxLength: 3 })), {
  maxLength: 20,
})

function mustRefuseOrParse(line: string): void {
  const cursor = cursorOf(line)
  try {
    parseCommand(cursor, defaultContext)
    assert.equal(cursor.at, line.length)
  } catch (error) {
    if (error instanceof BadCharset) return
    assert.ok(error instanceof ParseError, String(error))
    assert.ok(error.at >= 0 && error.at <= line.length, `${error.message} in ${JSON.stringify(line)}`)
  }
}

test("any arguments to any command: parsed to the end, or refused at an octet of the line", () => {
  fc.assert(
    fc.property(fc.constantFrom(...commandNames), noise, (name, parts) => {
      const line = `a ${name} ${parts.join("")}`
      mustRefuseOrParse(line)
      assert.deepEqual(headOf(Buffer.from(line, "latin1")), { tag: "a", name })
    }),
    { numRuns: 5000 },
  )
})

test("any octets at all", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => mustRefuseOrParse(latin1(octets))),
    { numRuns: 1000 },
  )
})

const printed = (set: SequenceSet) =>
  set.kind === "saved"
    ? "$"
    : set.ranges
        .map(([from, to]) => [from, to].map((value) => (value === Number.POSITIVE_INFINITY ? "*" : value)).join(":"))
        .join(",")

function day(days: number): string {
  const at = new Date(days * 86_400_000)
  return `${at.getUTCDate()}-${months[at.getUTCMonth()]}-${String(at.getUTCFullYear()).padStart(4, "0")}`
}

const quoted = (text: string) => latin1(stringWire(Buffer.from(text, "utf8")))
const dateNames = {
  "internal-date": { before: "BEFORE", on: "ON", since: "SINCE" },
  "sent-date": { before: "SENTBEFORE", on: "SENTON", since: "SENTSINCE" },
  "save-date": { before: "SAVEDBEFORE", on: "SAVEDON", since: "SAVEDSINCE" },
}

/** A search-key as a client would write it. */
function print(key: SearchKey): string {
  switch (key.key) {
    case "and":
      return `(${key.keys.map(print).join(" ")})`
    case "or":
      return `OR ${print(key.left)} ${print(key.right)}`
    case "not":
      return `NOT ${print(key.not)}`
    case "all":
      return "ALL"
    case "set":
      return `${key.uid ? "UID " : ""}${printed(key.set)}`
    case "flag":
      return key.flag.startsWith("\\")
        ? `${key.on ? "" : "UN"}${key.flag.slice(1)}`
        : `${key.on ? "" : "UN"}KEYWORD ${key.flag}`
    case "recent":
      return key.on ? "RECENT" : "OLD"
    case "size":
      return `${key.compare} ${key.octets}`
    case "internal-date":
    case "sent-date":
    case "save-date":
      return `${dateNames[key.key][key.compare]} ${day(key.day)}`
    case "field":
      return `${key.field.toUpperCase()} ${quoted(key.text)}`
    case "header":
      return `HEADER ${quoted(key.field)} ${quoted(key.text)}`
    case "body":
    case "text":
      return `${key.key} ${quoted(key.text)}`
    case "modseq":
      return `MODSEQ ${key.atLeast}`
    case "email-id":
      return `EMAILID ${key.id}`
    case "thread-id":
      return `THREADID ${key.id}`
    case "save-date-supported":
      return "SAVEDATESUPPORTED"
    case "within":
      return `${key.compare} ${key.seconds}`
  }
}

const seqNumber = fc.oneof(fc.integer({ min: 1, max: 0xffff_ffff }), fc.constant(Number.POSITIVE_INFINITY))
const sequenceSet = fc.oneof(
  fc
    .array(fc.tuple(seqNumber, seqNumber), { minLength: 1, maxLength: 4 })
    .map((ranges): SequenceSet => ({ kind: "ranges", ranges })),
  fc.constant<SequenceSet>({ kind: "saved" }),
)
const text = fc.string({ unit: "binary", maxLength: 8 }).map((value) =>
  value
    .toWellFormed()
    .replaceAll("\0", "")
    .replace(/^\ufeff+/, ""),
)
const flag = fc.constantFrom("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Junk", "x")
const { key: anyKey } = fc.letrec<{ key: SearchKey }>((tie) => ({
  key: fc.oneof(
    { depthSize: "small" },
    fc.constant<SearchKey>({ key: "all" }),
    fc.boolean().map((on): SearchKey => ({ key: "recent", on })),
    fc.tuple(fc.boolean(), sequenceSet).map(([uid, set]): SearchKey => ({ key: "set", uid, set })),
    fc.tuple(flag, fc.boolean()).map(([name, on]): SearchKey => ({ key: "flag", flag: name, on })),
    fc
      .tuple(fc.constantFrom("larger", "smaller"), fc.maxSafeNat())
      .map(([compare, octets]): SearchKey => ({ key: "size", compare, octets })),
    fc
      .tuple(
        fc.constantFrom("internal-date", "sent-date", "save-date"),
        fc.constantFrom("before", "on", "since"),
        fc.integer({ min: -700_000, max: 2_900_000 }),
      )
      .map(([key, compare, at]): SearchKey => ({ key, compare, day: at })),
    fc
      .tuple(fc.constantFrom("from", "to", "cc", "bcc", "subject"), text)
      .map(([field, value]): SearchKey => ({ key: "field", field, text: value })),
    fc
      .tuple(fc.constantFrom("Subject", "X y"), text)
      .map(([field, value]): SearchKey => ({ key: "header", field, text: value })),
    fc.tuple(fc.constantFrom("body", "text"), text).map(([key, value]): SearchKey => ({ key, text: value })),
    fc.maxSafeNat().map((atLeast): SearchKey => ({ key: "modseq", atLeast })),
    fc.constantFrom<SearchKey>(
      { key: "email-id", id: "M1" },
      { key: "thread-id", id: "T_1" },
      { key: "save-date-supported" },
      { key: "within", compare: "older", seconds: 1 },
      { key: "within", compare: "younger", seconds: 0xffff_ffff },
    ),
    tie("key").map((not): SearchKey => ({ key: "not", not })),
    fc.tuple(tie("key"), tie("key")).map(([left, right]): SearchKey => ({ key: "or", left, right })),
    fc.array(tie("key"), { minLength: 2, maxLength: 3 }).map((keys): SearchKey => ({ key: "and", keys })),
  ),
}))

test("any search-key that is written is read back", () => {
  fc.assert(
    fc.property(anyKey, (key) => {
      const command = parseCommand(cursorOf(`a SEARCH CHARSET UTF-8 ${print(key)}`), defaultContext)
      assert.deepEqual(command.name === "SEARCH" && command.key, key)
    }),
    { numRuns: 1000 },
  )
})

test("one command of 1 MB is read once: a long line of every kind", () => {
  const lines = [
    `a SEARCH TEXT "${"x".repeat(1_000_000)}"`,
    `a SEARCH TEXT "${"\\\\".repeat(500_000)}"`,
    `a SEARCH ${"SEEN ".repeat(200_000)}ALL`,
    `a FETCH 1 (${"FLAGS ".repeat(160_000)}UID)`,
    `a STORE 1 FLAGS (${"a ".repeat(500_000)}b)`,
    `a SELECT ${"&AOk-x".repeat(160_000)}`,
    `a SELECT &${"AOkA6QDp".repeat(125_000)}-`,
    `a ID (${" ".repeat(1_000_000)}`,
    `${"a".repeat(1_000_000)}`,
  ]
  for (const line of lines) mustRefuseOrParse(line)
})

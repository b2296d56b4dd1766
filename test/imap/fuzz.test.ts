import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { FetchItem, SearchKey, Section, SequenceSet } from "../../daemon/imap/ast.ts"
import { defaultContext, latin1 } from "../../daemon/imap/cursor.ts"
import { months } from "../../daemon/imap/dates.ts"
import { BadCharset, ParseError } from "../../daemon/imap/errors.ts"
import { headOf } from "../../daemon/imap/head.ts"
import { commandNames, parseCommand } from "../../daemon/imap/parse.ts"
import { sectionWire, sequenceSetWire, stringWire } from "../../daemon/imap/response.ts"
import { cursorOf } from "./cursor-of.ts"

const token = fc.constantFrom(
  ...' |  |(|)|[|]|<|>|"|\\|{3}\r\nabc|{9+}\r\n|~{1}\r\nx|*|%|:|,|1|0|4294967295|NIL|INBOX|&AOk-|&|\\Seen|\\Recent|FLAGS|BODY|BODY.PEEK|HEADER|.FIELDS|TEXT|RETURN|CHARSET|UTF-8|NOT|OR|ALL|UID|MODSEQ|1-Feb-1994|" 7-Feb-1994 21:52:25 -0800"|STATUS|MESSAGES|SUBSCRIBED|CHANGEDSINCE|UNCHANGEDSINCE|SET|NONE|selected|subtree|MessageNew|MailboxName|UPDATE|+|-|\r|\n|\0|\x7f|\xff'.split(
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

/** FETCH items as a client would write them. */
function printItem(item: FetchItem): string {
  const partial = "partial" in item && item.partial !== null ? `<${item.partial.offset}.${item.partial.length}>` : ""
  if (item.item === "BODY[]") return `BODY${item.peek ? ".PEEK" : ""}[${printSection(item.section)}]${partial}`
  if (item.item === "BINARY[]") return `BINARY${item.peek ? ".PEEK" : ""}[${item.parts.join(".")}]${partial}`
  if (item.item === "BINARY.SIZE") return `BINARY.SIZE[${item.parts.join(".")}]`
  if (item.item === "PREVIEW") return item.lazy ? "PREVIEW (LAZY)" : "PREVIEW"
  return item.item
}

function printSection({ parts, what }: Section): string {
  const text = what.text === "ALL" ? [] : [what.text]
  const fields = "fields" in what ? ` (${what.fields.map((field) => quoted(field)).join(" ")})` : ""
  return [...parts.map(String), ...text].join(".") + fields
}

const partNumbers = fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 1, maxLength: 4 })
const range = fc.option(
  fc.record({ offset: fc.nat(), length: fc.integer({ min: 1, max: 0xffff_ffff }) }, { noNullPrototype: true }),
)
const fieldName = fc.string({ unit: fc.constantFrom(...'aZ-9"\\ ('), minLength: 1, maxLength: 6 })
const fieldNames = fc.array(fieldName, { minLength: 1, maxLength: 3 })
const what = fc.oneof(
  fc.constantFrom<"ALL" | "HEADER" | "TEXT" | "MIME">("ALL", "HEADER", "TEXT", "MIME").map((text) => ({ text })),
  fc
    .tuple(fc.constantFrom<"HEADER.FIELDS" | "HEADER.FIELDS.NOT">("HEADER.FIELDS", "HEADER.FIELDS.NOT"), fieldNames)
    .map(([text, fields]) => ({ text, fields })),
)
const section: fc.Arbitrary<Section> = fc
  .tuple(fc.oneof(fc.constant<number[]>([]), partNumbers), what)
  .map(([parts, given]): Section => ({ parts: given.text === "MIME" && parts.length === 0 ? [1] : parts, what: given }))
const fetchItem: fc.Arbitrary<FetchItem> = fc.oneof(
  fc.constantFrom<FetchItem>(
    { item: "FLAGS" },
    { item: "UID" },
    { item: "BODY" },
    { item: "RFC822.SIZE" },
    { item: "MODSEQ" },
  ),
  fc.boolean().map((lazy): FetchItem => ({ item: "PREVIEW", lazy })),
  fc
    .tuple(fc.boolean(), section, range)
    .map(([peek, given, partial]): FetchItem => ({ item: "BODY[]", peek, section: given, partial })),
  fc
    .tuple(fc.boolean(), partNumbers, range)
    .map(([peek, parts, partial]): FetchItem => ({ item: "BINARY[]", peek, parts, partial })),
  partNumbers.map((parts): FetchItem => ({ item: "BINARY.SIZE", parts })),
)

test("any FETCH that is written is read back, and a section is named in the answer as it was in the question", () => {
  fc.assert(
    fc.property(fc.array(fetchItem, { minLength: 1, maxLength: 4 }), sequenceSet, (items, set) => {
      const command = parseCommand(
        cursorOf(`a FETCH ${printed(set)} (${items.map(printItem).join(" ")})`),
        defaultContext,
      )
      assert.ok(command.name === "FETCH")
      assert.deepEqual(command.items, items)
      assert.deepEqual(command.set, set)
      for (const item of items) {
        if (item.item !== "BODY[]") continue
        const label = latin1(sectionWire(item.section, null))
        const again = parseCommand(cursorOf(`a FETCH 1 ${label}`), defaultContext)
        assert.deepEqual(again.name === "FETCH" && again.items, [{ ...item, peek: false, partial: null }])
      }
    }),
    { numRuns: 1000 },
  )
})

test("a set of numbers that is written is read back", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 1, maxLength: 30 }),
      (numbers) => {
        const sorted = numbers.toSorted((a, b) => a - b)
        const command = parseCommand(cursorOf(`a FETCH ${sequenceSetWire(sorted)} UID`), defaultContext)
        assert.ok(command.name === "FETCH" && command.set.kind === "ranges")
        const all = command.set.ranges.flatMap(([from, to]) =>
          Array.from({ length: to - from + 1 }, (_, n) => from + n),
        )
        assert.deepEqual(all, sorted)
      },
    ),
  )
})

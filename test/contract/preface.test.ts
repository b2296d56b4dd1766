import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import {
  AnswerReader,
  encodeAnswer,
  encodePreface,
  type Preface,
  type PrefaceAnswer,
  PrefaceError,
  PrefaceReader,
} from "../../daemon/contract/preface.ts"

const facts = { remote: "192.0.2.9", tls: true, tag: "a1", client: { name: "Mail" } }
const preface: Preface = {
  purpose: "imap",
  ticket: new Uint8Array(32).fill(7),
  credential: Uint8Array.from(Buffer.from("tr0ub4dor")),
  second: new Uint8Array(0),
  facts,
}
const wire = () => encodePreface(preface)

test("a preface has the layout that is written at the head of the format", () => {
  const json = Buffer.from(JSON.stringify(facts))
  const expected = Buffer.concat([
    Buffer.from("MKPF\x01\x01"),
    Buffer.alloc(32, 7),
    Buffer.from("\0\x09tr0ub4dor\0\0\0"),
    Buffer.of(json.length),
    json,
  ])
  assert.deepEqual(wire(), expected)
})

test("what was encoded is read back, in chunks of any size, with what follows", () => {
  const plainObjects = { noNullPrototype: true }
  const facts = fc.record(
    {
      remote: fc.string({ maxLength: 64 }),
      tls: fc.boolean(),
      tag: fc.string({ maxLength: 100 }),
      client: fc.constant(null),
    },
    plainObjects,
  )
  const any = fc.record(
    {
      purpose: fc.constantFrom("imap", "create", "rekey", "export" as const),
      ticket: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      credential: fc.uint8Array({ maxLength: 1024 }),
      second: fc.uint8Array({ maxLength: 1024 }),
      facts,
    },
    plainObjects,
  )
  fc.assert(
    fc.property(any, fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1, max: 7000 }), (given, rest, size) => {
      const bytes = Buffer.concat([encodePreface(given as Preface), rest])
      const reader = new PrefaceReader()
      let read: Preface | null = null
      let at = 0
      while (read === null) {
        read = reader.push(bytes.subarray(at, at + size))
        at += size
      }
      assert.deepEqual(read, given)
      assert.deepEqual(Buffer.concat([reader.rest, bytes.subarray(at)]), Buffer.from(rest))
    }),
    { numRuns: 60 },
  )
})

const altered = (at: number, value: number) => {
  const bytes = wire()
  bytes[at] = value
  return bytes
}
const refused: [what: string, bytes: Uint8Array, at: number][] = [
  ["an IMAP command", Buffer.from("a1 NOOP\r\n"), 1],
  ["another magic", altered(3, 0x47), 4],
  ["version 0", altered(4, 0), 5],
  ["version 2", altered(4, 2), 5],
  ["purpose 0", altered(5, 0), 6],
  ["purpose 5", altered(5, 5), 6],
  ["a credential that is too long", altered(38, 0x08), 40],
  ["facts that are no JSON", altered(53, 0x7d), wire().length],
]
for (const [what, bytes, at] of refused) {
  test(`a preface with ${what} is refused at octet ${at}`, () => {
    const reader = new PrefaceReader()
    assert.equal(reader.push(bytes.subarray(0, at - 1)), null)
    assert.throws(() => reader.push(bytes.subarray(at - 1, at)), PrefaceError)
    assert.throws(() => reader.push(bytes), PrefaceError, "and nothing more is taken")
  })
}

test("parts that do not fit are refused by the encoder, which does not repeat them", () => {
  const bad: Partial<Preface>[] = [
    { ticket: new Uint8Array(31) },
    { credential: new Uint8Array(1025) },
    { second: new Uint8Array(1025) },
    {
      facts: { ...facts, client: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`f${n}`, "x".repeat(300)])) },
    },
  ]
  for (const part of bad) assert.throws(() => encodePreface({ ...preface, ...part }), PrefaceError)
})

test("any octets are a preface, not yet one, or refused", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.uint8Array({ maxLength: 6000 }), (magic, bytes) => {
      try {
        new PrefaceReader().push(Buffer.concat([Buffer.from(magic ? "MKPF\x01\x01" : ""), bytes]))
      } catch (error) {
        assert.ok(error instanceof PrefaceError)
      }
    }),
    { numRuns: 300 },
  )
})

const answers: PrefaceAnswer[] = [
  { status: "ok" },
  { status: "refused", why: "credential" },
  { status: "refused", why: "damaged-database" },
]
for (const answer of answers) {
  test(`answer ${JSON.stringify(answer)}, whole and byte by byte`, () => {
    const bytes = encodeAnswer(answer)
    const whole = new AnswerReader()
    assert.deepEqual(whole.push(Buffer.concat([bytes, Buffer.from("* OK")])), answer)
    assert.equal(Buffer.from(whole.rest).toString(), "* OK")
    const bytewise = new AnswerReader()
    const results = Array.from(bytes, (byte) => bytewise.push(Buffer.of(byte)))
    assert.deepEqual(results.pop(), answer)
    assert.ok(results.every((result) => result === null))
  })
}

const badAnswers: [what: string, bytes: Buffer][] = [
  ["status 2", Buffer.of(2)],
  ["a text that is too long", Buffer.of(0, 0xff, 0xff)],
  ["no JSON", Buffer.from("\x00\x00\x01x")],
  ["a reason with ok", Buffer.from('\x00\x00\x14{"why":"credential"}')],
  ["an unknown reason", Buffer.from('\x01\x00\x10{"why":"nothing"}')],
]
for (const [what, bytes] of badAnswers) {
  test(`an answer with ${what} is refused`, () => assert.throws(() => new AnswerReader().push(bytes), PrefaceError))
}

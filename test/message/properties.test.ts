import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { parseAddresses } from "../../daemon/message/address.ts"
import { baseSubject } from "../../daemon/message/base-subject.ts"
import { decodeWords } from "../../daemon/message/encoded-words.ts"
import { isWholeHeader, selectFields } from "../../daemon/message/fields.ts"
import { textOfHtml } from "../../daemon/message/html.ts"
import { MessageParser, parseMessage } from "../../daemon/message/parser.ts"
import { decodeTransfer, transferDecoder } from "../../daemon/message/transfer.ts"
import type { Address, Envelope, ParsedMessage, Part } from "../../daemon/message/types.ts"
import { anyMail as mail } from "./any-mail.ts"
import { octets } from "./octets.ts"

const limits = fc.record(
  {
    depth: fc.integer({ min: 1, max: 6 }),
    parts: fc.integer({ min: 1, max: 8 }),
    headerBytes: fc.integer({ min: 0, max: 200 }),
    allHeaderBytes: fc.integer({ min: 0, max: 400 }),
    textBytes: fc.integer({ min: 0, max: 60 }),
    textCharacters: fc.integer({ min: 0, max: 60 }),
  },
  { requiredKeys: [] },
)

function inPieces(message: Buffer, sizes: number[], given: Parameters<typeof parseMessage>[1]): ParsedMessage {
  const parser = new MessageParser(given)
  const scratch = Buffer.alloc(64)
  for (let at = 0, turn = 0; at < message.length; turn++) {
    const length = message.copy(scratch, 0, at, at + (sizes[turn % sizes.length] ?? 1))
    parser.push(scratch.subarray(0, length))
    scratch.fill(0x2d) // the parser may not look at it again
    at += length
  }
  return parser.end()
}

function assertWellFormed(parsed: ParsedMessage, message: Buffer): void {
  assert.equal(parsed.size, message.length)
  assert.equal(parsed.root.headerStart, 0)
  assert.equal(parsed.root.end, message.length)
  assertPart(parsed.root, message)
  assertEnvelope(parsed.envelope)
  assert.ok(message.subarray(0, parsed.root.bodyStart).subarray(0, parsed.header.length).equals(parsed.header))
  assert.equal(isWholeHeader(parsed.header, message.length), parsed.header.length === parsed.root.bodyStart)
  assert.ok(Array.from(parsed.preview).length <= 200)
}

function assertPart(part: Part, message: Buffer): void {
  assert.ok(part.headerStart <= part.bodyStart && part.bodyStart <= part.end)
  const lines = message.subarray(part.bodyStart, part.end).reduce((sum, octet) => sum + (octet === 10 ? 1 : 0), 0)
  assert.equal(part.lines, lines)
  assert.equal(part.children.length > 0, part.type.toLowerCase() === "multipart")
  const isMessage = /^message\/(rfc822|global)$/i.test(`${part.type}/${part.subtype}`)
  assert.equal(part.message !== null, isMessage)
  if (part.message !== null) {
    assertEnvelope(part.message.envelope)
    assert.equal(part.message.root.headerStart, part.bodyStart)
    assert.equal(part.message.root.end, part.end)
    assertPart(part.message.root, message)
  }
  let last = part.bodyStart
  for (const child of part.children) {
    assert.ok(child.headerStart >= last && child.end <= part.end)
    last = child.end
    assertPart(child, message)
  }
}

function assertEnvelope(envelope: Envelope): void {
  for (const list of [envelope.from, envelope.sender, envelope.replyTo, envelope.to, envelope.cc, envelope.bcc]) {
    assertGroups(list)
  }
  const { date, subject, inReplyTo, messageId } = envelope
  for (const text of [date, subject, inReplyTo, messageId])
    assert.ok(text === null || !(text.includes("\0") || text.includes("\n")))
}

/** Groups open and close in turn; everything else has mailbox and host (RFC 3501 §7.4.2). */
function assertGroups(list: Address[]): void {
  let inGroup = false
  for (const { name, route, mailbox, host } of list) {
    if (host !== null) assert.ok(mailbox !== null)
    else {
      assert.deepEqual([name, route, mailbox === null], [null, null, inGroup])
      inGroup = !inGroup
    }
  }
  assert.equal(inGroup, false)
}

test("any octets are a message: well formed, the same however they are cut", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(mail, sizes, limits, (message, cut, given) => {
      const whole = parseMessage(message, given)
      assertWellFormed(whole, message)
      assert.deepEqual(inPieces(message, cut, given), whole)
      assert.deepEqual(inPieces(message, [1], given), whole)
    }),
    { numRuns: 1500 },
  )
})

test("a tree that was written is read back, part by part", () => {
  type Tree = { text: string } | { parts: Tree[] }
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.record(
        { text: fc.string({ maxLength: 20 }).map((text) => text.replaceAll("--", "__")) },
        { noNullPrototype: true },
      ),
      fc.record({ parts: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }) }, { noNullPrototype: true }),
    ),
  }))
  let count = 0
  const write = (node: Tree): string => {
    if ("text" in node) return `\r\n${node.text}`
    const boundary = `b${count++}.`
    const parts = node.parts.map((part) => `\r\n--${boundary}\r\n${write(part)}`).join("")
    return `Content-Type: multipart/mixed; boundary="${boundary}"\r\n${parts}\r\n--${boundary}--\r\nepilogue`
  }
  const read = (part: Part, message: Buffer): Tree =>
    part.children.length > 0
      ? { parts: part.children.map((child) => read(child, message)) }
      : { text: message.toString("latin1", part.bodyStart, part.end) }
  fc.assert(
    fc.property(tree, (given) => {
      const message = octets(write(given))
      assert.deepEqual(read(parseMessage(message).root, message), given)
    }),
    { numRuns: 300 },
  )
})

test("HEADER.FIELDS and HEADER.FIELDS.NOT share out the octets of the header", () => {
  fc.assert(
    fc.property(
      mail,
      fc.array(fc.constantFrom("Subject", "From", "content-type", "X"), { maxLength: 3 }),
      (message, names) => {
        const { root } = parseMessage(message)
        const header = message.subarray(0, root.bodyStart)
        const both = selectFields(header, names, false).length + selectFields(header, names, true).length
        const emptyLine = selectFields(header, [], false).length
        assert.equal(both, header.length + emptyLine)
        assert.ok(Buffer.from(selectFields(header, [], true)).equals(header))
      },
    ),
  )
})

test("the smaller readers take any text", () => {
  const value = fc.string({ unit: fc.constantFrom(..."ab@<>(),;:.\"\\[]=?q*%' \t\r\n\0\xe9&#/!-"), maxLength: 80 })
  fc.assert(
    fc.property(value, (text) => {
      assertGroups(parseAddresses(text))
      const base = baseSubject(text)
      assert.equal(baseSubject(base), base)
      decodeWords(text)
      Array.from(textOfHtml(text))
    }),
    { numRuns: 2000 },
  )
})

test("decoding in pieces is decoding at once", () => {
  const body = fc.string({ unit: fc.constantFrom(..."=AbZ49 \t\r\n-\xe9"), maxLength: 80 }).map(octets)
  fc.assert(
    fc.property(body, fc.constantFrom("base64", "quoted-printable", "8bit"), fc.nat(80), (bytes, encoding, cut) => {
      const decoder = transferDecoder(encoding)
      const head = Buffer.from(decoder.write(bytes.subarray(0, cut)))
      const forked = decoder.fork()
      const whole = Buffer.from(decodeTransfer(bytes, encoding))
      for (const goingOn of [decoder, forked]) {
        const rest = Buffer.from(goingOn.write(bytes.subarray(cut)))
        assert.ok(Buffer.concat([head, rest, goingOn.end()]).equals(whole))
      }
    }),
    { numRuns: 1000 },
  )
})

test("what encoders write is decoded", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const base64 = Buffer.from(bytes).toString("base64")
      const quoted = Array.from(bytes, (octet) => `=${octet.toString(16).padStart(2, "0")}`).join("=\r\n")
      assert.deepEqual([...decodeTransfer(octets(base64), "base64")], [...bytes])
      assert.deepEqual([...decodeTransfer(octets(quoted), "quoted-printable")], [...bytes])
    }),
  )
})

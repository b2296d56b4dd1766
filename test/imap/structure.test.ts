import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { bodyWire, envelopeWire } from "../../daemon/imap/response.ts"
import type { Address, Envelope, Parameter, Part } from "../../daemon/message/types.ts"
import { latin1Of } from "./cursor-of.ts"
import { readValue, type Value } from "./wire-reader.ts"

const gray: Address = { name: "Terry Gray", route: null, mailbox: "gray", host: "cac.washington.edu" }

const envelope: Envelope = {
  date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
  subject: "IMAP4rev1 WG mtg summary and minutes",
  from: [gray],
  sender: [gray],
  replyTo: [gray],
  to: [{ name: null, route: null, mailbox: "imap", host: "cac.washington.edu" }],
  cc: [
    { name: null, route: null, mailbox: "minutes", host: "CNRI.Reston.VA.US" },
    { name: "John Klensin", route: null, mailbox: "KLENSIN", host: "MIT.EDU" },
  ],
  bcc: [],
  inReplyTo: null,
  messageId: "<B27397-0100000@cac.washington.edu>",
}

function part(changes: Partial<Part> = {}): Part {
  return {
    headerStart: 0,
    bodyStart: 100,
    end: 3128,
    lines: 92,
    type: "TEXT",
    subtype: "PLAIN",
    parameters: [["CHARSET", "US-ASCII"]],
    id: null,
    description: null,
    encoding: "7BIT",
    md5: null,
    disposition: null,
    language: [],
    location: null,
    children: [],
    message: null,
    ...changes,
  }
}

test("ENVELOPE of RFC 3501 §8", () => {
  const terry = '(("Terry Gray" NIL "gray" "cac.washington.edu"))'
  assert.equal(
    latin1Of(envelopeWire(envelope)),
    `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" ${terry} ${terry} ${terry} ` +
      '((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")' +
      '("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")',
  )
})

const bodies: [what: string, given: Part, body: string, bodyStructure: string][] = [
  [
    "text, RFC 3501 §8",
    part(),
    '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92)',
    '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92 NIL NIL NIL NIL)',
  ],
  [
    "image with everything",
    part({
      type: "image",
      subtype: "png",
      parameters: [],
      id: "<1@x>",
      description: 'a "b" \\c',
      encoding: "base64",
      md5: "Q2hlY2sgSW50ZWdyaXR5IQ==",
      disposition: { type: "attachment", parameters: [["filename", "a.png"]] },
      language: ["en", "de"],
      location: "http://x/",
    }),
    '("image" "png" NIL "<1@x>" "a \\"b\\" \\\\c" "base64" 3028)',
    '("image" "png" NIL "<1@x>" "a \\"b\\" \\\\c" "base64" 3028 "Q2hlY2sgSW50ZWdyaXR5IQ==" ' +
      '("attachment" ("filename" "a.png")) ("en" "de") "http://x/")',
  ],
  [
    "multipart",
    part({
      type: "multipart",
      subtype: "mixed",
      parameters: [["boundary", "b"]],
      children: [part({ parameters: [] }), part({ subtype: "html" })],
    }),
    '(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3028 92)("TEXT" "html" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92) "mixed")',
    '(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3028 92 NIL NIL NIL NIL)' +
      '("TEXT" "html" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3028 92 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  ],
  [
    "multipart without a part",
    part({ type: "Multipart", subtype: "x", parameters: [] }),
    '(("text" "plain" NIL NIL NIL "7bit" 0 0) "x")',
    '(("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "x" NIL NIL NIL NIL)',
  ],
  [
    "message/rfc822 that nobody looked into",
    part({ type: "message", subtype: "RFC822", parameters: [] }),
    '("message" "RFC822" NIL NIL NIL "7BIT" 3028 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 0 0) 92)',
    '("message" "RFC822" NIL NIL NIL "7BIT" 3028 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 92 NIL NIL NIL NIL)',
  ],
  [
    "message/partial is a basic type",
    part({ type: "message", subtype: "partial", parameters: [] }),
    '("message" "partial" NIL NIL NIL "7BIT" 3028)',
    '("message" "partial" NIL NIL NIL "7BIT" 3028 NIL NIL NIL NIL)',
  ],
]
for (const [what, given, body, bodyStructure] of bodies) {
  test(`BODY and BODYSTRUCTURE: ${what}`, () => {
    assert.equal(latin1Of(bodyWire(given, false)), body)
    assert.equal(latin1Of(bodyWire(given, true)), bodyStructure)
  })
}

test("values with CR, LF, NUL and 8-bit octets", () => {
  const wire = latin1Of(envelopeWire({ ...envelope, subject: "a\r\nb\0c\rd", messageId: "<\xe9>" }))
  assert.match(wire, /"a b c d"/)
  assert.match(wire, /\{3\}\r\n<\xe9>\)$/)
})

test("2,000 levels of multipart and of message/rfc822", () => {
  let deep = part()
  for (let level = 0; level < 2000; level += 1) {
    deep =
      level % 2 === 0
        ? part({ type: "multipart", children: [deep] })
        : part({ type: "message", subtype: "rfc822", message: { envelope, root: deep } })
  }
  const wire = latin1Of(bodyWire(deep, true))
  assert.equal(wire.replace(/[^(]/g, "").length, wire.replace(/[^)]/g, "").length)
})

const bytes = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "\\", "\r", "\n", "\0", " ", "(", "{"),
    fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  ),
  maxLength: 12,
})
const nbytes = fc.option(bytes)
const address: fc.Arbitrary<Address> = fc.record({ name: nbytes, route: nbytes, mailbox: nbytes, host: nbytes })
const addresses = fc.array(address, { maxLength: 3 })
const anyEnvelope: fc.Arbitrary<Envelope> = fc.record({
  date: nbytes,
  subject: nbytes,
  from: addresses,
  sender: addresses,
  replyTo: addresses,
  to: addresses,
  cc: addresses,
  bcc: addresses,
  inReplyTo: nbytes,
  messageId: nbytes,
})
const parameters: fc.Arbitrary<Parameter[]> = fc.array(fc.tuple(bytes, bytes), { maxLength: 3 })
const anyPart: (depth?: number) => fc.Arbitrary<Part> = fc.memo((depth) =>
  fc.record({
    headerStart: fc.constant(0),
    bodyStart: fc.nat(50),
    end: fc.nat(5000),
    lines: fc.nat(),
    type: fc.oneof(fc.constantFrom("text", "multipart", "MESSAGE", "image"), bytes),
    subtype: fc.oneof(fc.constantFrom("plain", "rfc822", "global"), bytes),
    parameters,
    id: nbytes,
    description: nbytes,
    encoding: bytes,
    md5: nbytes,
    disposition: fc.option(fc.record({ type: bytes, parameters })),
    language: fc.array(bytes, { maxLength: 3 }),
    location: nbytes,
    children: depth > 1 ? fc.array(anyPart(), { maxLength: 2 }) : fc.constant([]),
    message: depth > 1 ? fc.option(fc.record({ envelope: anyEnvelope, root: anyPart() })) : fc.constant(null),
  }),
)

const clean = (value: string) => value.replace(/\r\n|[\r\n\0]/g, " ")
const cleanOrNil = (value: string | null) => (value === null ? null : clean(value))

test("any envelope is read back", () => {
  fc.assert(
    fc.property(anyEnvelope, (given) => {
      const list = (addresses: Address[]): Value =>
        addresses.length === 0
          ? null
          : addresses.map(({ name, route, mailbox, host }) => [name, route, mailbox, host].map(cleanOrNil))
      const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = given
      assert.deepEqual(readValue(envelopeWire(given)), [
        cleanOrNil(date),
        cleanOrNil(subject),
        ...[from, sender, replyTo, to, cc, bcc].map(list),
        cleanOrNil(inReplyTo),
        cleanOrNil(messageId),
      ])
    }),
  )
})

/** Checks a body against RFC 3501 §9 by the number and kind of its fields. */
function checkBody(body: Value, given: Part, extended: boolean): void {
  assert.ok(Array.isArray(body))
  const strings = (value: Value) =>
    value === null || (Array.isArray(value) && value.every((item) => typeof item === "string"))
  const extensions = (tail: Value[]) => {
    const [disposition, language, location] = tail
    assert.ok(
      disposition === null ||
        (Array.isArray(disposition) && typeof disposition[0] === "string" && strings(disposition[1] ?? null)),
    )
    assert.ok(strings(language ?? null))
    assert.ok(location === null || typeof location === "string")
    assert.equal(tail.length, 3)
  }
  if (given.type.toLowerCase() === "multipart") {
    const children = body.slice(0, Math.max(1, given.children.length))
    given.children.forEach((child, index) => {
      checkBody(children[index] ?? null, child, extended)
    })
    const [subtype, ...tail] = body.slice(children.length)
    assert.equal(subtype, clean(given.subtype))
    assert.equal(tail.length, extended ? 4 : 0)
    if (extended) extensions(tail.slice(1))
    return
  }
  const [type, subtype, params, id, description, encoding, octets, ...rest] = body
  assert.deepEqual(
    [type, subtype, id, description, encoding],
    [
      clean(given.type),
      clean(given.subtype),
      cleanOrNil(given.id),
      cleanOrNil(given.description),
      clean(given.encoding),
    ],
  )
  assert.deepEqual(params, given.parameters.length === 0 ? null : given.parameters.flat().map(clean))
  assert.equal(typeof octets, "number")
  const kind = `${given.type}/${given.subtype}`.toLowerCase()
  if (kind === "message/rfc822") {
    const [found, root, lines] = rest.splice(0, 3)
    assert.equal(Array.isArray(found) && found.length, 10)
    if (given.message !== null) checkBody(root ?? null, given.message.root, extended)
    assert.equal(typeof lines, "number")
  } else if (kind.startsWith("text/")) assert.equal(typeof rest.shift(), "number")
  assert.equal(rest.length, extended ? 4 : 0)
  if (extended) extensions(rest.slice(1))
}

test("any part is a well-formed body", () => {
  fc.assert(
    fc.property(anyPart(3), fc.boolean(), (given, extended) =>
      checkBody(readValue(bodyWire(given, extended)), given, extended),
    ),
    { numRuns: 300 },
  )
})

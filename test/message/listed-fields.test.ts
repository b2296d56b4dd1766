import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { selectFields } from "../../daemon/message/fields.ts"
import { listedFields, listedNumbers, mostListedOctets, selectListed } from "../../daemon/message/listed-fields.ts"
import { parseMessage } from "../../daemon/message/parser.ts"
import { messages } from "../harness/corpus.ts"
import { nastyMessages } from "../independent/nasty.ts"
import { anyMail } from "./any-mail.ts"
import { octets } from "./octets.ts"

/** What clients ask for of every message: Thunderbird, NeoMutt, K-9, Roundcube, an older Apple Mail; and odd lists. */
const lists = [
  "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To",
  "DATE FROM SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST LIST-SUBSCRIBE LIST-UNSUBSCRIBE X-LABEL X-ORIGINAL-TO",
  "date subject from content-type to cc bcc reply-to message-id references in-reply-to list-post list-unsubscribe sender X-K9mail-Identity Chat-Version",
  "DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST DISPOSITION-NOTIFICATION-TO X-PRIORITY",
  "date subject from to cc message-id in-reply-to references x-priority x-uniform-type-identifier x-universally-unique-identifier list-id list-unsubscribe",
  "subject Subject SUBJECT",
  "Bcc",
].map((list) => list.split(" "))

function assertSame(header: Uint8Array, names: readonly string[], what: string): void {
  const listed = listedFields(header) ?? assert.fail(`${what}: too long`)
  const numbers = listedNumbers(names) ?? assert.fail(`${names} are not all listed`)
  const quick = Buffer.from(selectListed(listed, numbers)).toString("latin1")
  assert.equal(quick, Buffer.from(selectFields(header, names, false)).toString("latin1"), what)
}

const headers: [what: string, header: string][] = [
  ["none at all", ""],
  ["only the empty line", "\r\n"],
  ["only a bare LF", "\n"],
  ["a field twice, in two spellings", "To: a\r\nX: 1\r\nTO: b\r\nto: c\r\n\r\n"],
  ["folded", "Subject: a\r\n b\r\n\tc\r\nReferences:\r\n <a@b>\r\n <c@d>\r\n\r\n"],
  ["without blank, with two, with a tab", "From:a\r\nFrom:  b\r\nFrom:\tc\r\nFrom :d\r\n\r\n"],
  ["empty", "Subject:\r\nSubject: \r\nSubject:\n\n"],
  ["octets above 127 and NUL", "Subject: caf\xe9 \x80\0\r\nFr\xf6m: a\r\n\r\n"],
  ["lines end with LF", "Subject: a\nTo: b\n c\n\n"],
  ["a lone CR", "Subject: a\rTo: b\r\r\n\r\n"],
  ["lines that are no fields", "From x\r\nno colon\r\nSubject: a\r\n: b\r\n\r\n"],
  ["without an empty line", "Subject: a\r\nTo: b"],
  ["cut in its name", "Subject: a\r\nSubj"],
  ["cut behind its beginning", "Subject: "],
  ["shorter than its beginning and its end together", "Subject:\r\n"],
]
for (const [what, header] of headers) {
  test(`listed fields: ${what}`, () => {
    for (const names of lists) assertSame(octets(header), names, what)
  })
}

test("real messages, and messages that nobody should send", () => {
  for (const { name, bytes } of [...messages(), ...nastyMessages]) {
    const { header, listedFields: listed } = parseMessage(bytes)
    if (listed !== null) for (const names of lists) assertSame(header, names, name)
  }
})

const line = fc.tuple(
  fc.constantFrom("From", "SUBJECT", "cc", "Message-ID", "X-Other", "Received", "", "To "),
  fc.constantFrom(":", ": ", ":\t", " :", ""),
  fc.constantFrom("", "x", "a\r\n b", "a\n\tb", "\xe9\0", "\r", " \r\n "),
  fc.constantFrom("\r\n", "\n", "\r", "\r\n\r\n", ""),
)
const anyHeader = fc.array(line, { maxLength: 12 }).map((lines) => octets(lines.flat().join("")))

test("any header: what is asked of the listed fields is what the header gives", () => {
  const names = fc.subarray(["from", "Subject", "CC", "message-id", "To", "Date"])
  fc.assert(
    fc.property(fc.oneof(anyHeader, anyMail), names, (header, asked) => assertSame(header, asked, "")),
    {
      numRuns: 2000,
    },
  )
})

test("a name that is not listed asks for the header itself", () => {
  assert.equal(listedNumbers(["From", "Received"]), null)
  assert.equal(listedNumbers(["From", "Fröm"]), null)
  assert.notEqual(listedNumbers([]), null)
})

test("long fields, and those of long headers, are left to the header", () => {
  const field = (octetsInAll: number) => octets(`Subject: ${"x".repeat(octetsInAll - 11)}\r\n`)
  const most = field(mostListedOctets)
  assertSame(Buffer.concat([most, octets("\r\n")]), ["subject"], "as long as it may be")
  assert.equal(listedFields(field(mostListedOctets + 1)), null)
  assert.equal(listedFields(Buffer.concat([most, octets("To: a\r\n\r\n")])), null)
  assert.equal(listedFields(octets(`X-Long: ${"x".repeat(70_000)}\r\nTo: a\r\n\r\n`)), null)
  assert.equal(parseMessage(octets("X-Long: x\r\nTo: a\r\n\r\n"), { headerBytes: 12 }).listedFields, null)
})

test("octets in another form are refused", () => {
  const numbers = listedNumbers(["From"]) ?? assert.fail()
  assert.throws(() => selectListed(octets("\x01\0"), numbers), RangeError)
  assert.throws(() => selectListed(octets("\x01\0\x05abc"), numbers), RangeError)
})

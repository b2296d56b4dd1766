import assert from "node:assert/strict"
import { test } from "node:test"
import { parseMessage } from "../../daemon/message/parser.ts"
import { sectionSpan } from "../../daemon/message/sections.ts"
import { crlf } from "./octets.ts"

/** The complex message of RFC 3501 §6.4.5. */
const message = crlf(
  "Subject: outer",
  "Content-Type: multipart/mixed; boundary=a",
  "",
  "--a",
  "",
  "1",
  "--a",
  "Content-Type: application/octet-stream",
  "",
  "2",
  "--a",
  "Content-Type: message/rfc822",
  "",
  "Subject: three",
  "Content-Type: multipart/mixed; boundary=b",
  "",
  "--b",
  "",
  "3.1",
  "--b",
  "Content-Type: application/octet-stream",
  "",
  "3.2",
  "--b--",
  "--a",
  "Content-Type: multipart/mixed; boundary=c",
  "",
  "--c",
  "Content-Type: image/gif",
  "",
  "4.1",
  "--c",
  "Content-Type: message/rfc822",
  "",
  "Subject: four two",
  "Content-Type: multipart/mixed; boundary=d",
  "",
  "--d",
  "",
  "4.2.1",
  "--d",
  "Content-Type: multipart/alternative; boundary=e",
  "",
  "--e",
  "",
  "4.2.2.1",
  "--e",
  "Content-Type: text/richtext",
  "",
  "4.2.2.2",
  "--e--",
  "--d--",
  "--c--",
  "--a--",
)

type What = Parameters<typeof sectionSpan>[2]

function section(of: Buffer, numbers: string, what: What): string | null {
  const parts = numbers === "" ? [] : numbers.split(".").map(Number)
  const span = sectionSpan(parseMessage(of).root, parts, what)
  return span === null ? null : of.toString("latin1", span.start, span.end)
}

const sections: [numbers: string, what: What, text: string | null][] = [
  ["", "HEADER", "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"],
  ["1", "ALL", "1"],
  ["1", "MIME", "\r\n"],
  ["1", "HEADER", null],
  ["1.1", "ALL", null],
  ["2", "ALL", "2"],
  ["2", "MIME", "Content-Type: application/octet-stream\r\n\r\n"],
  ["3", "MIME", "Content-Type: message/rfc822\r\n\r\n"],
  ["3", "HEADER", "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"],
  ["3", "TEXT", "--b\r\n\r\n3.1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n3.2\r\n--b--"],
  ["3.1", "ALL", "3.1"],
  ["3.2", "ALL", "3.2"],
  ["3.3", "ALL", null],
  ["4", "HEADER", null],
  ["4.1", "MIME", "Content-Type: image/gif\r\n\r\n"],
  ["4.1", "ALL", "4.1"],
  ["4.2", "HEADER", "Subject: four two\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"],
  ["4.2.1", "ALL", "4.2.1"],
  ["4.2.2", "MIME", "Content-Type: multipart/alternative; boundary=e\r\n\r\n"],
  ["4.2.2.1", "ALL", "4.2.2.1"],
  ["4.2.2.2", "ALL", "4.2.2.2"],
  ["5", "ALL", null],
  ["", "MIME", null],
]
for (const [numbers, what, text] of sections) {
  test(`BODY[${numbers}] ${what}`, () => assert.equal(section(message, numbers, what), text))
}

test("BODY[] is everything and BODY[TEXT] all behind the header", () => {
  assert.equal(section(message, "", "ALL"), message.toString("latin1"))
  assert.equal(`${section(message, "", "HEADER")}${section(message, "", "TEXT")}`, message.toString("latin1"))
})

const single = crlf("Subject: s", "", "body")
const forwarded = crlf("Content-Type: message/rfc822", "", "Subject: in", "", "body")
const singles: [of: Buffer, numbers: string, what: What, text: string | null][] = [
  [single, "1", "ALL", "body\r\n"],
  [single, "1", "MIME", "Subject: s\r\n\r\n"],
  [single, "2", "ALL", null],
  [single, "1.1", "ALL", null],
  [forwarded, "1", "ALL", "Subject: in\r\n\r\nbody\r\n"],
  [forwarded, "1", "HEADER", "Subject: in\r\n\r\n"],
  [forwarded, "1", "TEXT", "body\r\n"],
  [forwarded, "1.1", "ALL", "body\r\n"],
]
for (const [of, numbers, what, text] of singles) {
  test(`a message without parts has a part 1: BODY[${numbers}] ${what}`, () =>
    assert.equal(section(of, numbers, what), text))
}

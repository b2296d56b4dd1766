import assert from "node:assert/strict"
import { test } from "node:test"
import { MessageParser, parseMessage } from "../../daemon/message/parser.ts"
import { crlf, octets, outline } from "./octets.ts"

const mixed = ["Content-Type: multipart/mixed; boundary=b", ""]

const trees: [what: string, message: Buffer, expected: string][] = [
  ["a plain message", crlf("Subject: x", "", "Hello"), String.raw`text/plain"Hello\r\n"`],
  ["no body", crlf("Subject: x", ""), `text/plain""`],
  ["a header only, no empty line", crlf("Subject: x"), `text/plain""`],
  ["no header", crlf("", "Hello"), String.raw`text/plain"Hello\r\n"`],
  ["nothing at all", octets(""), `text/plain""`],
  [
    "the multipart of RFC 2046 §5.1.1",
    crlf(
      "From: Nathaniel Borenstein <nsb@bellcore.com>",
      "To: Ned Freed <ned@innosoft.com>",
      "Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)",
      "Subject: Sample message",
      "MIME-Version: 1.0",
      'Content-type: multipart/mixed; boundary="simple boundary"',
      "",
      "This is the preamble.  It is to be ignored, though it",
      "is a handy place for composition agents to include an",
      "explanatory note to non-MIME conformant readers.",
      "",
      "--simple boundary",
      "",
      "This is implicitly typed plain US-ASCII text.",
      "It does NOT end with a linebreak.",
      "--simple boundary",
      "Content-type: text/plain; charset=us-ascii",
      "",
      "This is explicitly typed plain US-ASCII text.",
      "It DOES end with a linebreak.",
      "",
      "--simple boundary--",
      "",
      "This is the epilogue.  It is also to be ignored.",
    ),
    String.raw`multipart/mixed(text/plain"This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.", text/plain"This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n")`,
  ],
  [
    "a digest, whose parts are messages (RFC 2046 §5.1.5)",
    crlf(
      "Content-Type: multipart/digest; boundary=b",
      "",
      "--b",
      "",
      "Subject: one",
      "",
      "1",
      "--b",
      "Content-Type: text/plain",
      "",
      "2",
      "--b--",
    ),
    `multipart/digest(message/rfc822<text/plain"1">, text/plain"2")`,
  ],
  [
    "a message in a message in a multipart",
    crlf(
      ...mixed,
      "--b",
      "Content-Type: message/rfc822",
      "",
      "Content-Type: message/rfc822",
      "",
      "Subject: in",
      "",
      "x",
      "--b--",
    ),
    `multipart/mixed(message/rfc822<message/rfc822<text/plain"x">>)`,
  ],
  [
    "message/global (RFC 6532)",
    crlf("Content-Type: message/global", "", "Subject: in", "", "x"),
    String.raw`message/global<text/plain"x\r\n">`,
  ],
  [
    "an encoded message, which RFC 2046 §5.2.1 forbids",
    crlf("Content-Type: message/rfc822", "Content-Transfer-Encoding: BASE64", "", "U3ViamVjdDogeA=="),
    String.raw`application/octet-stream"U3ViamVjdDogeA==\r\n"`,
  ],
  [
    "a boundary that begins with the outer one",
    crlf(
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "Content-Type: multipart/alternative; boundary=bb",
      "",
      "--bb",
      "",
      "1",
      "--bb--",
      "--b",
      "",
      "2",
      "--b--",
    ),
    `multipart/mixed(multipart/alternative(text/plain"1"), text/plain"2")`,
  ],
  [
    "an inner multipart without closing boundary",
    crlf(
      ...mixed,
      "--b",
      "Content-Type: multipart/mixed; boundary=c",
      "",
      "--c",
      "",
      "1",
      "--c",
      "",
      "2",
      "--b",
      "",
      "3",
      "--b--",
    ),
    `multipart/mixed(multipart/mixed(text/plain"1", text/plain"2"), text/plain"3")`,
  ],
  [
    "no closing boundary at all",
    crlf(...mixed, "--b", "", "1", "--b", "", "2"),
    String.raw`multipart/mixed(text/plain"1", text/plain"2\r\n")`,
  ],
  [
    "a boundary that ends the message without a line end",
    octets("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b--"),
    `multipart/mixed(text/plain"1")`,
  ],
  [
    "an opening boundary at the very end",
    crlf(...mixed, "--b", "", "1", "--b"),
    `multipart/mixed(text/plain"1", text/plain"")`,
  ],
  ["white space behind boundaries", crlf(...mixed, "--b \t", "", "1", "--b--  "), `multipart/mixed(text/plain"1")`],
  [
    "a line with one dash or none",
    crlf(...mixed, "--b", "", "-b", "b", "--", "-- b", "--b--"),
    String.raw`multipart/mixed(text/plain"-b\r\nb\r\n--\r\n-- b")`,
  ],
  [
    "no boundary parameter",
    crlf("Content-Type: multipart/mixed", "", "--b", "", "1"),
    String.raw`multipart/mixed(text/plain"--b\r\n\r\n1\r\n")`,
  ],
  ["a boundary that never comes", crlf(...mixed, "text"), String.raw`multipart/mixed(text/plain"text\r\n")`],
  ["only the closing boundary", crlf(...mixed, "text", "--b--", "rest"), `multipart/mixed(text/plain"text")`],
  ["an empty multipart", crlf(...mixed), `multipart/mixed(text/plain"")`],
  [
    "empty parts",
    crlf(...mixed, "--b", "--b", "", "--b", "", "", "--b--"),
    `multipart/mixed(text/plain"", text/plain"", text/plain"")`,
  ],
  [
    "a part whose header a boundary cuts off",
    crlf(...mixed, "--b", "Content-Type: image/gif", "--b", "", "2", "--b--"),
    `multipart/mixed(image/gif"", text/plain"2")`,
  ],
  [
    "a message whose header a boundary cuts off",
    crlf(...mixed, "--b", "Content-Type: message/rfc822", "", "Subject: cut", "--b--"),
    `multipart/mixed(message/rfc822<text/plain"">)`,
  ],
  [
    "bare LF everywhere",
    octets("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n2\n--b--\n"),
    String.raw`multipart/mixed(text/plain"1\n2")`,
  ],
  [
    "lone CR, which ends no line",
    octets("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r--b\r\r\n--b--\r\n"),
    String.raw`multipart/mixed(text/plain"1\r--b\r")`,
  ],
  ["a lone CR is no empty line", octets("Subject: x\r\n\rX: y\r\n\r\nbody"), `text/plain"body"`],
  ["an mbox line first", octets("From a@b Thu Jan  1 00:00:00 1970\nContent-Type: text/html\n\nx"), `text/html"x"`],
  ["a Content-Type that is none", crlf("Content-Type: text", "", "x"), String.raw`text/plain"x\r\n"`],
  ["NUL and 8-bit octets", octets("Subject: \0\xff\r\n\r\n\0\xfe"), String.raw`text/plain"\u0000þ"`],
]
for (const [what, message, expected] of trees) {
  test(`structure of ${what}`, () => assert.equal(outline(message, parseMessage(message).root), expected))
}

test("lines are counted as BODYSTRUCTURE does, without the line end of the boundary", () => {
  const message = crlf(
    ...mixed,
    "--b",
    "",
    "1",
    "2",
    "--b",
    "Content-Type: message/rfc822",
    "",
    "S: x",
    "",
    "1",
    "",
    "--b--",
  )
  const { root } = parseMessage(message)
  assert.deepEqual(
    root.children.map((part) => part.lines),
    [1, 3],
  )
  assert.equal(root.lines, 12)
})

test("a thousand levels: the deepest that is opened holds the rest, opaque", () => {
  let text = ""
  for (let level = 0; level < 1000; level++)
    text += `Content-Type: multipart/mixed; boundary=${level}.\r\n\r\n--${level}.\r\n`
  let { root } = parseMessage(octets(text))
  let levels = 1
  for (let child = root.children[0]; child !== undefined; child = root.children[0]) {
    root = child
    levels++
  }
  assert.equal(levels, 100)
  assert.equal(`${root.type}/${root.subtype}`, "application/octet-stream")
  assert.equal(root.end, text.length)
})

test("a thousand nested messages stop at the same depth", () => {
  const message = octets("Content-Type: message/rfc822\r\n\r\n".repeat(1000))
  let part = parseMessage(message).root
  for (; part.message !== null; part = part.message.root);
  assert.equal(part.type, "application")
  assert.equal(part.end, message.length)
})

test("a hundred thousand parts: the rest is in the last one that is opened", () => {
  const message = octets(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(100_000)}`)
  const { children } = parseMessage(message).root
  assert.equal(children.length, 9999)
  assert.equal(children.at(-1)?.end, message.length)
})

test("an attachment of 30 MB in pieces: only its header is kept, counts are exact", () => {
  const parser = new MessageParser()
  parser.push(crlf(...mixed, "--b", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64", ""))
  const piece = octets(`${"A".repeat(76)}\r\n`.repeat(500))
  for (let at = 0; at < 770; at++) parser.push(piece)
  parser.push(crlf("", "--b--"))
  const part = parser.end().root.children[0]
  assert.deepEqual([part?.lines, part && part.end - part.bodyStart], [385_000, 30_030_000])
})

test("a header that is too large is cut at a line end, and offsets stay exact", () => {
  const message = crlf("Subject: kept", ...Array.from({ length: 50 }, () => "X-Long: value"), "", "body")
  const parsed = parseMessage(message, { headerBytes: 100 })
  assert.equal(parsed.subject, "kept")
  assert.equal(parsed.header.toString(), `Subject: kept\r\n${"X-Long: value\r\n".repeat(5)}`)
  assert.equal(parsed.root.bodyStart, message.length - 6)
})

test("headers beyond the budget of all headers are taken for empty", () => {
  const part = ["--b", "Content-Type: image/gif", "", "x"]
  const message = crlf(...mixed, ...part, ...part, "--b--")
  const { root } = parseMessage(message, { allHeaderBytes: 75 })
  assert.equal(outline(message, root), `multipart/mixed(image/gif"x", text/plain"x")`)
})

test("the kept header is exact, with the empty line", () => {
  const header = "Subject: \0\xff\r\n folded\n\r\n"
  assert.equal(Buffer.from(parseMessage(octets(`${header}body`)).header).toString("latin1"), header)
})

test("what BODYSTRUCTURE tells of a part", () => {
  const { root } = parseMessage(
    crlf(
      "Content-Type: TEXT/Plain; CharSet=UTF-8; format=flowed",
      "Content-Transfer-Encoding: 8BIT (really)",
      "Content-ID: <id@x>",
      "Content-Description: =?utf-8?q?caf=C3=A9?=",
      "\tand more",
      "Content-MD5: Q2hlY2s=",
      'Content-Disposition: attachment; filename="a b.txt"',
      "Content-Language: en, de-AT (Austria)",
      "Content-Location: http://example.com/",
      "",
      "x",
    ),
  )
  assert.deepEqual(root, {
    headerStart: 0,
    bodyStart: root.end - 3,
    end: root.end,
    lines: 1,
    type: "TEXT",
    subtype: "Plain",
    parameters: [
      ["CharSet", "UTF-8"],
      ["format", "flowed"],
    ],
    id: "<id@x>",
    description: "=?utf-8?q?caf=C3=A9?=\tand more",
    encoding: "8BIT",
    md5: "Q2hlY2s=",
    disposition: { type: "attachment", parameters: [["filename", "a b.txt"]] },
    language: ["en", "de-AT"],
    location: "http://example.com/",
    children: [],
    message: null,
  })
})

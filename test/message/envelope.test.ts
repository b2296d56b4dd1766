import assert from "node:assert/strict"
import { test } from "node:test"
import { parseMessage } from "../../daemon/message/parser.ts"
import { crlf } from "./octets.ts"

const address = (mailbox: string, host: string, name: string | null = null) => ({ name, route: null, mailbox, host })

test("the envelope of RFC 3501 §8", () => {
  const { envelope } = parseMessage(
    crlf(
      "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
      "From: Terry Gray <gray@cac.washington.edu>",
      "Subject: IMAP4rev1 WG mtg summary and minutes",
      "To: imap@cac.washington.edu",
      "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>",
      "Message-Id: <B27397-0100000@cac.washington.edu>",
      "",
    ),
  )
  const gray = [address("gray", "cac.washington.edu", "Terry Gray")]
  assert.deepEqual(envelope, {
    date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
    subject: "IMAP4rev1 WG mtg summary and minutes",
    from: gray,
    sender: gray,
    replyTo: gray,
    to: [address("imap", "cac.washington.edu")],
    cc: [address("minutes", "CNRI.Reston.VA.US"), address("KLENSIN", "MIT.EDU", "John Klensin")],
    bcc: [],
    inReplyTo: null,
    messageId: "<B27397-0100000@cac.washington.edu>",
  })
})

test("sender and reply-to that are empty default to from; absent is null, empty is empty", () => {
  const { envelope } = parseMessage(crlf("From: a@b", "Sender:", "Reply-To: ", "Subject:", ""))
  assert.deepEqual(envelope.sender, envelope.from)
  assert.deepEqual(envelope.replyTo, envelope.from)
  assert.equal(envelope.subject, "")
  assert.equal(envelope.date, null)
})

test("repeated fields: addresses are joined, of others the last counts; messageId is the first", () => {
  const message = crlf(
    "From: a@b",
    "From: c@d",
    "Subject: 1",
    "Subject: 2",
    "Message-ID: <1@x>",
    "Message-ID: <2@x>",
    "",
  )
  const { envelope, messageId } = parseMessage(message)
  assert.deepEqual(envelope.from, [address("a", "b"), address("c", "d")])
  assert.equal(envelope.subject, "2")
  assert.equal(messageId, "<1@x>")
})

test("values are unfolded, encoded words stay, NUL becomes 0x80", () => {
  const { envelope, subject } = parseMessage(crlf("Subject: =?iso-8859-1?q?caf=E9?=", "\t\0 x", ""))
  assert.equal(envelope.subject, "=?iso-8859-1?q?caf=E9?=\t\x80 x")
  assert.ok(subject.startsWith("café\t"))
})

test("the message inside message/rfc822 has its own envelope", () => {
  const { envelope, root } = parseMessage(
    crlf("Subject: out", "Content-Type: message/rfc822", "", "Subject: in", "From: a@b", "", "x"),
  )
  assert.equal(envelope.subject, "out")
  assert.equal(root.message?.envelope.subject, "in")
  assert.deepEqual(root.message?.envelope.replyTo, [address("a", "b")])
})

const threads: [header: string[], messageId: string | null, references: string[]][] = [
  [["Message-ID: <a@b> (comment)"], "<a@b>", []],
  [['Message-ID: <"quoted.id"@b>'], "<quoted.id@b>", []],
  [["Message-ID: <a b", " c@d>"], "<abc@d>", []],
  [["Message-ID: no brackets"], "nobrackets", []],
  [["Message-ID: "], null, []],
  [["References: <1@x> junk <2@x>", "\t<3@x><1@x>", "In-Reply-To: <9@x>"], null, ["<1@x>", "<2@x>", "<3@x>"]],
  [["References: none", "In-Reply-To: Your mail of Monday <1@x> <2@x>"], null, ["<1@x>"]],
]
for (const [header, messageId, references] of threads) {
  test(`ids of ${header.join("|")}`, () => {
    const parsed = parseMessage(crlf(...header, ""))
    assert.equal(parsed.messageId, messageId)
    assert.deepEqual(parsed.references, references)
  })
}

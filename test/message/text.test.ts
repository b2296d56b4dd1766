import assert from "node:assert/strict"
import { test } from "node:test"
import { decodeCharset } from "../../daemon/message/charset.ts"
import { textOfHtml } from "../../daemon/message/html.ts"
import { parseMessage } from "../../daemon/message/parser.ts"
import { decodeTransfer, transferDecoder } from "../../daemon/message/transfer.ts"
import { crlf, octets } from "./octets.ts"

const bodies: [encoding: string, body: string, decoded: string][] = [
  ["7bit", "a=20b", "a=20b"],
  ["x-unknown", "a", "a"],
  ["BASE64", "aGVs\r\nbG8=", "hello"],
  ["base64", "a*G-V s bG8", "hello"], // junk is ignored, padding may be missing
  ["base64", "YQ==Yg==", "ab"], // encoded pieces joined
  ["base64", "YWJj=", "abc"],
  ["base64", "Y", ""],
  ["base64", "", ""],
  ["Quoted-Printable", "caf=E9=\r\n!", "caf\xe9!"],
  ["quoted-printable", "a=3d=3D", "a=="],
  ["quoted-printable", "soft= \t\r\nbreak=\nagain", "softbreakagain"],
  ["quoted-printable", "trailing \t\r\nblanks  \nhere  ", "trailing\r\nblanks\nhere"],
  ["quoted-printable", "in  the middle\t x", "in  the middle\t x"],
  ["quoted-printable", "=ZZ = =4 =4\r\n==41", "=ZZ = =4 =4\r\n=A"],
  ["quoted-printable", "end=", "end"],
  ["quoted-printable", "end=4", "end=4"],
  ["quoted-printable", "a \rb=\rc", "a \rb=\rc"],
]
for (const [encoding, body, decoded] of bodies) {
  test(`${encoding} of ${JSON.stringify(body)}`, () => {
    assert.equal(Buffer.from(decodeTransfer(octets(body), encoding)).toString("latin1"), decoded)
    const decoder = transferDecoder(encoding)
    const pieces = [...octets(body)].map((octet) => Buffer.from(decoder.write(Uint8Array.of(octet))))
    assert.equal(Buffer.concat([...pieces, decoder.end()]).toString("latin1"), decoded)
  })
}

const charsets: [charset: string | null, bytes: string, text: string][] = [
  ["utf-8", "\xe2\x82\xac", "€"],
  ["UTF8", "\xe2\x82\xac", "€"],
  ["utf-8", "\xff", "\ufffd"],
  ["iso-8859-1", "\xe9", "é"],
  ["latin-9", "\xa4", "€"],
  ["windows1251", "\xcf", "П"],
  ["cp932", "\x93\xfa", "日"],
  ["ks_c_5601-1987", "\xb0\xa1", "가"],
  ["gb2312", "\xc4\xe3", "你"],
  [null, "\xe2\x82\xac", "€"],
  [null, "\x93x\xe9", "“xé"],
  ["us-ascii", "\xe9", "é"],
  ["no-such-charset", "\xe9\x41", "éA"],
]
for (const [charset, bytes, text] of charsets) {
  test(`charset ${charset} of ${JSON.stringify(bytes)}`, () =>
    assert.equal(decodeCharset(octets(bytes), charset), text))
}

const pages: [html: string, text: string][] = [
  ["plain", "plain"],
  ["<p>One<br>two</p><p>three", "One\ntwo\nthree"],
  ["a <b>bold</b>\n\n  word", "a bold word"],
  [
    "<html><head><title>T</title><style>p{}</style></head><body>x<script>if (a<b) '</p>'</script>y</body></html>",
    "x\ny".replace("\n", ""),
  ],
  ["a<!-- <p>hidden</p> -->b", "ab"],
  ["a<!doctype html><?xml x?>b", "ab"],
  ["<a href=\"x>y\" title='>'>link</a>", "link"],
  ['<a href="open>text', "text"],
  ["1 < 2 && 3 > 2 <3", "1 < 2 && 3 > 2 <3"],
  ["&lt;b&gt; &amp;amp; &eacute;&Eacute; &#233; &#xE9; &euro; &nbsp;x", "<b> &amp; éÉ é é € \u00a0x"],
  ["&copy 2003 &unknown; &#0; &#x110000; &#150;", "© 2003 &unknown; \ufffd \ufffd –"],
  ["<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"],
  ["<script>never closed", ""],
  ["<!-- never closed", ""],
  ["text <", "text <"],
  ["</>", "</>"],
]
for (const [html, text] of pages) test(`text of ${html}`, () => assert.equal(htmlToText(html), text))

function htmlToText(html: string): string {
  const reading = textOfHtml(html)
  for (;;) {
    const { done, value } = reading.next()
    if (done) return value
  }
}

test("a long page is read in steps, and no character reference is cut", () => {
  const page = `${"a".repeat(32_760)}&amp;&eacute; ${"b &lt; ".repeat(20_000)}<p>end`
  const text = htmlToText(page)
  assert.equal(text, `${"a".repeat(32_760)}&é ${"b < ".repeat(20_000).trimEnd()}\nend`)
  assert.ok(Array.from(textOfHtml(page)).length > 3)
})

test("texts of all parts, headers of attached messages, then names of attachments", () => {
  const parsed = parseMessage(
    crlf(
      "Subject: =?utf-8?q?=C3=BCber?=",
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "preamble",
      "--b",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "gr=C3=BC=C3=9Fe",
      "--b",
      "Content-Type: text/html; charset=iso-8859-1",
      "",
      "<p>caf\xe9</p>",
      "--b",
      "Content-Type: message/rfc822",
      "",
      "Subject: =?utf-8?q?inn=C3=A9r?=",
      "",
      "inner text",
      "--b",
      "Content-Type: application/pdf; name=old.pdf",
      "Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf",
      "",
      "not text",
      "--b--",
      "epilogue",
    ),
  )
  assert.equal(parsed.bodyText, "grüße\ncafé\nSubject: innér\ninner text\nrésumé.pdf")
  assert.equal(parsed.bodyTextComplete, true)
  assert.equal(parsed.headerText, "Subject: über\nContent-Type: multipart/mixed; boundary=b")
  assert.equal(parsed.subject, "über")
  assert.equal(parsed.preview, "grüße")
})

test("text beyond a limit is left out, and it is said so", () => {
  const message = octets(`\r\n${"0123456789".repeat(10)}`)
  for (const limits of [{ textCharacters: 42 }, { textBytes: 42 }]) {
    const { bodyText, bodyTextComplete, size } = parseMessage(message, limits)
    assert.deepEqual([bodyText.length, bodyTextComplete, size], [42, false, 102])
  }
})

test("a limit does not cut a character", () => {
  assert.equal(
    parseMessage(octets("Content-Type: text/plain; charset=utf-8\n\nab\xe2\x82\xac"), { textBytes: 4 }).bodyText,
    "ab",
  )
})

test("the charset of a page without a parameter is looked for in the page", () => {
  assert.equal(parseMessage(octets("Content-Type: text/html\n\n<meta charset=koi8-r>\xf0")).bodyText, "П")
})

const previews: [what: string, message: Buffer, preview: string][] = [
  ["white space collapsed", crlf("", "", "  Hello,", "", "\tworld  "), "Hello, world"],
  ["quoted lines left out", crlf("", "> old", "  > older", "new"), "new"],
  ["quoted lines, nothing else", crlf("", "> old", "> older"), "> old > older"],
  ["no text", crlf("Content-Type: image/gif", "", "x"), ""],
  [
    "an empty alternative",
    crlf(
      "Content-Type: multipart/alternative; boundary=b",
      "",
      "--b",
      "",
      " ",
      "--b",
      "Content-Type: text/html",
      "",
      "<p>Hi</p>",
      "--b--",
    ),
    "Hi",
  ],
  [
    "an attached text file first",
    crlf(
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "Content-Disposition: attachment",
      "",
      "file",
      "--b",
      "",
      "mail",
      "--b--",
    ),
    "mail",
  ],
  ["200 characters", octets(`\n${"x".repeat(500)}`), "x".repeat(200)],
  ["characters, not code units", Buffer.from(`\n${"😀".repeat(300)}`), "😀".repeat(200)],
]
for (const [what, message, preview] of previews) {
  test(`preview: ${what}`, () => assert.equal(parseMessage(message).preview, preview))
}

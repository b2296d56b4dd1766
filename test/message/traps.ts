/*
 * A message of a few MB per line, of which a reader that looks at anything twice for each time it occurs would
 * not come to an end. Run by traps.test.ts with little memory; prints what it read, a line each.
 */
import { bodyWire, envelopeWire } from "../../daemon/imap/structure.ts"
import { selectFields } from "../../daemon/message/fields.ts"
import { foldForSearch } from "../../daemon/message/normalize.ts"
import { parseMessage } from "../../daemon/message/parser.ts"

const field = (name: string, value: string) => `${name}: ${value}\r\n\r\nbody`
const to = (pattern: string) => field("To", many(pattern))
const subject = (pattern: string) => field("Subject", many(pattern))
const body = (type: string, text: string, encoding = "7bit") =>
  `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${text}`
const html = (pattern: string) => body("text/html", many(pattern, 4_000_000))
const multipart = (text: string, boundary = "X") => `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${text}`
const counted = (count: number, line: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => line(n)).join("")

function many(pattern: string, octets = 1_000_000): string {
  return pattern.repeat(Math.ceil(octets / pattern.length))
}

const traps: Record<string, () => string> = {
  "one long line": () => body("text/plain", "x".repeat(30_000_000)),
  "empty lines": () => body("text/plain", many("\r\n", 8_000_000)),
  "quoted lines": () => body("text/plain", many("> \n", 8_000_000)),
  "lone CR": () => body("text/plain", many("\r", 8_000_000)),
  "100,000 parts": () => multipart(many("--X\r\n\r\na\r\n".repeat(10), 1_000_000)),
  "1,000,000 parts without anything": () => multipart(many("--X\r\n", 5_000_000)),
  "lines that are almost boundaries": () => multipart(many(`--${"X".repeat(69)}\r\n`, 8_000_000), "X".repeat(70)),
  "lines of two hyphens": () => multipart(many("--\r\n", 8_000_000)),
  "100,000 levels of multipart": () =>
    counted(100_000, (n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`),
  "100,000 levels of message/rfc822": () => many("Content-Type: message/rfc822\r\n\r\n", 3_000_000),
  "boundaries that begin with one another": () =>
    counted(
      100,
      (n) => `Content-Type: multipart/mixed; boundary=${"b".repeat(n + 1)}\r\n\r\n--${"b".repeat(n + 1)}\r\n`,
    ) + many(`--${"b".repeat(99)}c\r\n`, 4_000_000),
  "10,000 messages with 200 addresses": () =>
    `Content-Type: multipart/digest; boundary=X\r\n\r\n${many(`--X\r\n\r\nTo: ${"a@b,".repeat(200)}\r\n\r\nx\r\n`, 8_000_000)}`,
  "a header line of 10 MB": () => field("Subject", "x".repeat(10_000_000)),
  "a field of 2,500,000 lines": () => field("Subject", many("\r\n x", 10_000_000)),
  "100,000 fields": () => `${many("Subject: x\r\n")}\r\nbody`,
  "100,000 lines that are no fields": () => `${many("x\r\n")}\r\nbody`,
  "100,000 addresses": () => to("a@b.c, "),
  "comments that are not closed": () => to("("),
  "comments and blanks": () => to("( "),
  "angles that are not closed": () => to("<"),
  "routes that are not closed": () => to("<@a,"),
  quotes: () => to('"'),
  "a quote of backslashes": () => to("\\"),
  groups: () => to("g:"),
  "domain literals that are not closed": () => to("["),
  "at signs": () => to("@"),
  "words without a comma": () => to("a "),
  dots: () => to(". "),
  "encoded words that are not closed": () => to("=?a?q?"),
  "encoded words": () => subject("=?utf-8?q?a?= "),
  "encoded words in charsets that nobody knows": () =>
    field(
      "Subject",
      counted(60_000, (n) => `=?x${n}?q?a?= `),
    ),
  "words that begin": () => subject("=?"),
  "words that end": () => subject("=?utf-8?q?"),
  replies: () => subject("Re: "),
  "mailing lists": () => subject("[x] "),
  brackets: () => subject("["),
  forwards: () => field("Subject", many("[fwd: ") + many("]")),
  "trailing forwards": () => subject("(fwd) "),
  parameters: () => field("Content-Type", `a/b; ${many("x=y; ")}`),
  "parameters of RFC 2231": () => field("Content-Type", `a/b; ${counted(60_000, (n) => `n*${n}*=%41; `)}`),
  references: () => field("References", many("<a@b> ")),
  "references that are not closed": () => field("References", many("<a ")),
  "comments in a date": () => field("Date", many("(")),
  tags: () => html("<b>"),
  "tags that are not closed": () => html("<"),
  "attributes that are not closed": () => html('<a b="'),
  "comments of HTML that are not closed": () => html("<!--"),
  "style sheets that are not closed": () => html("<style>"),
  "character references": () => html("&amp;"),
  ampersands: () => html("&"),
  blanks: () => html(" "),
  "soft breaks that are none": () => body("text/plain", many("=", 8_000_000), "quoted-printable"),
  "blanks before a line end that never comes": () => body("text/plain", many(" ", 8_000_000), "quoted-printable"),
  padding: () => body("text/plain", many("=", 8_000_000), "base64"),
  "escapes of ISO-2022-JP": () => body("text/plain; charset=iso-2022-jp", many("\x1b(B", 6_000_000)),
}

for (const [name, make] of Object.entries(traps)) {
  const message = Buffer.from(make(), "latin1")
  const { envelope, root, header, headerText, bodyText, size } = parseMessage(message)
  const wire = envelopeWire(envelope).length + bodyWire(root, true).length + bodyWire(root, false).length
  selectFields(header, ["subject"], true)
  foldForSearch(headerText)
  foldForSearch(bodyText)
  process.stdout.write(`${name}: ${size === message.length && wire > 0}\n`)
}

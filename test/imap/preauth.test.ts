import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { decodeBase64 } from "../../daemon/imap/base64.ts"
import { ParseError } from "../../daemon/imap/errors.ts"
import { type PreauthCommand, parsePreauth } from "../../daemon/imap/preauth.ts"
import { stringWire } from "../../daemon/imap/response.ts"
import { cursorOf } from "./cursor-of.ts"

const octets = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"))

const accepted: [line: string, command: PreauthCommand][] = [
  ["a CAPABILITY", { tag: "a", name: "CAPABILITY" }],
  ["a starttls", { tag: "a", name: "STARTTLS" }],
  ["a NOOP", { tag: "a", name: "NOOP" }],
  ["a LOGOUT", { tag: "a", name: "LOGOUT" }],
  ['a ID ("name" "x")', { tag: "a", name: "ID", fields: new Map([["name", "x"]]) }],
  ["a ID NIL", { tag: "a", name: "ID", fields: null }],
  ["a LOGIN fred p]ss", { tag: "a", name: "LOGIN", user: octets("fred"), password: octets("p]ss") }],
  [
    'a LOGIN "fr\\"ed" "a\\\\b \xe9"',
    { tag: "a", name: "LOGIN", user: octets('fr"ed'), password: octets("a\\b \xe9") },
  ],
  ["a LOGIN {4}\r\nfred {6+}\r\ns ecre", { tag: "a", name: "LOGIN", user: octets("fred"), password: octets("s ecre") }],
  ['a LOGIN "" ""', { tag: "a", name: "LOGIN", user: octets(""), password: octets("") }],
  ["a AUTHENTICATE plain", { tag: "a", name: "AUTHENTICATE", mechanism: "PLAIN", initial: null }],
  ["a AUTHENTICATE PLAIN AGEAYg==", { tag: "a", name: "AUTHENTICATE", mechanism: "PLAIN", initial: octets("\0a\0b") }],
  ["a AUTHENTICATE EXTERNAL =", { tag: "a", name: "AUTHENTICATE", mechanism: "EXTERNAL", initial: octets("") }],
  ["a SELECT (((", { tag: "a", name: "OTHER", command: "SELECT" }],
  ["a UID FETCH 1", { tag: "a", name: "OTHER", command: "UID FETCH" }],
  ["a XYZZY", { tag: "a", name: "OTHER", command: "XYZZY" }],
]
for (const [line, command] of accepted) {
  test(`before login: ${JSON.stringify(line)}`, () => assert.deepEqual(parsePreauth(cursorOf(line)), command))
}

const refused: [line: string, why: RegExp][] = [
  ["", /tag/],
  ["a", /SP/],
  ["a ", /command name/],
  ["GET / HTTP/1.1", /command name/],
  ["a NOOP ", /CRLF/],
  ["a STARTTLS x", /CRLF/],
  ["a LOGIN", /SP/],
  ["a LOGIN fred", /SP/],
  ["a LOGIN fred ", /password/],
  ["a LOGIN  fred x", /userid/],
  ["a LOGIN fred pass word", /CRLF/],
  ["a LOGIN fred pa(ss", /CRLF/],
  ['a LOGIN fred "x', /closing DQUOTE/],
  ["a LOGIN fred {3}\r\na\0b", /CHAR8/],
  ["a LOGIN fred \xe9", /password/],
  ["a AUTHENTICATE", /SP/],
  ["a AUTHENTICATE PLAIN ", /initial-resp/],
  ["a AUTHENTICATE PLAIN AGEAYg", /base64/],
  ["a AUTHENTICATE PLAIN AGEAYg== x", /base64/],
  ["a AUTHENTICATE PLAIN {3}", /base64/],
]
for (const [line, why] of refused) {
  test(`before login, refused: ${JSON.stringify(line)}`, () => {
    assert.throws(
      () => parsePreauth(cursorOf(line)),
      (error) => error instanceof ParseError && why.test(error.message),
    )
  })
}

test("credentials are copies: wiping the command leaves them, and they stand alone in their buffer", () => {
  const cursor = cursorOf('a LOGIN "fred" "secret"')
  const command = parsePreauth(cursor)
  cursor.bytes.fill(0)
  assert.ok(command.name === "LOGIN")
  assert.deepEqual(command.password, octets("secret"))
  assert.equal(command.password.buffer.byteLength, 6)
})

test("any user and password come through LOGIN", () => {
  const credential = fc.uint8Array({ min: 1, max: 255, maxLength: 40 })
  fc.assert(
    fc.property(credential, credential, (user, password) => {
      const bytes = Buffer.concat([Buffer.from("a LOGIN "), stringWire(user), Buffer.from(" "), stringWire(password)])
      const command = parsePreauth({ bytes, at: 0 })
      assert.ok(command.name === "LOGIN")
      assert.deepEqual([[...command.user], [...command.password]], [[...user], [...password]])
    }),
  )
})

test("base64: every octet string there and back, and only its one spelling", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (given) => {
      assert.deepEqual([...decodeBase64(Buffer.from(Buffer.from(given).toString("base64")))], [...given])
    }),
  )
  for (const wrong of [
    "A",
    "AA",
    "AAA",
    "AAA*",
    "====",
    "A===",
    "AA=A",
    "AB==",
    "AAB=",
    "AA-_",
    " AAA",
    "AAA\n",
    "AAAA=",
  ]) {
    assert.throws(() => decodeBase64(Buffer.from(wrong)), ParseError, wrong)
  }
})

test("any octets before login: a command or a ParseError", () => {
  const noise = fc.array(
    fc.oneof(
      fc.constantFrom("a ", "LOGIN ", "AUTHENTICATE ", "ID ", '"', "{1}\r\n", "(", ")", " ", "NIL", "=", "\\"),
      fc.string({ unit: "binary-ascii", maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(noise, (parts) => {
      try {
        parsePreauth(cursorOf(parts.join("")))
      } catch (error) {
        if (!(error instanceof ParseError)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

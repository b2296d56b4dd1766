import assert from "node:assert/strict"
import { test } from "node:test"
import { mailboxName, superiors } from "../../daemon/store/mailbox-name.ts"
import { faulty, options } from "./harness.ts"

const accepted: [given: string, stored: string][] = [
  ["Work", "Work"],
  ["Work/", "Work"], // RFC 3501 §6.3.3: a declaration that names below will follow
  ["a/b/c", "a/b/c"],
  ["inbox", "INBOX"],
  ["iNbOx/lists", "INBOX/lists"],
  ["inboxes", "inboxes"],
  ["ınbox", "ınbox"], // the letter without a dot is another one
  ["Gro\u0308ße", "Größe"], // NFC
  ["50% * off & more", "50% * off & more"],
  ["台北/日本語", "台北/日本語"],
  ["~peter", "~peter"],
  ["x".repeat(1000), "x".repeat(1000)],
]
const refused: string[] = ["", "/", "/a", "a//b", "a//", "a\0b", "a\r\nb", "\u007f", "\u0085", "a\u2028b", "\ud800"]
const tooLong = ["x".repeat(1001), Array.from({ length: 51 }, () => "a").join("/")]

for (const [given, stored] of accepted) {
  test(`${JSON.stringify(given.slice(0, 20))} is a mailbox name`, () =>
    assert.equal(mailboxName(given, options.limits), stored))
}
for (const given of tooLong) {
  test(`${given.length} characters, ${given.split("/").length} levels are refused`, () => {
    assert.throws(() => mailboxName(given, options.limits), faulty("name-too-long"))
  })
}
for (const given of refused) {
  test(`${JSON.stringify(given.slice(0, 20))} is refused`, () => {
    assert.throws(() => mailboxName(given, options.limits), faulty("bad-name"))
  })
}

test("superior names, highest first", () => {
  assert.deepEqual(superiors("a/b/c"), ["a", "a/b"])
  assert.deepEqual(superiors("a"), [])
})

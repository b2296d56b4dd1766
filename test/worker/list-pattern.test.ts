import assert from "node:assert/strict"
import { test } from "node:test"
import { matcherFor, superiors } from "../../daemon/worker/commands/list-pattern.ts"
import { Refused } from "../../daemon/worker/refusal.ts"

const matching: [reference: string, pattern: string, name: string][] = [
  ["", "*", "a/b/c"],
  ["", "%", "a"],
  ["", "a/%", "a/b"],
  ["a/", "%", "a/b"],
  ["", "%/%", "a/b"],
  ["", "*c", "a/b/c"],
  ["", "a*c*", "a/b/c/d"],
  ["", "%b%/*", "abc/d/e"],
  ["", "**%%*", "x"],
  ["", "a", "a"],
  ["", "inbox", "INBOX"],
  ["", "Inbox/%", "INBOX/sub"],
  ["", "inb%", "INBOX"],
  ["", "Inbox*", "INBOX/sub"],
  ["", "inbox*", "inboxes"],
  ["in", "Box/s*", "INBOX/sub"],
  ["", "inb%/%", "INBOX/sub"],
  ["", "*", "INBOX"],
  ["", "", ""],
]
const others: [reference: string, pattern: string, name: string][] = [
  ["", "%", "a/b"],
  ["", "a/%", "a/b/c"],
  ["", "a%", "a/b"],
  ["", "A", "a"],
  ["", "%o%", "INBOX"],
  ["", "%o%/*", "INBOX/sub"],
  ["", "inbox/SUB", "INBOX/sub"],
  ["", "Inbox*", "inboxes"],
  ["", "ınb*", "INBOX"], // without a dot: not the same letter
  ["", "a*", "ba"],
  ["", "abc", "ab"],
  ["", "", "a"],
]

for (const [reference, pattern, name] of matching) {
  test(`"${reference}" "${pattern}" lists ${name}`, () => assert.ok(matcherFor(reference, [pattern])(name)))
}
for (const [reference, pattern, name] of others) {
  test(`"${reference}" "${pattern}" does not list ${name}`, () => assert.ok(!matcherFor(reference, [pattern])(name)))
}

test("a pattern of many wildcards takes no longer for it", () => {
  const matches = matcherFor("", [`${"*a%".repeat(20_000)}b`])
  assert.ok(!matches("a".repeat(250)))
})

test("a hundred patterns are enough", () => {
  const patterns = Array.from({ length: 101 }, (_, index) => `p${index}`)
  assert.throws(() => matcherFor("", patterns), Refused)
  assert.ok(matcherFor("", patterns.slice(1))("p7"))
})

test("superiors of a name", () => {
  assert.deepEqual(superiors("a/b/c"), ["a", "a/b"])
  assert.deepEqual(superiors("a"), [])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { sectionSpan } from "../../daemon/message/sections.ts"
import type { Part } from "../../daemon/message/types.ts"
import { messages } from "../harness/corpus.ts"
import { startHome, type TestClient } from "./harness.ts"

/** A sample by default; MAILKEEP_CORPUS_ALL takes every message, in minutes. */
const limit = process.env.MAILKEEP_CORPUS_ALL === undefined ? 150 : Number.POSITIVE_INFINITY

test("what APPEND brings is what FETCH gives, whole and part by part", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  const sample = messages(limit)
  for (const { name, bytes } of sample) assert.match(await client.append("INBOX", bytes), /^OK \[APPENDUID /, name)
  await client.ok("SELECT INBOX")
  for (const [index, { name, bytes }] of sample.entries()) {
    const { untagged } = await client.command(`FETCH ${index + 1} (RFC822.SIZE BODY.PEEK[])`)
    assert.match(
      untagged[0]?.text ?? "",
      new RegExp(`RFC822.SIZE ${bytes.length} BODY\\[\\] \\{${bytes.length}\\}`),
      name,
    )
    assert.ok(untagged[0]?.literals[0]?.equals(bytes), name)
    await compareParts(client, index + 1, bytes, home.store.contents.structures.root(contentOf(index + 1)), name)
  }

  function contentOf(uid: number): number {
    const mailbox = home.store.mailboxes.named("INBOX")
    return home.store.messages.one(mailbox.id, uid)?.content ?? assert.fail(`no message ${uid}`)
  }
})

/** Every leaf, and its MIME header, in one FETCH. */
async function compareParts(
  client: TestClient,
  sequence: number,
  bytes: Buffer,
  root: Part,
  name: string,
): Promise<void> {
  const leaves = leavesOf(root, []).slice(0, 20)
  const items = leaves.flatMap((numbers) => [`BODY.PEEK[${numbers.join(".")}]`, `BODY.PEEK[${numbers.join(".")}.MIME]`])
  const { untagged, status } = await client.command(`FETCH ${sequence} (${items.join(" ")})`)
  assert.match(status, /^OK/, name)
  const expected = leaves
    .flatMap((numbers) => [span(numbers, "ALL"), span(numbers, "MIME")])
    .filter((each) => each.length > 0)
  assert.deepEqual(untagged[0]?.literals, expected, name)

  function span(numbers: number[], what: "ALL" | "MIME"): Buffer {
    const found = sectionSpan(root, numbers, what) ?? assert.fail(`no part ${numbers.join(".")}`)
    return bytes.subarray(found.start, found.end)
  }
}

function leavesOf(part: Part, numbers: number[]): number[][] {
  const inside = part.message?.root ?? part
  if (inside.children.length > 0)
    return inside.children.flatMap((child, index) => leavesOf(child, [...numbers, index + 1]))
  if (part.message !== null) return [numbers.length === 0 ? [1] : numbers]
  return [numbers.length === 0 ? [1] : numbers]
}

test("the pieces of a partial FETCH make the whole", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  const body = Buffer.from("0123456789abcdef\r\n".repeat(40_000), "latin1")
  const whole = Buffer.concat([Buffer.from("Subject: long\r\n\r\n"), body])
  await client.append("INBOX", whole)
  await client.ok("SELECT INBOX")
  const got: Buffer[] = []
  for (let at = 0; at < whole.length; at += 100_000) {
    const { untagged } = await client.command(`FETCH 1 BODY.PEEK[]<${at}.100000>`)
    got.push(...(untagged[0]?.literals ?? []))
  }
  assert.ok(Buffer.concat(got).equals(whole))
})

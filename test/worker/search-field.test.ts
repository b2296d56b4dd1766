import assert from "node:assert/strict"
import { test } from "node:test"
import { put } from "../store/harness.ts"
import { mailOf } from "../store/mail.ts"
import { startHome, type TestClient } from "./harness.ts"

const headers = [
  "From: Ann =?utf-8?q?=C3=85str=C3=B6m?= <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Lunch",
  "From: bob@example.org\r\nTo: ann@example.org\r\nTo: carol@example.org\r\nSubject: Re:\r\n Lunch 50%_off",
  "Subject: =?utf-8?q?two=0Alines?=\r\nBcc:\r\nSubject: second",
  "X-Other: ann@example.org",
  `To: ${"somebody@example.org, ".repeat(4000)}last@example.org`,
]

/** What must be found, whoever answers: the engine or the header. */
const table: [key: string, found: number[]][] = [
  ["FROM ann", [1]],
  ["FROM ASTROM", [1]],
  ['FROM ""', [1, 2]],
  ["TO carol", [2]],
  ["TO ann@example.org", [2]],
  ['SUBJECT "Lunch 50%_off"', [2]],
  ["SUBJECT 50x_off", []],
  ["SUBJECT second", [3]],
  ['SUBJECT "two"', [3]],
  ['BCC ""', [3]],
  ["BCC x", []],
  ['CC ""', []],
  ["TO last@example.org", [5]],
  ["TO somebody", [5]],
  ["HEADER Subject lunch", [1, 2]],
  ["HEADER X-Other ann", [4]],
  ["NOT FROM ann", [2, 3, 4, 5]],
]

async function searched(client: TestClient, key: string): Promise<string> {
  const [answer = ""] = await client.ok(`SEARCH ${key}`)
  return answer.replace(/^\* SEARCH ?/, "")
}

test("header fields are found by the engine", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  for (const header of headers) await client.append("INBOX", `${header}\r\n\r\nbody\r\n`)
  await client.ok("SELECT INBOX")
  for (const [key, found] of table) assert.equal(await searched(client, key), found.join(" "), key)
})

test("the same in headers of which the engine knows nothing", async (t) => {
  const home = startHome(t)
  for (const header of headers) put(home.store, "INBOX", mailOf(Buffer.from(`${header}\r\n\r\nbody\r\n`)))
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  for (const [key, found] of table) assert.equal(await searched(client, key), found.join(" "), key)
})

test("a text with a line break is not found across two fields", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  await client.append("INBOX", "To: a\r\nTo: b\r\n\r\n")
  await client.ok("SELECT INBOX")
  assert.deepEqual(await client.ok("SEARCH TO {}", Buffer.from("a\nb")), ["* SEARCH"])
})

test("a message that came after the search began is found by the next one", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  for (let count = 1; count <= 3; count++) {
    await client.append("INBOX", "From: ann\r\n\r\n")
    await client.ok("NOOP")
    const expected = Array.from({ length: count }, (_, at) => at + 1)
    assert.equal(await searched(client, "FROM ann"), expected.join(" "))
  }
})

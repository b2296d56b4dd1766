import assert from "node:assert/strict"
import { test } from "node:test"
import { letter, startHome, type TestClient } from "./harness.ts"

/** Four messages in INBOX, and progress told after each of them. */
async function start(t: Parameters<typeof startHome>[0]): Promise<TestClient> {
  const client = await startHome(t, { limits: { progress_ms: 0 } }).connect()
  for (const subject of ["a", "b", "c", "d"]) await client.append("INBOX", letter(subject))
  await client.ok("SELECT INBOX")
  return client
}

/** RFC 9585 §4: the tag, how many, of how many; the end is told by the tagged answer. */
const told = (tag: string) => [1, 2, 3].map((done) => `* OK [INPROGRESS (${tag} ${done} 4)] Still working`)

const searches = ["SEARCH ALL", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "ESEARCH ALL"]
for (const command of searches) {
  test(`INPROGRESS during ${command}`, async (t) => {
    const client = await start(t)
    client.send(`x1 ${command}\r\n`)
    const { untagged } = await client.answer("x1")
    assert.deepEqual(
      untagged.slice(0, -1).map(({ text }) => text),
      told('"x1"'),
    )
  })
}

test("a tag with a bracket would end the response code: it is NIL", async (t) => {
  const client = await start(t)
  client.send("x]1 SEARCH ALL\r\n")
  const { untagged } = await client.answer("x]1")
  assert.deepEqual(
    untagged.map(({ text }) => text),
    [...told("NIL"), "* SEARCH 1 2 3 4"],
  )
})

test("only what is looked at is counted, and a short command says nothing", async (t) => {
  const client = await start(t)
  assert.deepEqual(await client.ok("SEARCH 2"), ["* SEARCH 2"])
  assert.deepEqual((await client.ok("SEARCH 2:3")).length, 2)
  assert.deepEqual(await client.ok("COPY 1:4 Archive"), [])
})

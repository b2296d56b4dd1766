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

for (const command of ["SEARCH ALL", "ESEARCH ALL"]) {
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

/** Nobody knows beforehand how many will be found, so the work after the search is not counted (RFC 9585 §4). */
for (const command of ["SORT (FROM) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"]) {
  test(`INPROGRESS during ${command}`, async (t) => {
    const client = await start(t)
    client.send(`x1 ${command}\r\n`)
    const { untagged } = await client.answer("x1")
    const lines = untagged.slice(0, -1).map(({ text }) => text)
    const working = '* OK [INPROGRESS ("x1" NIL NIL)] Still working'
    assert.deepEqual(lines, [...told('"x1"'), working])
  })
}

test("INPROGRESS during FETCH stands between two messages", async (t) => {
  const client = await start(t)
  client.send("x1 UID FETCH 1:4 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n")
  const { untagged } = await client.answer("x1")
  const kinds = untagged.map(({ text }) => /FETCH|INPROGRESS/.exec(text)?.[0])
  assert.deepEqual(kinds, ["FETCH", "INPROGRESS", "FETCH", "INPROGRESS", "FETCH", "INPROGRESS", "FETCH"])
})

test("INPROGRESS during what works on many messages at a time", async (t) => {
  const client = await start(t)
  for (let doubled = 4; doubled < 4096; doubled *= 2) await client.ok("COPY 1:* INBOX")
  const commands = [
    "SORT (SUBJECT) UTF-8 ALL",
    "STORE 1:4096 +FLAGS.SILENT (\\Deleted)",
    "COPY 1:4096 Archive",
    "UID EXPUNGE 1:1536",
    "MOVE 1:2560 Archive",
    "SELECT Archive",
    "EXPUNGE",
  ]
  for (const command of commands) {
    client.send(`x1 ${command}\r\n`)
    const { untagged } = await client.answer("x1")
    const told = untagged
      .map(({ text }) => /INPROGRESS \("x1" (\d+) (\d+)\)/.exec(text))
      .filter((found) => found !== null)
    assert.equal(told.length > 0, command !== "SELECT Archive", command)
    const states = told.map(([, done, goal]) => [Number(done), Number(goal)] as const)
    for (const [index, [done, goal]] of states.entries()) {
      assert.ok(done > (states[index - 1]?.[0] ?? 0) && done < goal, `${command}: ${done} of ${goal}`)
      assert.equal(goal, states[0]?.[1])
    }
  }
})

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

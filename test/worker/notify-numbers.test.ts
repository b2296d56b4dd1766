import assert from "node:assert/strict"
import { test } from "node:test"
import { letter, startHome, type TestClient } from "./harness.ts"

/** A client that hears of expunges at once, and another one, both with three messages. */
async function listening(t: Parameters<typeof startHome>[0]): Promise<{ hears: TestClient; other: TestClient }> {
  const home = startHome(t)
  const [hears, other] = [await home.connect(), await home.connect()]
  for (const subject of ["one", "two", "three"]) await other.append("INBOX", letter(subject))
  for (const client of [hears, other]) await client.ok("SELECT INBOX")
  await hears.ok("NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))")
  return { hears, other }
}

async function expungeFirst(other: TestClient): Promise<void> {
  await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
  await other.ok("EXPUNGE")
}

async function subjects(client: TestClient): Promise<string[]> {
  await client.ok("NOOP")
  const answers = await client.ok("FETCH 1:* ENVELOPE")
  return answers.flatMap((answer) => /ENVELOPE \("[^"]*" "(\w+)"/.exec(answer)?.[1] ?? [])
}

test("a number of a command that has begun means what it meant when it was written", async (t) => {
  const { hears, other } = await listening(t)
  const message = Buffer.from(letter("new"))
  hears.send(`r REPLACE 2 INBOX {${message.length}}\r\n`)
  assert.match(await hears.line(), /^\+/)
  await expungeFirst(other)
  await other.ok("NOOP")
  assert.doesNotMatch(hears.unread, /EXPUNGE/, "the number and the message it means stay together")
  hears.send(Buffer.concat([message, Buffer.from("\r\n")]))
  const { status } = await hears.answer("r")
  assert.match(status, /^OK/)
  assert.deepEqual(await subjects(other), ["three", "new"])
})

test("half a line holds an EXPUNGE back, the end of its command tells it", async (t) => {
  const { hears, other } = await listening(t)
  hears.send("s STORE 2 +FLAGS ")
  await expungeFirst(other)
  await other.ok("NOOP")
  hears.send("(\\Flagged)\r\n")
  const { untagged } = await hears.answer("s")
  const told = untagged.map(({ text }) => text)
  assert.ok(told.some((text) => text.startsWith("* 2 FETCH")))
  assert.ok(told.indexOf("* 1 EXPUNGE") > told.findIndex((text) => text.startsWith("* 2 FETCH")))
  assert.equal((await other.ok("SEARCH FLAGGED"))[0], "* SEARCH 1")
})

test("without a command it is told at once", async (t) => {
  const { hears, other } = await listening(t)
  await expungeFirst(other)
  for (let line = await hears.line(); line !== "* 1 EXPUNGE"; line = await hears.line()) assert.match(line, /FETCH/)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { StoreError } from "../../daemon/store/types.ts"
import { letter, startHome } from "./harness.ts"

test("the answer to the login carries the capabilities", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  const [capabilities] = await client.ok("CAPABILITY")
  const names = new Set(capabilities?.split(" ").slice(2))
  const wanted =
    "IMAP4rev1 LITERAL- ID ENABLE NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE IDLE CONDSTORE ESEARCH SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE OBJECTID SAVEDATE APPENDLIMIT=52428800"
  assert.deepEqual(
    wanted.split(" ").filter((name) => !names.has(name)),
    [],
  )
})

test("BYE reaches a client that waits, one in IDLE, and one in the middle of a literal", async (t) => {
  const home = startHome(t)
  const clients = [await home.connect(), await home.connect(), await home.connect()]
  const [waiting, idling, sending] = clients
  idling?.send("a IDLE\r\n")
  assert.equal(await idling?.line(), "+ idling")
  sending?.send("a APPEND INBOX {1000}\r\n")
  assert.equal(await sending?.line(), "+ OK")
  sending?.send("From: half")
  await Promise.all(home.connections.map((connection) => connection.bye("[UNAVAILABLE] The server is shutting down")))
  for (const client of [waiting, idling, sending]) {
    assert.equal(await client?.line(), "* BYE [UNAVAILABLE] The server is shutting down")
    await client?.gone()
  }
  assert.equal(home.store.usage().messages, 0)
})

test("the running command is finished before BYE", async (t) => {
  const settled = Promise.withResolvers<void>()
  const home = startHome(t, { settle: () => settled.promise })
  const client = await home.connect()
  client.send("a SELECT INBOX\r\nb NOOP\r\n")
  await new Promise((resolve) => setTimeout(resolve, 20))
  const gone = home.connections[0]?.bye("Enough")
  settled.resolve()
  const { status } = await client.answer("a")
  assert.match(status, /^OK/)
  assert.equal(await client.line(), "* BYE Enough")
  await gone
})

test("a client that says nothing is logged out", async (t) => {
  const home = startHome(t, { limits: { autologout_s: 0.05 } })
  const quiet = await home.connect()
  assert.equal(await quiet.line(), "* BYE Idle for too long")
  const idling = await home.connect()
  idling.send("a IDLE\r\n")
  assert.equal(await idling.line(), "+ idling")
  assert.equal(await idling.line(), "* BYE Idle for too long")
})

test("bad commands in a row end the connection, others in between do not", async (t) => {
  const home = startHome(t, { limits: { max_bad_commands: 3 } })
  const client = await home.connect()
  client.send("a X\r\nb X\r\nc NOOP\r\nd X\r\ne X\r\nf X\r\ng NOOP\r\n")
  for (const start of ["a BAD", "b BAD", "c OK", "d BAD", "e BAD", "f BAD"])
    assert.ok((await client.line()).startsWith(start))
  assert.equal(await client.line(), "* BYE Too many bad commands")
  await client.gone()
})

const oversized: [why: string, sent: string, answer: RegExp][] = [
  ["a line too long", `a NOOP ${"x".repeat(70_000)}\r\n`, /^a BAD \[TOOBIG\]/],
  ["a NUL", "a LIST \0 *\r\n", /^a BAD /],
  ["10,000 parentheses", `a SEARCH ${"(".repeat(10_000)}ALL${")".repeat(10_000)}\r\n`, /^a BAD /],
  ["unbalanced parentheses", "a FETCH 1 ((FLAGS)\r\n", /^a BAD /],
  ["100,000 ranges", `a UID FETCH ${"1,".repeat(30_000)}1 FLAGS\r\n`, /^a BAD /],
  ["a literal too large", "a SELECT {99999999}\r\n", /^a BAD \[TOOBIG\]/],
  ["a mailbox name that is not UTF-7", 'a SELECT "&AGE"\r\n', /^a BAD /],
]
for (const [why, sent, answer] of oversized) {
  test(`${why}: refused, and the connection goes on`, async (t) => {
    const home = startHome(t)
    const client = await home.connect()
    await client.ok("SELECT INBOX")
    client.send(sent)
    assert.match(await client.line(), answer)
    await client.ok("NOOP")
  })
}

test("an error nobody foresaw is SERVERBUG, is logged without its text, and the connection goes on", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  t.mock.method(home.store.mailboxes, "list", () => {
    throw new TypeError("what the mail said")
  })
  assert.match((await client.command('LIST "" *')).status, /^NO \[SERVERBUG\] Internal error$/)
  await client.ok("NOOP")
  const [fault] = home.faults.splice(0)
  assert.deepEqual(
    { ...fault, frames: 0 },
    { command: "LIST", error: "TypeError", code: undefined, frames: 0, text: "command failed" },
  )
  assert.ok(!JSON.stringify(fault).includes("what the mail said"))
})

test("a damaged database and a full disk are answered and logged", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  t.mock.method(home.store.mailboxes, "status", () => {
    throw new StoreError("damaged")
  })
  assert.match((await client.command("STATUS INBOX (MESSAGES)")).status, /^NO \[CORRUPTION\]/)
  t.mock.method(home.store.messages, "add", () => {
    throw new StoreError("disk-full")
  })
  assert.match(await client.append("INBOX", letter("x")), /^NO \[LIMIT\]/)
  assert.equal(home.faults.splice(0).length, 2)
})

test("over quota: refused while the message arrives, nothing of it is kept", async (t) => {
  const home = startHome(t, { quotaBytes: 1000 })
  const client = await home.connect()
  assert.match(await client.append("INBOX", letter("fits")), /^OK/)
  assert.match(await client.append("INBOX", letter("big", "x".repeat(2000))), /^NO \[OVERQUOTA\]/)
  await client.ok("NOOP")
  assert.equal(home.store.usage().messages, 1)
})

test("activity is reported with the client's own name", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  await client.ok('ID ("name" "Mutt" "version" "2.2")')
  await client.ok("SELECT INBOX")
  await client.command("UID FETCH 1 FLAGS")
  client.send("i IDLE\r\n")
  await client.line()
  client.send("DONE\r\n")
  await client.answer("i")
  assert.deepEqual(home.activity, [
    ["ID", false, null],
    ["SELECT", false, "Mutt 2.2"],
    ["UID FETCH", false, "Mutt 2.2"],
    ["IDLE", true, "Mutt 2.2"],
    ["IDLE", false, "Mutt 2.2"],
  ])
})

test("a client that does not read holds neither memory nor the others", async (t) => {
  const home = startHome(t)
  const slow = await home.connect()
  const other = await home.connect()
  const message = Buffer.from(letter("big", "0123456789abcdef\r\n".repeat(60_000)), "latin1")
  for (let count = 0; count < 20; count += 1) assert.match(await other.append("INBOX", message), /^OK/)
  await slow.ok("SELECT INBOX")
  slow.pause()
  slow.send("a FETCH 1:* BODY.PEEK[]\r\n")
  for (let round = 0; round < 20; round += 1) await other.ok("NOOP")
  assert.ok(process.memoryUsage().arrayBuffers < 100_000_000, "twenty messages of 1 MB are not in memory")
  slow.resume()
  const { untagged } = await slow.answer("a")
  assert.equal(untagged.length, 20)
  assert.ok(untagged.every(({ literals }) => literals[0]?.equals(message)))
})

test("others are answered while a long command runs", async (t) => {
  const home = startHome(t)
  const busy = await home.connect()
  const other = await home.connect()
  await busy.append("INBOX", letter("one", "needle in a haystack\r\n".repeat(3000)))
  await busy.ok("SELECT INBOX")
  // Copies of copies: 4,096 messages that share one content.
  for (let doubling = 0; doubling < 12; doubling += 1) await busy.ok("COPY 1:* INBOX")
  for (const command of [
    "SEARCH HEADER Subject nothing-of-it",
    "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)",
    "STORE 1:* +FLAGS (\\Answered word)",
  ]) {
    busy.send(`long ${command}\r\n`)
    let rounds = 0
    const done = busy.answer("long").then(() => true)
    for (let ended = false; !ended; rounds += 1) {
      await other.ok("NOOP")
      ended = await Promise.race([done, new Promise<false>((resolve) => setImmediate(resolve, false))])
    }
    assert.ok(rounds > 1, `${command}: another connection was served ${rounds} times meanwhile`)
  }
})

test("others are answered while a client's many short commands are worked off", async (t) => {
  const home = startHome(t)
  const busy = await home.connect()
  const other = await home.connect()
  busy.send(`${"a NOOP\r\n".repeat(3000)}last NOOP\r\n`)
  let rounds = 0
  const done = busy.answer("last").then(() => true)
  for (let ended = false; !ended; rounds += 1) {
    await other.ok("NOOP")
    ended = await Promise.race([done, new Promise<false>((resolve) => setImmediate(resolve, false))])
  }
  assert.ok(rounds > 2, `another connection was served ${rounds} times meanwhile`)
})

test("INBOX waits for the spool, other mailboxes do not", async (t) => {
  let waits = 0
  const home = startHome(t, {
    settle: async () => {
      waits += 1
    },
  })
  const client = await home.connect()
  await client.ok("SELECT Sent")
  await client.ok("STATUS Sent (MESSAGES)")
  assert.equal(waits, 0)
  await client.ok("SELECT INBOX")
  await client.ok("STATUS inbox (MESSAGES)")
  await client.ok('LIST "" % RETURN (STATUS (MESSAGES))')
  assert.equal(waits, 3)
})

test("a text past the stored one is still found by SEARCH", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  const long = `${"word after word after word\r\n".repeat(90_000)}the very end\r\n`
  await client.append("INBOX", letter("long", long))
  await client.append("INBOX", letter("short", "the very beginning\r\n"))
  await client.ok("SELECT INBOX")
  assert.deepEqual(await client.ok('SEARCH BODY "the very end"'), ["* SEARCH 1"])
  assert.deepEqual(await client.ok('SEARCH NOT TEXT "very END"'), ["* SEARCH 2"])
})

test("a message that is expunged while it is being sent is sent to its end, and nobody waits for that", async (t) => {
  const home = startHome(t)
  const slow = await home.connect()
  const other = await home.connect()
  const message = letter("big", "0123456789abcdef\r\n".repeat(120_000))
  await other.append("INBOX", message)
  await slow.ok("SELECT INBOX")
  await other.ok("SELECT INBOX")
  slow.pause()
  slow.send("a FETCH 1 BODY.PEEK[]\r\n")
  await other.ok("NOOP")
  await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
  assert.deepEqual(await other.ok("EXPUNGE"), ["* 1 EXPUNGE"])
  slow.resume()
  const { status, untagged } = await slow.answer("a")
  assert.match(status, /^OK/)
  assert.equal(untagged[0]?.literals[0]?.toString("latin1"), message)
  assert.ok((await slow.ok("NOOP")).includes("* 1 EXPUNGE"))
})

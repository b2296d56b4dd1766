import assert from "node:assert/strict"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { mailboxOf, RawClient, type Running, startSpool, waiting } from "./harness.ts"

/** What the daemon leaves, and how many of six messages of alice are stored, by whatever address and connection. */
const limited = [
  { room: { bytes: null, messages: null }, stored: 6 },
  { room: { bytes: null, messages: 4 }, stored: 4 },
  { room: { bytes: 1, messages: null }, stored: 1 },
  { room: { bytes: 1, messages: 3 }, stored: 1 },
]

const addresses = ["alice", "ALICE+2", "alice+3", "alice+4", "alice+5", "alice+6"].map((name) => `${name}@example.org`)

async function isStored(running: Running, replies: string[], count: number): Promise<void> {
  const saved = replies.filter((reply) => reply.startsWith("250 2.0.0 "))
  assert.equal(saved.length, count)
  for (const reply of replies)
    if (!saved.includes(reply)) assert.equal(reply, "452 4.2.2 Mailbox is full, try again later")
  assert.equal((await waiting(running, "alice")).length, count)
  assert.equal(running.directory.arrived.length, count)
  const unfinished = join(running.settings.data_dir, "spool", mailboxOf("alice"), "tmp")
  assert.deepEqual(readdirSync(unfinished), [])
}

for (const { room, stored } of limited) {
  test(`${stored} of six in one transaction: ${JSON.stringify(room)}`, async (t) => {
    const running = await startSpool(t)
    Object.assign(running.directory.room, room)
    const client = await RawClient.connect(t, running.port)
    await client.begin(...addresses, "bob@example.org")
    await client.send("x\r\n.\r\n")
    const replies: string[] = []
    for (const _ of addresses) replies.push(await client.reply())
    assert.match(await client.reply(), /^250 2\.0\.0 <bob@/)
    running.directory.arrived.splice(running.directory.arrived.indexOf(mailboxOf("bob")), 1)
    await isStored(running, replies, stored)
  })

  test(`${stored} of six at once: ${JSON.stringify(room)}`, async (t) => {
    const running = await startSpool(t)
    Object.assign(running.directory.room, room)
    const clients = await Promise.all(addresses.map(() => RawClient.connect(t, running.port)))
    await Promise.all(clients.map((client, index) => client.begin(addresses[index] ?? "")))
    const replies = await Promise.all(clients.map((client) => client.send("x\r\n.\r\n").then(() => client.reply())))
    await isStored(running, replies, stored)
  })
}

test("while the daemon is away no more is taken than there was room for", async (t) => {
  const running = await startSpool(t)
  Object.assign(running.directory.room, { bytes: null, messages: 2 })
  const client = await RawClient.connect(t, running.port)
  await client.reply()
  await client.say("LHLO test")
  const said: string[] = []
  for (let count = 0; count < 3; count += 1) {
    await client.say("MAIL FROM:<>")
    said.push(await client.say("RCPT TO:<alice@example.org>"))
    running.directory.down = true
    if (!said.at(-1)?.startsWith("250")) break
    await client.say("DATA")
    said.push((await client.say("x\r\n.")).slice(0, 9))
  }
  assert.deepEqual(said.slice(1), [
    "250 2.0.0",
    said[0],
    "250 2.0.0",
    "451 4.3.0 Recipients cannot be checked now, try again later",
  ])
  assert.equal((await waiting(running, "alice")).length, 2)
})

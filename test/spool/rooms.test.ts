import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { pino } from "pino"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { Queue } from "../../spool/queue.ts"
import { diskFiles } from "../../spool/queue-files.ts"
import { type Found, Recipients } from "../../spool/recipients.ts"
import { Rooms, type Taken } from "../../spool/rooms.ts"
import type { Envelope } from "../../spool/sealed.ts"
import { Copy, store } from "../../spool/transaction.ts"
import { identityOf, temporaryFolder } from "./harness.ts"

const mailbox = "abcdefghijklmnopqrstuvwxyz"
const full = { bytes: 0, messages: 0 }

/** "told 3 @0": the daemon's answer to a question of second 0; "at 9": the clock; the rest is about messages of 10 octets. */
const stories: { what: string; steps: string[] }[] = [
  { what: "a mailbox nobody spoke of", steps: ["no room"] },
  { what: "room is counted down", steps: ["told 2 @0", "take a", "room", "take b", "no room", "refused c"] },
  {
    what: "what was not stored makes room again",
    steps: ["told 1 @0", "take a", "no room", "back a", "room", "take b"],
  },
  { what: "given back once only", steps: ["told 1 @0", "take a", "back a", "back a", "take b", "refused c"] },
  { what: "not durable yet: no answer has it", steps: ["told 1 @0", "take a", "at 500", "told 1 @499", "no room"] },
  {
    what: "and given back after that answer",
    steps: ["told 1 @0", "take a", "at 500", "told 1 @499", "back a", "room"],
  },
  { what: "durable after the question", steps: ["told 9 @0", "take a", "at 3", "keep a", "told 1 @2", "refused b"] },
  { what: "durable just before it", steps: ["told 9 @0", "take a", "keep a", "at 4", "told 1 @4", "refused b"] },
  {
    what: "durable long before it",
    steps: ["told 9 @0", "take a", "keep a", "at 5", "told 1 @5", "take b", "refused c"],
  },
  {
    what: "an old answer after a new one",
    steps: ["told 9 @0", "at 20", "take a", "keep a", "at 36", "told 5 @36", "told 1 @24", "refused b"],
  },
]

for (const { what, steps } of stories) {
  test(`room: ${what}`, () => {
    let now = 0
    const rooms = new Rooms(10, () => now)
    const taken = new Map<string, Taken | null>()
    for (const step of steps) {
      const [verb = "", about = "", at = ""] = step.split(" ")
      if (verb === "at") now = Number(about) * 1000
      if (verb === "told") rooms.told(mailbox, { bytes: null, messages: Number(about) }, Number(at.slice(1)) * 1000)
      if (verb === "take" || verb === "refused") {
        taken.set(about, rooms.take(mailbox, 10, full))
        assert.equal(taken.get(about) !== null, verb === "take", step)
      }
      if (verb === "keep") taken.get(about)?.keep()
      if (verb === "back") taken.get(about)?.giveBack()
      if (verb === "room" || verb === "no") assert.equal(rooms.has(mailbox), verb === "room", step)
    }
  })
}

test("whatever the order, no more messages are in than there was room for, and octets go beyond it by one message", () => {
  const step = fc.record({ bytes: fc.integer({ min: 1, max: 50 }), fate: fc.constantFrom("keep", "back", "wait") })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 10 }),
      fc.array(step),
      (bytes, messages, steps) => {
        const rooms = new Rooms(10, () => 0)
        const held = { bytes: 0, messages: 0 }
        rooms.told(mailbox, { bytes, messages }, 0)
        for (const each of steps) {
          const hasRoom = held.bytes < bytes && held.messages < messages
          const taken = rooms.take(mailbox, each.bytes, full)
          assert.equal(taken !== null, hasRoom)
          if (each.fate === "keep") taken?.keep()
          if (each.fate === "back") taken?.giveBack()
          if (taken === null || each.fate === "back") continue
          held.bytes += each.bytes
          held.messages += 1
        }
        assert.equal(rooms.has(mailbox), held.bytes < bytes && held.messages < messages)
      },
    ),
  )
})

test("a mailbox that was forgotten among many has what was first said of it, once", () => {
  const rooms = new Rooms(0, () => 0)
  const first = { bytes: null, messages: 1 }
  rooms.told(mailbox, first, 0)
  for (let other = 0; other < 1000; other += 1) rooms.told(String(other), first, 0)
  assert.equal(rooms.has(mailbox), false)
  assert.notEqual(rooms.take(mailbox, 1, first), null)
  assert.equal(rooms.take(mailbox, 1, first), null)
})

test("a message that the disk did not keep leaves its room to the next", async (t) => {
  const broken = new Set(["first"])
  const rename = (from: string, to: string) =>
    broken.size > 0 ? Promise.reject(new Error("EIO")) : diskFiles.rename(from, to)
  const queue = new Queue(temporaryFolder(t), { ...diskFiles, rename })
  const recipients = new Recipients(() => Promise.reject(new Error("down")), settingsSchema.parse({}).spool)
  const room = { bytes: null, messages: 1 }
  const found: Found = { kind: "found", mailbox, recipients: [identityOf("alice").recipient], room }
  const delivered = async () => {
    const copy = new Copy({ address: "alice@example.org", found }, recipients, pino({ level: "silent" }))
    await copy.begin(queue, envelope)
    await store([copy], chunks(), 1000)
    return copy.reply.code
  }
  assert.equal(await delivered(), 451)
  broken.clear()
  assert.deepEqual([await delivered(), await delivered()], [250, 452])
  assert.equal((await queue.list(mailbox)).length, 1)
})

const envelope: Envelope = {
  version: 1,
  sender: "",
  recipient: "alice@example.org",
  arrivedAt: 0,
  client: null,
  helo: null,
  eightBit: false,
  utf8: false,
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("x")
}

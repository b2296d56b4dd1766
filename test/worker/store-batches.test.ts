import assert from "node:assert/strict"
import { test } from "node:test"
import { evenCost, following } from "../../daemon/worker/commands/batch-size.ts"
import { id } from "../store/harness.ts"
import { fill, letter, startHome } from "./harness.ts"

const sizes: [size: number, tookMs: number, next: number][] = [
  [100, 0, 200], // no more than twice as many
  [100, 10, 120],
  [100, 12, 100],
  [100, 24, 50],
  [100, 250, 10], // nor fewer than ten
  [800, 1, 1000], // nor more than is allowed
  [10, 6, 20],
]
for (const [size, tookMs, next] of sizes) {
  test(`after ${size} messages in ${tookMs} ms come ${next}`, () => assert.equal(following(size, tookMs, 1000), next))
}

const bounds: [octetsEach: number, first: number, most: number][] = [
  [0, 1000, 10_000],
  [130, 1000, 7692],
  [130 + 100 * 256, 38, 38], // a hundred long keywords
  [1_000_000_000, 10, 10],
]
for (const [octetsEach, first, most] of bounds) {
  test(`of messages of which ${octetsEach} octets are told, ${first} come first and ${most} at most`, () => {
    assert.deepEqual(evenCost(octetsEach), { first, most })
  })
}

/** What a message costs, and how many then go in each transaction of 1,000. */
const cases: [command: string, msEach: number, batches: number[]][] = [
  ["UID STORE 1:* +FLAGS.SILENT (\\Seen)", 0, [1000]],
  ["UID STORE 1:* +FLAGS.SILENT (\\Answered)", 0.25, [1000]],
  ["UID STORE 1:* +FLAGS (\\Flagged)", 0, [1000]],
  ["UID STORE 1:100 +FLAGS (\\Draft)", 4, [100]],
  ["UID STORE 1:* +FLAGS.SILENT (first)", 0, [100, 200, 400, 300]],
  ["UID STORE 1:* +FLAGS (second)", 4, Array(91).fill(10).with(0, 100)],
  ["UID STORE 1:* +FLAGS.SILENT (word)", 0.25, [100, ...Array(18).fill(48), 36]],
]

test("how many messages a transaction of STORE changes follows from what the last one took", async (t) => {
  const home = startHome(t)
  const inbox = id(home.store, "INBOX")
  await fill(
    home,
    inbox,
    Array.from({ length: 1000 }, (_, n) => Buffer.from(letter(`letter ${n}`))),
  )
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  let [now, msEach] = [0, 0]
  t.mock.method(performance, "now", () => now)
  const { messages } = home.store
  const batches: number[] = []
  const count = (changed: number) => {
    batches.push(changed)
    now += changed * msEach
  }
  const mark = messages.mark.bind(messages)
  const storeFlags = messages.storeFlags.bind(messages)
  t.mock.method(messages, "mark", (...given: Parameters<typeof mark>) => {
    count(messages.marks(inbox, given[1]).length)
    return mark(...given)
  })
  t.mock.method(messages, "storeFlags", (...given: Parameters<typeof storeFlags>) => {
    count(given[1].length)
    return storeFlags(...given)
  })
  for (const [command, each, expected] of cases) {
    msEach = each
    batches.length = 0
    await client.ok(command)
    assert.deepEqual(batches, expected, command)
  }
})

test("EXPUNGE takes fewer messages at a time where they can have many long keywords", async (t) => {
  const home = startHome(t)
  const inbox = id(home.store, "INBOX")
  await fill(
    home,
    inbox,
    Array.from({ length: 60 }, (_, n) => Buffer.from(letter(`letter ${n}`))),
  )
  const { messages } = home.store
  const keywords = Array.from({ length: 100 }, (_, n) => `${n}`.padStart(255, "k"))
  messages.storeFlags(inbox, [1], { operation: "add", flags: 0, keywords, unchangedSince: null })
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  await client.ok("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
  const expunge = t.mock.method(messages, "expunge")
  await client.ok("EXPUNGE")
  const sizes = expunge.mock.calls.map(({ arguments: [, uids] }) => uids?.length)
  assert.equal(sizes[0], 39)
  assert.deepEqual(messages.uids(inbox), [])
})

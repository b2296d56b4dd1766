import assert from "node:assert/strict"
import { test } from "node:test"
import { setTimeout } from "node:timers/promises"
import type { WorkerLog } from "../../daemon/worker/account.ts"
import { Tidying } from "../../daemon/worker/tidying.ts"
import { house, put } from "../store/harness.ts"
import { startHome } from "./harness.ts"

const complain = (_: object, text: string) => assert.fail(text)
const silent: WorkerLog = { debug: complain, info: complain, warn: complain, error: complain }

test("what a crash left is taken away in slices, others are served in between, and it can be stopped", async (t) => {
  const { store, reopen } = house(t)
  store.mailboxes.create("large")
  for (let n = 0; n < 400; n++) put(store, "large", `message ${n}`)
  store.mailboxes.delete("large")
  const again = reopen()
  const left = () => again.usage().messages

  const first = new Tidying(again, silent)
  first.start()
  assert.equal(left(), 400, "the answer to the login comes first")
  while (left() === 400) await setTimeout(1)
  await first.stop()
  const rest = left()
  assert.ok(rest > 0 && rest < 400, String(rest))
  await setTimeout(200)
  assert.equal(left(), rest, "the store may be closed after stop")

  const second = new Tidying(again, silent)
  second.start()
  while (left() > 0) await setTimeout(1)
  await second.stop()
})

const ways: [how: string, commands: string[], mailbox: string][] = [
  ["as it came", [], "INBOX"],
  ["after a MOVE", ["MOVE 1 box"], "box"],
  ["after a COPY", ["COPY 1 box", "STORE 1 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"], "box"],
]
for (const [how, commands, mailbox] of ways) {
  test(`a message that is expunged while it is sent is sent to its end: ${how}`, async (t) => {
    const home = startHome(t)
    const tidying = new Tidying(home.store, silent)
    const [reader, other] = [await home.connect(), await home.connect()]
    const letter = `Subject: large\r\n\r\n${"0123456789abcdef\r\n".repeat(400_000)}`
    await other.ok("CREATE box")
    await other.append("INBOX", letter)
    await other.ok("SELECT INBOX")
    tidying.start()
    for (const command of commands) await other.ok(command)
    await reader.ok(`SELECT ${mailbox}`)
    reader.pause()
    reader.send("a FETCH 1 BODY.PEEK[]\r\n")
    await other.ok(`SELECT ${mailbox}`)
    await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await other.ok("EXPUNGE")
    await setTimeout(400)
    reader.resume()
    const { untagged } = await reader.answer("a")
    assert.equal(untagged[0]?.literals[0]?.length, letter.length)
    await tidying.stop()
    while (home.store.tidy());
    assert.deepEqual(home.store.check(), [])
  })
}

test("what has no hurry waits for the last of many changes, but not for ever", async (t) => {
  const { store } = house(t)
  let now = 1000
  t.mock.method(performance, "now", () => now)
  const soon = t.mock.method(store, "tidySoon", () => false)
  const all = t.mock.method(store, "tidy", () => false)
  const tidying = new Tidying(store, silent)
  tidying.start()
  const turns = async (calls: typeof soon, count: number) => {
    calls.mock.resetCalls()
    while (calls.mock.callCount() < count) await setTimeout(1)
  }
  await turns(all, 1)
  put(store, "INBOX", "one")
  all.mock.resetCalls()
  await turns(soon, 3)
  assert.equal(all.mock.callCount(), 0)
  now += 100
  await turns(all, 1)
  put(store, "INBOX", "two")
  await turns(soon, 2)
  now += 1999
  put(store, "INBOX", "three")
  all.mock.resetCalls()
  await turns(soon, 2)
  assert.equal(all.mock.callCount(), 0)
  now += 1
  put(store, "INBOX", "four")
  await turns(all, 1)
  await tidying.stop()
})

test("a long command after a quiet time is waited for; when patience is over, upkeep goes on to its end", async (t) => {
  const { store } = house(t)
  let now = 1000
  let left = 0
  t.mock.method(performance, "now", () => now)
  const soon = t.mock.method(store, "tidySoon", () => false)
  const all = t.mock.method(store, "tidy", () => left-- > 0)
  const tidying = new Tidying(store, silent)
  const change = (name: string) => {
    put(store, "INBOX", name)
    all.mock.resetCalls()
    soon.mock.resetCalls()
  }
  tidying.start()
  while (all.mock.callCount() === 0) await setTimeout(1)
  now += 60_000
  left = 3
  change("one")
  while (soon.mock.callCount() === 0) await setTimeout(1)
  assert.equal(all.mock.callCount(), 0)
  now += 2000
  change("two")
  while (all.mock.callCount() < 4 && soon.mock.callCount() === 0) await setTimeout(1)
  assert.equal(all.mock.callCount(), 4)
  await tidying.stop()
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { setTimeout } from "node:timers/promises"
import type { WorkerLog } from "../../daemon/worker/account.ts"
import { Tidying } from "../../daemon/worker/tidying.ts"
import { house, put } from "../store/harness.ts"

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

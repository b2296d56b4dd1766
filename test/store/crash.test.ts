import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { randomInt } from "node:crypto"
import { once } from "node:events"
import { readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { test } from "node:test"
import { openStore } from "../../daemon/store/open.ts"
import type { Store } from "../../daemon/store/store.ts"
import { closeSound, house, id, options } from "./harness.ts"

const child = join(import.meta.dirname, "crash-child.ts")

/** Lets the child work for a moment, kills it between any two system calls, tells what it said was durable. */
async function killedAfter(ms: number, path: string, key: Buffer, round: number): Promise<string[]> {
  const process_ = spawn(process.execPath, ["--import", "tsx", child, path, key.toString("hex"), String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let said = ""
  process_.stdout.setEncoding("latin1").on("data", (text: string) => {
    if (said === "") setTimeout(() => process_.kill("SIGKILL"), ms)
    said += text
  })
  await once(process_, "close")
  assert.equal(process_.signalCode, "SIGKILL")
  return said.split("\n").slice(1, -1)
}

function subjects(store: Store, name: string): string[] {
  const rows = [...store.messages.rows(id(store, name), [[1, 2 ** 32 - 1]])]
  for (const { content, size } of rows) {
    const octets = [...store.contents.read(content, 0, size)].reduce((sum, piece) => sum + piece.length, 0)
    assert.equal(octets, size)
  }
  return rows.map(({ content }) => store.contents.summary(content).subject)
}

test("kill -9 at any point: what was acknowledged is there, once, and the store is sound", async (t) => {
  const { path, key, store } = house(t)
  closeSound(store)
  const acknowledged: string[] = []
  for (let round = 0; round < 6; round++) {
    acknowledged.push(...(await killedAfter(randomInt(150), path, key, round)))
    const opened = openStore(path, key, options)
    assert.deepEqual(opened.check(), [])
    const delivered = opened.messages.deliveries()
    const known = new Set(delivered)
    assert.deepEqual(
      acknowledged.filter((one) => !known.has(one)),
      [],
    )
    assert.deepEqual([...subjects(opened, "INBOX"), ...subjects(opened, "Archive")].sort(), [...delivered].sort())
    opened.close()
    assert.deepEqual(readdirSync(dirname(path)), ["mail.db"])
  }
  assert.ok(acknowledged.length > 0)
})

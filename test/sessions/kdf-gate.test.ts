import assert from "node:assert/strict"
import test from "node:test"
import { KdfGate } from "../../daemon/sessions/kdf-gate.ts"

test("two run, three wait in order, the sixth is told no", async () => {
  const gate = new KdfGate(2, 3)
  assert.deepEqual(await Promise.all([gate.enter(), gate.enter()]), [true, true])
  const order: number[] = []
  const waiting = [1, 2, 3].map((n) => gate.enter().then(() => order.push(n)))
  assert.equal(await gate.enter(), false)
  assert.deepEqual(gate.load(), { running: 2, waiting: 3 })
  for (let n = 0; n < 3; n++) gate.leave()
  await Promise.all(waiting)
  assert.deepEqual(order, [1, 2, 3])
  gate.leave()
  gate.leave()
  assert.deepEqual(gate.load(), { running: 0, waiting: 0 })
})

test("a queue of no length turns away what cannot run at once", async () => {
  const gate = new KdfGate(1, 0)
  assert.equal(await gate.enter(), true)
  assert.equal(await gate.enter(), false)
  gate.leave()
  assert.equal(await gate.enter(), true)
})

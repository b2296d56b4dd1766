import assert from "node:assert/strict"
import test from "node:test"
import { Throttle } from "../../daemon/sessions/throttle.ts"

const settings = { delays_s: [2, 4, 8, 15], forget_s: 900, entries: 1000 }
const now = Date.now()

test("each new wrong password costs more: 2, 4, 8, 15, 15 seconds", () => {
  const throttle = new Throttle(settings)
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now), 0)
  const delays = ["a", "b", "c", "d", "e"].map((fingerprint) => {
    throttle.failed("alice", "192.0.2.1", fingerprint, now)
    return throttle.delayMs("alice", "192.0.2.1", now)
  })
  assert.deepEqual(delays, [2000, 4000, 8000, 15_000, 15_000])
})

test("the same wrong password again does not escalate", () => {
  const throttle = new Throttle(settings)
  for (let n = 0; n < 20; n++) throttle.failed("alice", "192.0.2.1", "same", now)
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now), 2000)
})

test("the delay runs off by itself", () => {
  const throttle = new Throttle(settings)
  throttle.failed("alice", "192.0.2.1", "a", now)
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now + 1500), 500)
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now + 2000), 0)
})

test("an address that guesses at many users pays for all of them", () => {
  const throttle = new Throttle(settings)
  for (const user of ["alice", "bob", "carol"]) throttle.failed(user, "192.0.2.1", "x", now)
  assert.equal(throttle.delayMs("dave", "192.0.2.1", now), 8000)
  assert.equal(throttle.delayMs("dave", "192.0.2.2", now), 0)
})

test("strangers cannot hold up a user where he logged in before", () => {
  const throttle = new Throttle(settings)
  throttle.succeeded("alice", "198.51.100.7")
  for (const fingerprint of ["a", "b", "c"]) throttle.failed("alice", "192.0.2.1", fingerprint, now)
  assert.equal(throttle.delayMs("alice", "198.51.100.7", now), 0)
  assert.equal(throttle.delayMs("alice", "203.0.113.9", now), 8000)
})

test("a success forgets", () => {
  const throttle = new Throttle(settings)
  throttle.failed("alice", "192.0.2.1", "a", now)
  throttle.succeeded("alice", "192.0.2.1")
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now), 0)
})

test("attempts that come at one time are looked at one delay apart, and those behind are turned away", async () => {
  const throttle = new Throttle({ ...settings, delays_s: [1] })
  throttle.failed("alice", "192.0.2.1", "a")
  const begun = performance.now()
  const passed = await Promise.all(
    Array.from({ length: 40 }, async () =>
      (await throttle.pass("alice", "192.0.2.1")) ? performance.now() - begun : null,
    ),
  )
  assert.equal(passed.filter((at) => at !== null).length, 1)
  assert.equal(passed.filter((at) => at === null).length, 39)
})

test("an IPv6 network counts as one address", () => {
  const throttle = new Throttle(settings)
  for (const n of [1, 2, 3]) throttle.failed(`user${n}`, `2001:db8::${n}`, "x", now)
  assert.equal(throttle.delayMs("dave", "2001:db8::ffff", now), 8000)
  assert.equal(throttle.delayMs("dave", "2001:db8:0:1::1", now), 0)
})

test("a login of one's own does not pay for guesses at others", () => {
  const throttle = new Throttle(settings)
  for (const user of ["alice", "bob", "mallory"]) throttle.failed(user, "192.0.2.1", "x", now)
  throttle.succeeded("mallory", "192.0.2.1")
  assert.equal(throttle.delayMs("carol", "192.0.2.1", now), 8000)
  throttle.failed("dave", "192.0.2.1", "y", now + 8000)
  assert.equal(throttle.delayMs("carol", "192.0.2.1", now + 8000), 8000)
})

test("a login that succeeds gives its turn back, but nobody else's", async () => {
  const throttle = new Throttle({ ...settings, delays_s: [0.01, 8] })
  throttle.failed("bob", "192.0.2.1", "x")
  assert.equal(await throttle.pass("alice", "192.0.2.1"), true)
  throttle.succeeded("alice", "192.0.2.1")
  assert.equal(throttle.delayMs("carol", "192.0.2.1"), 0)
  throttle.failed("bob", "192.0.2.1", "y")
  const owed = throttle.delayMs("carol", "192.0.2.1")
  throttle.succeeded("alice", "192.0.2.1")
  assert.ok(Math.abs(throttle.delayMs("carol", "192.0.2.1") - owed) < 1000, "bob's second failure is not paid by alice")
})

test("a login that succeeds does not give back the turn of another at the same user, which still waits", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now })
  const throttle = new Throttle({ ...settings, delays_s: [8] })
  throttle.failed("bob", "192.0.2.1", "x")
  t.mock.timers.tick(8000)
  assert.equal(await throttle.pass("alice", "192.0.2.1"), true)
  const waiting = throttle.pass("alice", "192.0.2.1")
  throttle.succeeded("alice", "192.0.2.1")
  assert.equal(throttle.delayMs("carol", "192.0.2.1"), 16_000)
  t.mock.timers.tick(8000)
  assert.equal(await waiting, true)
  throttle.succeeded("alice", "192.0.2.1")
  assert.equal(throttle.delayMs("carol", "192.0.2.1"), 0, "when it came and succeeded it is given back")
})

test("what a failure costs is not given back, not even when it comes in the very moment of the turn", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now })
  const throttle = new Throttle({ ...settings, delays_s: [4, 8] })
  throttle.failed("bob", "192.0.2.1", "x")
  t.mock.timers.tick(4000)
  assert.equal(await throttle.pass("alice", "192.0.2.1"), true)
  throttle.failed("bob", "192.0.2.1", "y")
  throttle.succeeded("alice", "192.0.2.1")
  assert.equal(throttle.delayMs("carol", "192.0.2.1"), 8000)
})

test("where a user logged in before, a few mistakes of others do not hold him up; many do, and so do his own", () => {
  const throttle = new Throttle(settings)
  throttle.succeeded("alice", "192.0.2.1")
  for (const user of ["bob", "carol", "dave"]) throttle.failed(user, "192.0.2.1", "x", now)
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now), 0)
  assert.equal(throttle.delayMs("erin", "192.0.2.1", now), 8000)
  throttle.failed("erin", "192.0.2.1", "x", now)
  assert.equal(throttle.delayMs("alice", "192.0.2.1", now), 15_000)

  const other = new Throttle(settings)
  other.succeeded("alice", "192.0.2.1")
  other.failed("alice", "192.0.2.1", "x", now)
  assert.equal(other.delayMs("alice", "192.0.2.1", now), 2000)
})

test("someone who is known at an address opens many connections at once there, in spite of another's mistake", async () => {
  const throttle = new Throttle(settings)
  throttle.succeeded("alice", "192.0.2.1")
  throttle.failed("bob", "192.0.2.1", "x")
  const passed = await Promise.all(Array.from({ length: 40 }, () => throttle.pass("alice", "192.0.2.1")))
  assert.ok(passed.every(Boolean))
})

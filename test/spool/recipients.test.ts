import assert from "node:assert/strict"
import { test } from "node:test"
import type { Replies } from "../../daemon/contract/control.ts"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { type Found, Recipients } from "../../spool/recipients.ts"

const found: Found = {
  kind: "found",
  mailbox: "abcdefghijklmnopqrstuvwxyz",
  recipients: ["age1…"],
  room: { bytes: null, messages: null },
}
const unreachable = { kind: "unreachable" }

/** A directory that answers what it is told to, and a clock that is turned by hand. */
function setting(spool: Record<string, number> = {}) {
  const state = { now: 0, answer: found as Replies<"recipient.resolve"> | "down", asked: [] as string[] }
  const { spool: settings } = settingsSchema.parse({
    spool: { recipient_cache_s: 300, recipient_stale_s: 3600, ...spool },
  })
  const recipients = new Recipients(
    async (address) => {
      state.asked.push(address)
      if (state.answer === "down") throw new Error("connect ECONNREFUSED")
      return state.answer
    },
    settings,
    () => state.now,
  )
  return { state, recipients }
}

test("an answer is fresh for a while, then asked for again", async () => {
  const { state, recipients } = setting()
  assert.deepEqual(await recipients.lookup("Alice+Lists@Example.ORG"), found)
  state.now = 299_999
  assert.deepEqual(await recipients.lookup("alice+lists@example.org"), found)
  assert.deepEqual(state.asked, ["alice+lists@example.org"])
  state.now = 300_000
  await recipients.lookup("alice+lists@example.org")
  assert.equal(state.asked.length, 2)
})

test("while the daemon is away a known recipient is served, for a bounded time; an unknown one is not", async () => {
  const { state, recipients } = setting()
  await recipients.lookup("alice@example.org")
  state.answer = "down"
  state.now = 3_599_999
  assert.deepEqual(await recipients.lookup("alice@example.org"), found)
  assert.deepEqual(await recipients.lookup("bob@example.org"), unreachable)
  state.now = 3_600_000
  assert.deepEqual(await recipients.lookup("alice@example.org"), unreachable)
})

test("a refusal is never remembered, and it ends what was", async () => {
  const { state, recipients } = setting()
  for (const why of ["no-such-user", "disabled", "over-quota"] as const) {
    state.answer = found
    state.now += 300_000
    await recipients.lookup("alice@example.org")
    state.now += 300_000
    state.answer = { kind: "refused", why }
    assert.deepEqual(await recipients.lookup("alice@example.org"), state.answer)
    state.answer = "down"
    assert.deepEqual(await recipients.lookup("alice@example.org"), unreachable)
  }
})

test("a notice ends one answer, or all", async () => {
  const { state, recipients } = setting()
  const both = ["alice@example.org", "bob@example.org"]
  for (const address of both) await recipients.lookup(address)
  recipients.forget("ALICE@example.org")
  for (const address of both) await recipients.lookup(address)
  assert.deepEqual(state.asked.slice(2), ["alice@example.org"])
  recipients.forget(null)
  for (const address of both) await recipients.lookup(address)
  assert.deepEqual(state.asked.slice(3), both)
  recipients.forget("alice@example.org")
  state.answer = "down"
  assert.deepEqual(await recipients.lookup("alice@example.org"), unreachable)
})

test("after a reconnect everything is asked for again, but still served while nobody answers", async () => {
  const { state, recipients } = setting()
  await recipients.lookup("alice@example.org")
  recipients.doubtAll()
  state.answer = "down"
  assert.deepEqual(await recipients.lookup("alice@example.org"), found)
  state.answer = found
  await recipients.lookup("alice@example.org")
  assert.equal(state.asked.length, 3)
})

test("an answer that was overtaken by a notice is not remembered", async () => {
  const { promise, resolve } = Promise.withResolvers<Replies<"recipient.resolve">>()
  let asked = 0
  const recipients = new Recipients(() => {
    asked += 1
    return asked === 1 ? promise : Promise.resolve({ kind: "refused", why: "disabled" } as const)
  }, settingsSchema.parse({}).spool)
  const first = recipients.lookup("alice@example.org")
  recipients.forget("alice@example.org")
  resolve(found)
  assert.deepEqual(await first, found)
  assert.deepEqual(await recipients.lookup("alice@example.org"), { kind: "refused", why: "disabled" })
})

test("many questions at once about one address are one", async () => {
  const { state, recipients } = setting()
  await Promise.all(Array.from({ length: 50 }, () => recipients.lookup("alice@example.org")))
  assert.equal(state.asked.length, 1)
})

test("the cache is bounded, and may be off", async () => {
  const { state, recipients } = setting({ recipient_cache_entries: 2 })
  for (const name of ["a", "b", "c", "a"]) await recipients.lookup(`${name}@example.org`)
  assert.equal(state.asked.length, 4)
  const off = setting({ recipient_cache_entries: 0 })
  for (let count = 0; count < 3; count += 1) await off.recipients.lookup("a@example.org")
  assert.equal(off.state.asked.length, 3)
})

test("what is too long, or nothing, is nobody and is not asked for", async () => {
  const { state, recipients } = setting()
  for (const address of ["", `${"a".repeat(320)}@x`]) {
    assert.deepEqual(await recipients.lookup(address), { kind: "refused", why: "no-such-user" })
  }
  assert.deepEqual(state.asked, [])
})

/** A message came in and is durable; whether there was room for it. */
function stored(recipients: Recipients, bytes: number): boolean {
  const taken = recipients.take(found, bytes)
  taken?.keep()
  return taken !== null
}

test("what the daemon said is good until there is as much mail as may come, by whatever address", async () => {
  const { state, recipients } = setting()
  state.answer = { ...found, room: { bytes: 1000, messages: 3 } }
  const asked = async (address: string) => {
    const before = state.asked.length
    await recipients.lookup(address)
    return state.asked.length > before
  }
  assert.deepEqual([await asked("alice@example.org"), await asked("a@example.org")], [true, true])
  assert.deepEqual([stored(recipients, 100), stored(recipients, 100)], [true, true])
  assert.deepEqual([await asked("alice@example.org"), await asked("a@example.org")], [false, false])
  assert.equal(stored(recipients, 100), true)
  assert.equal(stored(recipients, 100), false, "no more messages")
  state.now += 60_000
  assert.equal(await asked("alice@example.org"), true)
  assert.equal(stored(recipients, 999), true)
  assert.equal(await asked("a@example.org"), false)
  assert.equal(stored(recipients, 50_000_000), true, "whoever has any room gets his message")
  assert.equal(stored(recipients, 1), false, "no more octets")
  assert.equal(await asked("a@example.org"), true)
  state.answer = { kind: "refused", why: "over-quota" }
  assert.deepEqual(await recipients.lookup("a@example.org"), state.answer)
  state.answer = found
  await recipients.lookup("a@example.org")
  for (let at = 0; at < 10; at += 1) assert.equal(stored(recipients, 1_000_000), true)
  assert.equal(await asked("a@example.org"), false, "without a quota it is not asked again")
})

test("while the daemon is away a mailbox gets what it had room for, and no more", async () => {
  for (const room of [
    { bytes: null, messages: 5 },
    { bytes: 250_000_000, messages: null },
    { bytes: 200_000_001, messages: 1000 },
  ]) {
    const { state, recipients } = setting()
    const known: Found = { ...found, room }
    state.answer = known
    await recipients.lookup("alice@example.org")
    state.answer = "down"
    for (let count = 0; count < 5; count += 1) {
      assert.deepEqual(await recipients.lookup("alice@example.org"), known)
      assert.equal(stored(recipients, 50_000_000), true)
    }
    assert.deepEqual(await recipients.lookup("alice@example.org"), unreachable)
    assert.equal(stored(recipients, 1), false)
    state.now += 100_000
    assert.deepEqual(await recipients.lookup("alice@example.org"), unreachable, "time makes no room")
    state.answer = known
    assert.deepEqual(await recipients.lookup("alice@example.org"), known)
    assert.equal(stored(recipients, 1), true)
  }
})

test("an answer does not hide what came in while it was on its way", async () => {
  const answers: ((room: { bytes: null; messages: number }) => void)[] = []
  const recipients = new Recipients((address) => {
    const { promise, resolve } = Promise.withResolvers<Replies<"recipient.resolve">>()
    answers.push((room) => resolve({ ...found, room }))
    return address === "alice@example.org" ? Promise.resolve({ ...found, room: { bytes: null, messages: 3 } }) : promise
  }, settingsSchema.parse({}).spool)
  await recipients.lookup("alice@example.org")
  const second = recipients.lookup("alice+2@example.org")
  assert.deepEqual([stored(recipients, 1), stored(recipients, 1), stored(recipients, 1)], [true, true, true])
  answers[1]?.({ bytes: null, messages: 3 })
  await second
  assert.equal(stored(recipients, 1), false)
})

test("connections at the same time see the same room also when nothing is remembered", async () => {
  const { state, recipients } = setting({ recipient_cache_entries: 0 })
  state.answer = { ...found, room: { bytes: 1, messages: null } }
  await Promise.all([recipients.lookup("alice+1@example.org"), recipients.lookup("alice+2@example.org")])
  assert.deepEqual([stored(recipients, 1), stored(recipients, 1)], [true, false])
})

import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { type ControlClient, ControlUnreachable } from "../../daemon/contract/channel.ts"
import type { PrefaceAnswer } from "../../daemon/contract/preface.ts"
import type { RefusalReason } from "../../daemon/contract/worker-link.ts"
import { type LoginContext, login } from "../../proxy/login.ts"
import { plainCredentials } from "../../proxy/sasl.ts"
import { house, plainClient, quiet } from "./harness.ts"

const failed = "a1 NO [AUTHENTICATIONFAILED] Authentication failed"
const replies: [why: RefusalReason, reply: RegExp][] = [
  ["credential", /^a1 NO \[AUTHENTICATIONFAILED\] Authentication failed$/],
  ["unusable-password", /^a1 NO \[AUTHENTICATIONFAILED\] Authentication failed$/],
  ["busy", /^a1 NO \[UNAVAILABLE\]/],
  ["closing", /^a1 NO \[UNAVAILABLE\]/],
  ["damaged-slot", /^a1 NO \[CORRUPTION\]/],
  ["newer-database", /^a1 NO \[CONTACTADMIN\]/],
  ["damaged-database", /^a1 NO \[CORRUPTION\]/],
  ["fault", /^a1 NO \[SERVERBUG\]/],
]

async function replyTo(t: TestContext, given: Parameters<typeof house>[1]): Promise<string | null> {
  const at = await house(t, given)
  const client = await plainClient(t, at.port.imap)
  await client.line()
  await client.send("a1 LOGIN ann x\r\na2 NOOP\r\n")
  const reply = await client.line()
  assert.match((await client.line()) ?? "", /^a2 OK/, "the login state goes on")
  return reply
}

for (const [why, reply] of replies) {
  test(`a worker that refuses for "${why}"`, async (t) => {
    assert.match((await replyTo(t, { answer: () => ({ status: "refused", why }) })) ?? "", reply)
  })
}

test("logins are impossible: the daemon says so, is away, or names a socket nobody serves; the worker hangs up", async (t) => {
  const unavailable = /^a1 NO \[UNAVAILABLE\]/
  const session = async () => ({ kind: "unavailable", why: "locked" }) as const
  assert.match((await replyTo(t, { session })) ?? "", unavailable)
  assert.match((await replyTo(t, { daemon: false })) ?? "", unavailable)
  assert.match((await replyTo(t, { session: async () => Promise.reject(new Error("x")) })) ?? "", unavailable)
  const nobody = async () => ({ kind: "ticket", worker: "/nonexistent/w.sock", ticket: "x".repeat(43) }) as const
  assert.match((await replyTo(t, { session: nobody })) ?? "", unavailable)
  assert.match((await replyTo(t, { answer: () => null })) ?? "", unavailable)
})

const endings: [how: string, answer: PrefaceAnswer | null][] = [
  ["says that it is closing", { status: "refused", why: "closing" }],
  ["is gone without a word", null],
]
for (const [how, ending] of endings) {
  test(`a worker that ${how} is asked for again, with a new ticket`, async (t) => {
    let logins = 0
    const answer = (): PrefaceAnswer | null => (++logins < 3 ? ending : { status: "ok" })
    const at = await house(t, { answer })
    const client = await plainClient(t, at.port.imap)
    await client.line()
    await client.send("a1 LOGIN ann x\r\n")
    assert.equal(await client.line(), "a1 OK Logged in")
    assert.equal(at.asked.length, 3)
  })
}

test("unknown users, wrong passwords and names that cannot be have the same reply", async (t) => {
  const at = await house(t)
  const client = await plainClient(t, at.port.imap)
  await client.line()
  await client.send('a1 LOGIN ann wrong\r\na1 LOGIN nobody wrong\r\na1 LOGIN "" wrong\r\n')
  assert.deepEqual([await client.line(), await client.line(), await client.line()], [failed, failed, failed])
})

test("a client that vanishes in the middle of a login takes its worker connection with it", async (t) => {
  const closed = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const at = await house(t, {
    session: async () => {
      asked.resolve()
      await sleep(30)
      return { kind: "ticket", worker: `${at.paths.workers}/w.sock`, ticket: "x".repeat(43) }
    },
    answer: async () => {
      client.socket.resetAndDestroy()
      await sleep(30)
      return { status: "ok" }
    },
    serve: (socket) => {
      socket.on("close", () => closed.resolve()).resume()
    },
  })
  const client = await plainClient(t, at.port.imap)
  await client.send("a1 LOGIN ann x\r\n")
  await asked.promise
  await closed.promise
})

test("the credential is zero after every way a login can end", async (t) => {
  const at = await house(t)
  const worker = `${at.paths.workers}/w.sock`
  const channelOf = (request: () => Promise<unknown>) => ({ request, connected: true }) as unknown as ControlClient
  const ticket = (path: string) => async () => ({ kind: "ticket", worker: path, ticket: "x".repeat(43) })
  const ways: [string, () => Promise<unknown>, string][] = [
    ["ok", ticket(worker), "tr0ub4dor"],
    ["refused", ticket(worker), "wrong"],
    ["no worker", ticket("/nonexistent/w.sock"), "tr0ub4dor"],
    ["unavailable", async () => ({ kind: "unavailable", why: "" }), "tr0ub4dor"],
    ["unreachable", async () => Promise.reject(new ControlUnreachable("timeout")), "tr0ub4dor"],
    ["unforeseen", async () => Promise.reject(new TypeError("x")), "tr0ub4dor"],
  ]
  for (const [way, request, password] of ways) {
    const context: LoginContext = {
      channel: channelOf(request),
      log: quiet,
      refusalMs: 0,
      ticketTimeoutMs: 500,
      answerTimeoutMs: 500,
    }
    const credential = Uint8Array.from(Buffer.from(password))
    const facts = { remote: "", tls: true, tag: "a", client: null }
    const result = await login({ user: "ann", credential, facts }, context, new AbortController().signal)
    assert.equal(result.kind, way === "ok" ? "open" : "refused", way)
    assert.ok(
      credential.every((byte) => byte === 0),
      way,
    )
    if (result.kind === "open") result.worker.destroy()
  }
  assert.equal(Buffer.from(at.prefaces[0]?.credential ?? []).toString(), "tr0ub4dor")
})

const nul = "\0"
const messages: [message: string, user: string | null, password?: string][] = [
  [`${nul}ann${nul}pass word`, "ann", "pass word"],
  [`ann${nul}ann${nul}p`, "ann", "p"],
  [`${nul}Änne${nul}pässwörd`, "Änne", "pässwörd"],
  [`bob${nul}ann${nul}p`, null],
  [`${nul}ann${nul}`, null],
  [`${nul}${nul}p`, null],
  [`${nul}ann`, null],
  ["", null],
  [`${nul}ann${nul}p${nul}q`, null],
  [`${nul}${"u".repeat(256)}${nul}p`, null],
  [`${nul}ann${nul}${"p".repeat(1025)}`, null],
  [`${nul}ann${nul}${"p".repeat(1024)}`, "ann", "p".repeat(1024)],
]
for (const [message, user, password] of messages) {
  test(`PLAIN ${JSON.stringify(message.slice(0, 30))} is ${user ?? "refused"}`, () => {
    const found = plainCredentials(Buffer.from(message))
    assert.equal(found?.user ?? null, user)
    if (found !== null) assert.equal(Buffer.from(found.credential).toString(), password)
  })
}

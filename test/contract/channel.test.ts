import assert from "node:assert/strict"
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import {
  type AnyNotice,
  type ControlHandlers,
  type ControlLog,
  connectControl,
  type ServerOptions,
  serveControl,
} from "../../daemon/contract/channel.ts"

const quiet: ControlLog = { debug() {}, info() {}, warn() {}, error() {} }
const mailbox = "a".repeat(26)
const asks = { user: "ann", remote: "127.0.0.1", protocol: "imap", tls: true } as const
const ticket = { kind: "ticket", worker: "/run/w.sock", ticket: "x".repeat(43) } as const

const handlers: ControlHandlers = {
  "session.open": async () => ticket,
  "recipient.resolve": async () => ({ kind: "refused", why: "no-such-user" }),
}

function socketPath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "channel-"))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, "control.sock")
}

async function serve(t: TestContext, options: Partial<ServerOptions> = {}) {
  const socket = options.socket ?? socketPath(t)
  const server = await serveControl({ socket, handlers, log: quiet, ...options })
  t.after(() => server.close())
  return { socket, server }
}

async function client(t: TestContext, socket: string, onNotice?: (notice: AnyNotice) => void) {
  const control = connectControl({ socket, log: quiet, ...(onNotice === undefined ? {} : { onNotice }) })
  t.after(() => control.close())
  await control.ready(2000)
  return control
}

const until = async (what: () => boolean) => {
  for (let left = 400; !what(); left--) {
    assert.ok(left > 0, "waited too long")
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test("a request gets its reply, many at a time, in any order", async (t) => {
  const slow: ControlHandlers = {
    ...handlers,
    "session.open": async ({ user }) => {
      await new Promise((resolve) => setTimeout(resolve, user === "slow" ? 40 : 0))
      return { kind: "unavailable", why: user }
    },
  }
  const { socket } = await serve(t, { handlers: slow })
  const control = await client(t, socket)
  const users = ["slow", ...Array.from({ length: 200 }, (_, index) => `user${index}`)]
  const replies = await Promise.all(users.map((user) => control.request("session.open", { ...asks, user })))
  assert.deepEqual(
    replies.map((reply) => (reply.kind === "unavailable" ? reply.why : "")),
    users,
  )
})

test("notices travel both ways", async (t) => {
  const arrived: AnyNotice[] = []
  const { socket, server } = await serve(t, { onNotice: (notice) => arrived.push(notice) })
  const heard: AnyNotice[] = []
  const control = await client(t, socket, (notice) => heard.push(notice))
  assert.equal(control.notify("spool.arrived", { mailbox }), true)
  await until(() => arrived.length === 1)
  assert.deepEqual(arrived, [{ name: "spool.arrived", notice: { mailbox } }])
  server.broadcast("recipient.changed", { address: null })
  await until(() => heard.length === 1)
  assert.deepEqual(heard, [{ name: "recipient.changed", notice: { address: null } }])
})

test("the socket has the mode that was asked for, and is gone after close", async (t) => {
  for (const mode of [0o600, 0o660]) {
    const { socket, server } = await serve(t, { mode })
    assert.equal(statSync(socket).mode & 0o777, mode)
    await server.close()
    assert.equal(existsSync(socket), false)
  }
})

test("requests fail at once while disconnected, and work again when the server is back", async (t) => {
  const { socket, server } = await serve(t)
  const control = await client(t, socket)
  await server.close()
  await until(() => !control.connected)
  await assert.rejects(control.request("session.open", asks), { name: "ControlUnreachable", why: "disconnected" })
  assert.equal(control.notify("spool.arrived", { mailbox }), false)
  await serve(t, { socket })
  await control.ready(3000)
  assert.deepEqual(await control.request("session.open", asks), ticket)
})

test("a pending request is rejected when the server goes away", async (t) => {
  const { socket, server } = await serve(t, { handlers: { ...handlers, "session.open": () => new Promise(() => {}) } })
  const control = await client(t, socket)
  const pending = assert.rejects(control.request("session.open", asks), { why: "disconnected" })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await server.close()
  await pending
})

test("a request that is not answered in time is rejected; its late reply is ignored", async (t) => {
  const late: ControlHandlers = {
    ...handlers,
    "session.open": async () => {
      await new Promise((resolve) => setTimeout(resolve, 60))
      return ticket
    },
  }
  const { socket } = await serve(t, { handlers: late })
  const control = await client(t, socket)
  await assert.rejects(control.request("session.open", asks, { timeoutMs: 10 }), { why: "timeout" })
  await new Promise((resolve) => setTimeout(resolve, 90))
  assert.equal(control.connected, true)
})

test("a handler that fails, or answers outside the contract, gives `fault` and keeps the connection", async (t) => {
  const logged: unknown[] = []
  const log = { ...quiet, error: (fields: object) => void logged.push(fields) }
  const failing = {
    "session.open": async () => Promise.reject(new Error("disk")),
    "recipient.resolve": async () => ({ kind: "found", mailbox: "short", recipients: [], room: {} }),
  } as unknown as ControlHandlers
  const { socket } = await serve(t, { handlers: failing, log })
  const control = await client(t, socket)
  await assert.rejects(control.request("session.open", asks), { why: "fault" })
  await assert.rejects(control.request("recipient.resolve", { address: "a@b" }), { why: "fault" })
  assert.equal(logged.length, 2)
  assert.equal(control.connected, true)
})

test("our own message outside the contract is not sent, and its value is not in the error", async (t) => {
  const { socket } = await serve(t)
  const control = await client(t, socket)
  await assert.rejects(control.request("session.open", { ...asks, user: "u".repeat(256) }), (error: Error) => {
    assert.equal(error.name, "ControlMisuse")
    assert.match(error.message, /session\.open.*user/)
    assert.doesNotMatch(error.message, /uuu/)
    return true
  })
})

/** Writes raw frames as a client would, and resolves when the server ends the connection. */
function rawClient(socket: string, frames: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const raw = connect(socket, () => {
      for (const frame of frames) raw.write(`${frame}\f`)
    })
    let got = ""
    raw.on("data", (chunk) => {
      got += chunk
    })
    raw.on("close", () => resolve(got))
    raw.on("error", reject)
    raw.setTimeout(2000, () => reject(new Error("the server kept the connection")))
  })
}

const hello = JSON.stringify({ type: "hello", data: { version: 1 } })
const frame = (type: string, data: unknown) => JSON.stringify({ type, data })
const outside: [what: string, frames: string[]][] = [
  ["no JSON", ["{"]],
  ["a request before hello", [frame("session.open", { id: 1, asks })]],
  ["another version", [frame("hello", { version: 2 })]],
  ["an unknown name", [hello, frame("session.steal", {})]],
  ["a lifecycle name of node-ipc", [hello, frame("disconnect", {})]],
  ["a name of Object.prototype", [hello, frame("__proto__", {})]],
  ["a reply to the server", [hello, frame("reply", { id: 1, replies: {} })]],
  ["a request without id", [hello, frame("session.open", { asks })]],
  ["an unknown key", [hello, frame("session.open", { id: 1, asks: { ...asks, password: "x" } })]],
  ["a notice that does not fit", [hello, frame("spool.arrived", { mailbox: "../../etc" })]],
  ["a frame that is too long", [hello, frame("spool.arrived", { mailbox: "a".repeat(70_000) })]],
]
for (const [what, frames] of outside) {
  test(`${what} ends the connection; others live on`, async (t) => {
    const { socket } = await serve(t)
    const control = await client(t, socket)
    const got = await rawClient(socket, frames)
    assert.doesNotMatch(got, /reply/)
    assert.deepEqual(await control.request("session.open", asks), ticket)
  })
}

test("a server outside the contract is left, and tried again", async (t) => {
  const socket = socketPath(t)
  let connections = 0
  const fake = createServer((raw) => {
    connections++
    raw.write(`${hello}\f${frame("reply", { id: 7, replies: {} })}\f`)
    raw.on("error", () => {}).resume()
  })
  await new Promise<void>((resolve) => fake.listen(socket, resolve))
  chmodSync(socket, 0o600)
  const control = connectControl({ socket, log: quiet })
  await until(() => connections >= 3)
  await control.close()
  await new Promise((resolve) => fake.close(resolve))
})

test("a stale socket file is replaced; a living server and a plain file are not", async (t) => {
  const { socket } = await serve(t)
  await assert.rejects(serveControl({ socket, handlers, log: quiet }), /another process answers/)
  const stale = socketPath(t)
  // A process that is killed leaves its socket file; so does a bind whose handle is never closed by libuv.
  const { execFileSync } = await import("node:child_process")
  const script = `require("net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, "SIGKILL"))`
  assert.throws(() => execFileSync(process.execPath, ["-e", script], { stdio: "ignore" }))
  assert.equal(existsSync(stale), true)
  await serve(t, { socket: stale })
  const file = socketPath(t)
  writeFileSync(file, "mine")
  await assert.rejects(serveControl({ socket: file, handlers, log: quiet }), /not a socket/)
})

test("a directory that others can enter is refused by both sides", async (t) => {
  const { socket, server } = await serve(t)
  const directory = join(socket, "..")
  chmodSync(directory, 0o755)
  const control = connectControl({ socket, log: quiet })
  await assert.rejects(control.ready(100), { why: "timeout" })
  await control.close()
  await server.close()
  await assert.rejects(serveControl({ socket, handlers, log: quiet }), /0750/)
})

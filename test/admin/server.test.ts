import assert from "node:assert/strict"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, type TestContext, test } from "node:test"
import fc from "fast-check"
import { WebSocket } from "ws"
import { AdminUnreachable, request } from "../../daemon/admin/client.ts"
import { AdminError, type AdminHandlers } from "../../daemon/admin/requests.ts"
import { serveAdmin } from "../../daemon/admin/server.ts"
import { DirectoryError } from "../../daemon/directory/directory.ts"
import { answers } from "./answers.ts"

const folder = mkdtempSync(join(tmpdir(), "mailkeep-admin-"))
after(() => rmSync(folder, { recursive: true, force: true }))
let sockets = 0

async function serve(t: TestContext, handlers: Partial<AdminHandlers> = {}, mode = 0o600) {
  const socketPath = join(folder, `${sockets++}.sock`)
  const logged: { fields: object; text: string }[] = []
  const quiet = () => {}
  const error = (fields: object, text: string) => void logged.push({ fields, text })
  const log = { debug: quiet, info: quiet, warn: quiet, error }
  const server = await serveAdmin({ socketPath, mode, handlers: { ...answers, ...handlers }, log })
  t.after(() => server.close())
  return { socketPath, server, logged }
}

async function open(
  t: TestContext,
  socketPath: string,
  options: { headers?: Record<string, string>; path?: string } = {},
) {
  const { path = "/v1", ...rest } = options
  const socket = new WebSocket(`ws://localhost${path}`, { createConnection: () => connect(socketPath), ...rest })
  t.after(() => socket.terminate())
  await once(socket, "open")
  return socket
}

async function exchange(socket: WebSocket, message: string | Buffer): Promise<unknown> {
  socket.send(message)
  const [data] = await once(socket, "message")
  return JSON.parse(String(data))
}

test("a request gets the reply with its id", async (t) => {
  const { socketPath } = await serve(t, { "user.disable": async ({ name }) => ({ ended: name === "alice" }) })
  const socket = await open(t, socketPath)
  const reply = await exchange(socket, '{"id":7,"request":"user.disable","name":"alice"}')
  assert.deepEqual(reply, { id: 7, ok: { ended: true } })
  assert.deepEqual(await request(socketPath, "user.disable", { name: "bob" }), { ended: false })
})

test("defaults of a request are filled in", async (t) => {
  const seen: unknown[] = []
  const { socketPath } = await serve(t, {
    "user.add": async (asks) => {
      seen.push(asks)
      return { worker: "/w.sock", ticket: "t".repeat(43) }
    },
  })
  await request(socketPath, "user.add", { name: "alice" })
  assert.deepEqual(seen, [{ name: "alice", addresses: [], quotaBytes: null, quotaMessages: null }])
})

const refused: [message: string, fault: string, id: number | null, text: RegExp][] = [
  ["nonsense", "bad-request", null, /not JSON/],
  ["[]", "bad-request", null, /not a request/],
  ["{}", "bad-request", null, /not a request: id/],
  ['{"id":"x","request":"status"}', "bad-request", null, /not a request: id/],
  ['{"id":1,"request":7}', "bad-request", null, /not a request: request/],
  ['{"id":1,"request":"nonsense"}', "unknown-request", 1, /no request "nonsense"/],
  ['{"id":1,"request":"constructor"}', "unknown-request", 1, /no request/],
  ['{"id":1,"request":"__proto__"}', "unknown-request", 1, /no request/],
  ['{"id":1,"request":"user.show"}', "bad-request", 1, /user\.show: name: /],
  ['{"id":1,"request":"user.show","name":""}', "bad-request", 1, /user\.show: name: /],
  ['{"id":1,"request":"user.show","name":"a","more":1}', "bad-request", 1, /user\.show: .*more/],
  ['{"id":1,"request":"user.add","name":"a","password":"secret"}', "bad-request", 1, /user\.add: .*password/],
  ['{"id":1,"request":"user.clocks","name":"a","clocks":{"idleS":-1}}', "bad-request", 1, /clocks\.idleS/],
]
for (const [message, fault, id, text] of refused) {
  test(`refuses ${message}`, async (t) => {
    const { socketPath } = await serve(t)
    const socket = await open(t, socketPath)
    const reply = (await exchange(socket, message)) as { id: number | null; error: { fault: string; message: string } }
    assert.deepEqual([reply.id, reply.error.fault], [id, fault])
    assert.match(reply.error.message, text)
    assert.ok(((await exchange(socket, '{"id":2,"request":"user.enable","name":"a"}')) as { ok: object }).ok)
  })
}

test("what a handler refuses travels with its fault; what nobody foresaw does not say what it is", async (t) => {
  const { socketPath, logged } = await serve(t, {
    "user.show": () => Promise.reject(new DirectoryError("no-such-user", "there is no user bob")),
    "sessions.show": () => Promise.reject(new AdminError("no-such-session", "bob has no session")),
    "user.list": () => Promise.reject(new Error("SELECT secret FROM insides")),
    "sessions.list": async () => ({ sessions: [{ user: "x" }] }) as never,
  })
  await assert.rejects(request(socketPath, "user.show", { name: "bob" }), {
    fault: "no-such-user",
    message: "there is no user bob",
  })
  await assert.rejects(request(socketPath, "sessions.show", { name: "bob" }), { fault: "no-such-session" })
  await assert.rejects(request(socketPath, "user.list", {}), { fault: "fault", message: /^[^S]*its log says why$/ })
  await assert.rejects(request(socketPath, "sessions.list", {}), { fault: "fault" })
  assert.deepEqual(
    logged.map(({ fields }) => (fields as { request: string }).request),
    ["user.list", "sessions.list"],
  )
})

const closing: [what: string, send: (socket: WebSocket) => void, code: number][] = [
  ["a message of more than 64 KiB", (socket) => socket.send("x".repeat(65_537)), 1009],
  ["a binary message", (socket) => socket.send(Buffer.from("{}")), 1003],
  [
    "more requests at once than it will hold",
    (socket) => {
      for (let id = 0; id < 33; id++) socket.send(JSON.stringify({ id, request: "status" }))
    },
    1008,
  ],
]
for (const [what, send, code] of closing) {
  test(`closes on ${what}`, async (t) => {
    const { socketPath } = await serve(t, { status: () => new Promise(() => {}) })
    const socket = await open(t, socketPath)
    send(socket)
    const [closed] = await once(socket, "close")
    assert.equal(closed, code)
  })
}

test("refuses browsers and other paths, and answers plain HTTP with 426", async (t) => {
  const { socketPath } = await serve(t)
  await assert.rejects(open(t, socketPath, { headers: { Origin: "https://evil.example" } }), /403/)
  await assert.rejects(open(t, socketPath, { path: "/v2" }), /404/)
  const plain = httpRequest({ socketPath, path: "/v1" }).end()
  const [response] = await once(plain, "response")
  response.resume()
  assert.equal(response.statusCode, 426)
})

for (const mode of [0o600, 0o660]) {
  test(`the socket has mode ${mode.toString(8)}, whatever the umask is`, async (t) => {
    const before = process.umask(0)
    const { socketPath } = await serve(t, {}, mode)
    assert.equal(process.umask(before), 0)
    assert.equal(statSync(socketPath).mode & 0o777, mode)
  })
}

test("a socket that a dead process left is replaced; a live one, another file and an open directory are not", async (t) => {
  const { socketPath, server } = await serve(t)
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const second = (path: string) => serveAdmin({ socketPath: path, mode: 0o600, handlers: answers, log })
  await assert.rejects(second(socketPath), /another process answers here/)
  assert.ok((await request(socketPath, "user.list", {})).users)
  await server.close()
  assert.equal(existsSync(socketPath), false)

  const file = join(folder, "file")
  writeFileSync(file, "precious")
  await assert.rejects(second(file), /exists and is not a socket/)
  const wide = join(folder, "wide")
  mkdirSync(wide)
  chmodSync(wide, 0o777)
  await assert.rejects(second(join(wide, "s")), /must be closed to others/)
})

test("closing ends connections and outstanding requests", async (t) => {
  const { socketPath, server } = await serve(t, { status: () => new Promise(() => {}) })
  const waiting = assert.rejects(request(socketPath, "status", {}), AdminUnreachable)
  const socket = await open(t, socketPath)
  const closed = once(socket, "close")
  await server.close()
  await Promise.all([waiting, closed])
})

test("the client says when nobody is there, and when somebody else is", async (t) => {
  const absent = join(folder, "absent.sock")
  await assert.rejects(request(absent, "user.list", {}), {
    running: false,
    message: `mailkeep is not running (no answer on ${absent}): start it with \`mailkeep up\``,
  })
  const silent = createServer(() => {})
  const path = join(folder, "silent.sock")
  await new Promise<void>((resolve) => silent.listen(path, resolve))
  t.after(() => silent.close())
  await assert.rejects(request(path, "user.list", {}, { timeoutMs: 50 }), { running: true, message: /does not answer/ })
  const { socketPath } = await serve(t, { "user.list": async () => ({ users: [] }) })
  assert.deepEqual(await request(socketPath, "user.list", {}), { users: [] })
})

test("no message brings the server down", async (t) => {
  const { socketPath, logged } = await serve(t)
  const socket = await open(t, socketPath)
  const name = fc.oneof(fc.constantFrom(...Object.keys(answers)), fc.string())
  const message = fc.oneof(
    fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
    fc.json(),
    fc
      .tuple(fc.nat(), name, fc.dictionary(fc.string(), fc.jsonValue()))
      .map(([id, request, more]) => JSON.stringify({ ...more, id, request })),
  )
  await fc.assert(
    fc.asyncProperty(message, async (text) => {
      const reply = (await exchange(socket, text)) as Record<string, unknown>
      assert.ok("ok" in reply || "error" in reply)
    }),
    { numRuns: 300 },
  )
  assert.deepEqual(logged, [])
})

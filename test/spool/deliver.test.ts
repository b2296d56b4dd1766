import assert from "node:assert/strict"
import { mkdirSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import fc from "fast-check"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { deliver, exits } from "../../spool/deliver.ts"
import { stuffed } from "../../spool/lmtp-client.ts"
import { type Running, startSpool, temporaryFolder, waiting } from "./harness.ts"

async function* input(text: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string, "latin1")
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function run(running: Pick<Running, "settings">, recipients: string[], message = "Subject: x\n\nbody\n") {
  return deliver({ recipients, sender: "sender@example.net", input: input(message), settings: running.settings })
}

const conversions: [what: string, given: string, wire: string][] = [
  ["lines of a pipe", "a\nb\n", "a\r\nb\r\n.\r\n"],
  ["lines with CRLF already", "a\r\nb\r\n", "a\r\nb\r\n.\r\n"],
  ["both kinds", "a\nb\r\nc\n", "a\r\nb\r\nc\r\n.\r\n"],
  ["no end of line at the end", "a\nb", "a\r\nb\r\n.\r\n"],
  ["nothing", "", ".\r\n"],
  ["dots", ".\n..\na.\n.b\n", "..\r\n...\r\na.\r\n..b\r\n.\r\n"],
  ["a lone CR", "a\rb\n", "a\rb\r\n.\r\n"],
  ["a lone CR at the end", "a\r", "a\r\r\n.\r\n"],
  ["a first line of an mbox", "From me\nSubject: x\n", "From me\r\nSubject: x\r\n.\r\n"],
]
for (const [what, given, wire] of conversions) {
  for (const size of [65_536, 1]) {
    test(`on the wire: ${what}, ${size === 1 ? "octet by octet" : "at once"}`, async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of stuffed(input(given, size))) chunks.push(Buffer.from(chunk))
      assert.equal(Buffer.concat(chunks).toString("latin1"), wire)
    })
  }
}

test("any message: what was delivered is what was given, with CRLF", async (t) => {
  const running = await startSpool(t)
  const line = fc.string({ unit: fc.constantFrom("a", ".", "\r", "\n", "\0", "\xff"), maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      assert.equal((await run(running, ["alice@example.org"], text)).exitCode, exits.OK)
      const message = (await waiting(running, "alice")).at(-1)?.message.toString("latin1")
      const crlf = text.replace(/(?<!\r)\n/g, "\r\n")
      assert.equal(message, crlf === "" || crlf.endsWith("\r\n") ? crlf : `${crlf}\r\n`)
    }),
    { numRuns: 60 },
  )
})

test("a delivery through the spool's Unix socket", async (t) => {
  const running = await startSpool(t)
  const result = await run(running, ["alice+x@example.org"])
  assert.equal(result.exitCode, 0)
  assert.match(result.replies[0]?.reply ?? "", /^250 2\.0\.0 <alice\+x@example\.org> Saved /)
  const [mail] = await waiting(running, "alice")
  assert.equal(mail?.message.toString(), "Subject: x\r\n\r\nbody\r\n")
  assert.equal(mail?.envelope.sender, "sender@example.net")
})

test("over TCP when no Unix socket is configured", async (t) => {
  const running = await startSpool(t, { lmtp: ["127.0.0.1:0"] })
  const settings = { ...running.settings, spool: { ...running.settings.spool, lmtp: [`127.0.0.1:${running.port}`] } }
  assert.equal((await run({ settings }, ["alice@example.org"])).exitCode, 0)
})

test("exit codes", async (t) => {
  const running = await startSpool(t, { max_message_bytes: 65_536 })
  running.directory.refused.set("bob", "disabled")
  running.directory.refused.set("carol", "over-quota")
  const outcomes: [recipients: string[], message: string, code: number, text: RegExp][] = [
    [["nobody@example.org"], "x\n", exits.NOUSER, /^<nobody@example\.org>: 550 5\.1\.1/],
    [["bob@example.org"], "x\n", exits.UNAVAILABLE, /5\.2\.1/],
    [["carol@example.org"], "x\n", exits.UNAVAILABLE, /5\.2\.2/],
    [["alice@example.org"], "x".repeat(70_000), exits.DATAERR, /5\.3\.4/],
    [["alice@example.org", "nobody@example.org"], "x\n", exits.NOUSER, /nobody/],
    [["a@b@c"], "x\n", exits.USAGE, /5\.1\.3/],
    [[], "x\n", exits.USAGE, /no recipient/],
    [["a b@example.org"], "x\n", exits.USAGE, /address contains/],
    [["alice@example.org>\r\nRSET"], "x\n", exits.USAGE, /address contains/],
  ]
  for (const [recipients, message, code, text] of outcomes) {
    const result = await run(running, recipients, message)
    assert.equal(result.exitCode, code, recipients.join())
    assert.match(result.text, text)
  }
  assert.equal((await waiting(running, "alice")).length, 1)
  running.directory.down = true
  assert.equal((await run(running, ["nobody@example.org", "dave@example.org"])).exitCode, exits.TEMPFAIL)
})

test("no spool there: try again later", async (t) => {
  const settings = settingsSchema.parse({ data_dir: temporaryFolder(t) })
  const result = await run({ settings }, ["alice@example.org"])
  assert.equal(result.exitCode, exits.TEMPFAIL)
  assert.match(result.text, /cannot reach the spool at run\/lmtp\.sock: ENOENT/)
})

/** A server that plays a part of LMTP and then misbehaves. */
async function pretend(t: TestContext, play: (socket: Socket) => void) {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, "run"))
  const server = createServer(play)
  await new Promise<void>((resolve) => server.listen(join(folder, "run", "lmtp.sock"), resolve))
  t.after(() => server.close())
  return { settings: settingsSchema.parse({ data_dir: folder }) }
}

const misbehaviours: [what: string, play: (socket: Socket) => void][] = [
  ["closes at once", (socket) => socket.end()],
  ["is busy", (socket) => socket.end("421 4.3.2 Too many clients\r\n")],
  ["talks nonsense", (socket) => socket.end("hello\r\n")],
  ["never ends its line", (socket) => socket.write("2".repeat(200_000))],
  ["breaks off in a reply", (socket) => socket.end("220-mail\r\n220")],
]
for (const [what, play] of misbehaviours) {
  test(`a server that ${what}: try again later`, async (t) => {
    const pretended = await pretend(t, (socket) => {
      socket.on("error", () => undefined)
      play(socket)
    })
    assert.equal((await run(pretended, ["alice@example.org"])).exitCode, exits.TEMPFAIL)
  })
}

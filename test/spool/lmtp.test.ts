import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { mailboxOf, RawClient, type Running, startSpool, stuffStrictly, temporaryFolder, waiting } from "./harness.ts"

/** Plays "S:" and "C:" lines; "…" in an expected line stands for any text. */
async function play(client: RawClient, transcript: string): Promise<void> {
  for (const step of transcript
    .trim()
    .split("\n")
    .map((line) => line.trim())) {
    if (step.startsWith("C:")) await client.send(`${step.slice(3)}\r\n`)
    if (step.startsWith("S: ")) assert.match(await client.line(), pattern(step.slice(3)), step)
  }
}

function pattern(expected: string): RegExp {
  return new RegExp(
    `^${expected
      .split("…")
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  )
}

async function conversation(t: TestContext, running: Running, transcript: string): Promise<RawClient> {
  const client = await RawClient.connect(t, running.port)
  await play(client, transcript)
  return client
}

test("a delivery, with one reply per recipient in the order of RCPT", async (t) => {
  const running = await startSpool(t)
  const before = Date.now()
  await conversation(
    t,
    running,
    `
    S: 220 mail.example.org LMTP mailkeep
    C: LHLO mx.example.net
    S: 250-mail.example.org
    S: 250-PIPELINING
    S: 250-8BITMIME
    S: 250-SMTPUTF8
    S: 250-ENHANCEDSTATUSCODES
    S: 250 SIZE 52428800
    C: MAIL FROM:<sender@example.net> BODY=8BITMIME SIZE=100
    S: 250 2.1.0 …
    C: RCPT TO:<alice@example.org>
    S: 250 2.1.5 …
    C: RCPT TO:<nobody@example.org>
    S: 550 5.1.1 No such user here
    C: RCPT TO:<Bob+Lists@example.org>
    S: 250 2.1.5 …
    C: DATA
    S: 354 …
    C: Subject: hello
    C:
    C: ..dot
    C: .
    S: 250 2.0.0 <alice@example.org> Saved …
    S: 250 2.0.0 <Bob+Lists@example.org> Saved …
    C: QUIT
    S: 221 2.0.0 Bye
  `,
  )
  const [mail] = await waiting(running, "alice")
  assert.equal(mail?.message.toString(), "Subject: hello\r\n\r\n.dot\r\n")
  const { arrivedAt, client, ...envelope } = mail?.envelope ?? {}
  assert.ok((arrivedAt ?? 0) >= before && (arrivedAt ?? 0) <= Date.now())
  assert.equal(client, "127.0.0.1")
  assert.deepEqual(envelope, {
    version: 1,
    sender: "sender@example.net",
    recipient: "alice@example.org",
    helo: "mx.example.net",
    eightBit: true,
    utf8: false,
  })
  const [bobs] = await waiting(running, "bob")
  assert.equal(bobs?.envelope.recipient, "Bob+Lists@example.org")
  assert.deepEqual(running.directory.arrived.sort(), [mailboxOf("alice"), mailboxOf("bob")])
  assert.deepEqual(running.directory.asked, ["alice@example.org", "nobody@example.org", "bob+lists@example.org"])
})

test("what is refused at RCPT, and with which code", async (t) => {
  const running = await startSpool(t, { max_recipients: 2 })
  running.directory.refused.set("bob", "disabled")
  running.directory.refused.set("carol", "over-quota")
  const client = await conversation(
    t,
    running,
    `
    S: 220 …
    C: RCPT TO:<alice@example.org>
    S: 503 5.5.1 …
    C: EHLO test
    S: 500 …
    C: LHLO test
    S: 250-…
    S: 250-…
    S: 250-…
    S: 250-…
    S: 250-…
    S: 250 …
    C: DATA
    S: 503 5.5.1 …
    C: MAIL FROM:<> SIZE=99999999
    S: 552 5.3.4 …
    C: MAIL FROM:<>
    S: 250 2.1.0 …
    C: RCPT TO:<bob@example.org>
    S: 550 5.2.1 Mailbox is disabled
    C: RCPT TO:<carol@example.org>
    S: 552 5.2.2 Mailbox is over quota
    C: RCPT TO:<>
    S: 501 5.1.3 …
    C: RCPT TO:<a@b@c>
    S: 501 5.1.3 …
    C: DATA
    S: 503 5.5.1 …
    C: RCPT TO:<alice>
    S: 250 2.1.5 …
    C: RCPT TO:<alice+a@example.org>
    S: 250 2.1.5 …
    C: RCPT TO:<alice+b@example.org>
    S: 452 4.5.3 …
    C: RSET
    S: 250 2.0.0 …
    C: RCPT TO:<alice@example.org>
    S: 503 5.5.1 …
    C: AUTH PLAIN AGEAYg==
    S: 500 5.5.2 …
    C: STARTTLS
    S: 500 5.5.2 …
    C: NOOP
    S: 250 2.0.0 …
  `,
  )
  running.directory.down = true
  running.directory.changed(null)
  await play(
    client,
    `
    C: MAIL FROM:<>
    S: 250 …
    C: RCPT TO:<alice@example.org>
    S: 451 4.3.0 Recipients cannot be checked now, try again later
  `,
  )
})

test("while the daemon is away, those who are known go on receiving", async (t) => {
  const running = await startSpool(t, { recipient_cache_s: 1 })
  const client = await RawClient.connect(t, running.port)
  await client.begin("alice@example.org")
  running.directory.down = true
  await client.send("one\r\n.\r\n")
  assert.match(await client.reply(), /^250/)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  assert.match(await client.say("MAIL FROM:<>"), /^250/)
  assert.match(await client.say("RCPT TO:<alice@example.org>"), /^250/)
  assert.match(await client.say("RCPT TO:<bob@example.org>"), /^451/)
})

test("a whole session in one write (PIPELINING), twice on one connection", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.socket)
  const mail = (text: string) =>
    `MAIL FROM:<s@example.net>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<nobody@x>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n${text}\r\n.\r\n`
  assert.match(await client.reply(), /^220/)
  await client.send(`LHLO test\r\n${mail("first")}${mail("second")}QUIT\r\n`)
  const replies: string[] = []
  for (let reply = await client.reply(); reply !== "closed"; reply = await client.reply())
    replies.push(reply.slice(0, 3))
  const each = ["250", "250", "550", "250", "354", "250", "250"]
  assert.deepEqual(replies, ["250", ...each, ...each, "221"])
  for (const user of ["alice", "bob"] as const) {
    assert.deepEqual(
      (await waiting(running, user)).map(({ message }) => message.toString()),
      ["first\r\n", "second\r\n"],
    )
  }
  assert.equal((await waiting(running, "alice"))[0]?.envelope.client, null)
})

test("a recipient named twice gets one message and two replies (RFC 2033 §4.2)", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.port)
  await client.begin("alice@example.org", "ALICE@example.org", "bob@example.org")
  await client.send("x\r\n.\r\n")
  for (let reply = 0; reply < 3; reply += 1) assert.match(await client.reply(), /^250 2\.0\.0 </)
  assert.match(await client.say("NOOP"), /^250 2\.0\.0 OK/)
  assert.equal((await waiting(running, "alice")).length, 1)
})

const bytes = (text: string) => Buffer.from(text, "latin1")
const messages: [what: string, message: Buffer][] = [
  ["bare LF", bytes("Subject: x\n\nline\nline\n\r\n")],
  ["lone CR", bytes("Subject: x\r\n\r\na\rb\r\rc\r\n")],
  ["CR before CRLF", bytes("a\r\r\n\r\r\n.\r\r\n")],
  ["8-bit and NUL", bytes("Subject: \xe4\xf6\xfc\r\n\r\n\0\xff\xfe\0\r\n")],
  ["every octet", Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, at) => at)), bytes("\r\n")])],
  [
    "a first line that begins with From",
    bytes("From MAILER-DAEMON Fri Jul  8 12:08:34 2011\r\nSubject: x\r\n\r\nFrom here\r\n"),
  ],
  ["no header", bytes("\r\nonly a body\r\n")],
  ["no body", bytes("Subject: only a header\r\n")],
  ["nothing but an empty line", bytes("\r\n")],
  ["nothing at all", bytes("")],
  ["dots at the start of lines", bytes(".\r\n..\r\n...\r\n. x\r\n.x\r\n")],
  ["dots behind bare LF", bytes("a\n.\nb\n..\nc\n...\n.\r\n")],
  ["an end of data with bare LF", bytes("a\n.\n\r\nb\r\n.\n\r\nc\n.\r\n")],
  ["an end of data with a lone CR", bytes("a\r.\r\n\r.\rb\r\n")],
  ["a line of 100,000 octets", bytes(`${"x".repeat(100_000)}\r\n`)],
  ["many empty lines", bytes("\r\n".repeat(50_000))],
  ["many dots", bytes(".\r\n".repeat(30_000))],
]

for (const [what, message] of messages) {
  test(`stored to the octet: ${what}`, async (t) => {
    const running = await startSpool(t)
    const client = await RawClient.connect(t, running.port)
    await client.begin("alice@example.org")
    await client.send(stuffStrictly(message))
    assert.match(await client.reply(), /^250/)
    const [mail] = await waiting(running, "alice")
    assert.deepEqual(mail?.message, message)
  })
}

test("stored to the octet, one octet at a time", async (t) => {
  const running = await startSpool(t)
  for (const message of [
    bytes("..a\r\n.\r\n\n..\r\n\r\r\n.\rb\r\n"),
    bytes(".\r\n"),
    bytes("\r\n.\n\r\n"),
    bytes("..\n.\r\n"),
  ]) {
    const client = await RawClient.connect(t, running.port)
    client.socket.setNoDelay(true)
    await client.begin("alice@example.org")
    for (const byte of stuffStrictly(message)) {
      await client.send(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.match(await client.reply(), /^250/)
    assert.deepEqual((await waiting(running, "alice")).at(-1)?.message, message)
  }
})

test("a client that does not double its dots: they are taken away (RFC 5321 §4.5.2)", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.port)
  await client.begin("alice@example.org")
  await client.send(".x\r\n.y\n.z\r\n.\r\n")
  assert.match(await client.reply(), /^250/)
  assert.equal((await waiting(running, "alice"))[0]?.message.toString(), "x\r\ny\n.z\r\n")
})

test("30 MB for three people arrive to the octet, and nothing of it is kept in memory", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.port)
  await client.begin("alice@example.org", "bob@example.org", "carol@example.org")
  const body = randomBytes(1_000_000)
  const message = Buffer.concat([...Array.from({ length: 30 }, () => body), bytes("\r\n")])
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 5)
  const wire = stuffStrictly(message)
  const before = process.memoryUsage().rss
  await client.send(wire)
  for (let reply = 0; reply < 3; reply += 1) assert.match(await client.reply(), /^250/)
  clearInterval(watch)
  t.diagnostic(`grew by ${Math.round((most - before) / 1e6)} MB while 3 x 30 MB were sealed`)
  for (const user of ["alice", "bob", "carol"] as const) {
    const [mail] = await waiting(running, user)
    assert.ok(mail?.message.equals(message), user)
  }
})

test("a message over the limit is refused at its end, and nothing of it stays", async (t) => {
  const running = await startSpool(t, { max_message_bytes: 65_536 })
  const client = await RawClient.connect(t, running.port)
  await client.begin("alice@example.org", "bob@example.org")
  await client.send(Buffer.concat([Buffer.alloc(300_000, "x"), bytes("\r\n.\r\n")]))
  for (let reply = 0; reply < 2; reply += 1) assert.equal(await client.reply(), "552 5.3.4 Message is too large")
  assert.match(await client.say("MAIL FROM:<>"), /^250/)
  assert.match(await client.say("RCPT TO:<alice@example.org>"), /^250/)
  assert.match(await client.say("DATA"), /^354/)
  await client.send(Buffer.concat([Buffer.alloc(65_534, "x"), bytes("\r\n.\r\n")]))
  assert.match(await client.reply(), /^250/)
  assert.equal((await waiting(running, "alice"))[0]?.message.length, 65_536)
  assert.deepEqual(await waiting(running, "bob"), [])
})

test("one recipient's fault is not another's", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.port)
  mkdirSync(join(running.settings.data_dir, "spool", mailboxOf("bob")))
  // A file where Bob's directory "tmp" should be.
  const { writeFileSync } = await import("node:fs")
  writeFileSync(join(running.settings.data_dir, "spool", mailboxOf("bob"), "tmp"), "")
  await client.begin("alice@example.org", "bob@example.org", "carol@example.org")
  await client.send("x\r\n.\r\n")
  assert.match(await client.reply(), /^250 2\.0\.0 <alice@/)
  assert.equal(await client.reply(), "451 4.3.0 Could not be stored, try again later")
  assert.match(await client.reply(), /^250 2\.0\.0 <carol@/)
  assert.deepEqual(running.directory.arrived.sort(), [mailboxOf("alice"), mailboxOf("carol")])
})

for (const sent of ["", "Subject: half", `${"x".repeat(200_000)}\r\n`, "a\r\n.", "a\r\n.\r"]) {
  test(`a client that goes away after ${sent.length} octets leaves nothing`, async (t) => {
    const running = await startSpool(t)
    const client = await RawClient.connect(t, running.port)
    await client.begin("alice@example.org")
    await client.send(sent)
    client.socket.destroy()
    const tmp = join(running.settings.data_dir, "spool", mailboxOf("alice"), "tmp")
    for (let tries = 0; tries < 100 && filesIn(tmp) !== 0; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 10))
    await running.close()
    assert.equal(filesIn(tmp), 0)
    assert.deepEqual(await waiting(running, "alice"), [])
    assert.deepEqual(running.directory.arrived, [])
  })
}

test("DATA and gone in the same write: nothing is stored", async (t) => {
  const running = await startSpool(t)
  for (let round = 0; round < 20; round += 1) {
    const client = await RawClient.connect(t, running.port)
    await client.reply()
    await client.send("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nhalf a mess")
    if (round % 2 === 0) client.socket.destroy()
    else client.socket.end()
  }
  await running.close()
  assert.deepEqual(await waiting(running, "alice"), [])
})

function filesIn(path: string): number {
  try {
    return readdirSync(path).length
  } catch {
    return 0
  }
}

test("spool files hold no plaintext", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.port)
  await client.begin("alice@example.org")
  await client.send("Subject: unmistakable\r\n\r\nunmistakable\r\n.\r\n")
  await client.reply()
  const folder = join(running.settings.data_dir, "spool", mailboxOf("alice"), "new")
  for (const name of readdirSync(folder)) {
    const content = readFileSync(join(folder, name))
    for (const word of ["unmistakable", "Subject", "alice", "sender"]) assert.equal(content.indexOf(word), -1)
  }
})

test("too many clients, over all listeners together", async (t) => {
  const running = await startSpool(t, { max_clients: 2 })
  const first = await RawClient.connect(t, running.port)
  assert.match(await first.reply(), /^220/)
  assert.match(await (await RawClient.connect(t, running.socket)).reply(), /^220/)
  assert.match(await (await RawClient.connect(t, running.port)).reply(), /^421/)
  await first.say("QUIT")
  assert.equal(await first.reply(), "closed")
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.match(await (await RawClient.connect(t, running.port)).reply(), /^220/)
})

test("bad commands and endless lines end the connection", async (t) => {
  const running = await startSpool(t)
  const client = await RawClient.connect(t, running.port)
  await client.reply()
  for (let count = 0; count < 9; count += 1) assert.match(await client.say("XYZZY"), /^500 5\.5\.2/)
  assert.match(await client.say("XYZZY"), /^421/)
  const endless = await RawClient.connect(t, running.port)
  await endless.reply()
  await endless.send("x".repeat(100_000))
  assert.match(await endless.reply(), /^421|closed/)
})

test("a silent client is told to go", async (t) => {
  const running = await startSpool(t, { timeout_s: 1 })
  const client = await RawClient.connect(t, running.port)
  await client.reply()
  assert.match(await client.reply(), /^421 4\.4\.2/)
})

test("close lets a transaction end, and turns idle clients away", async (t) => {
  const running = await startSpool(t)
  const idle = await RawClient.connect(t, running.port)
  await idle.reply()
  const busy = await RawClient.connect(t, running.port)
  await busy.begin("alice@example.org")
  await busy.send("first half ")
  const closed = running.close()
  assert.equal(await idle.reply(), "421 4.3.2 Shutting down")
  await busy.send("second half\r\n.\r\n")
  assert.match(await busy.reply(), /^250/)
  assert.match(await busy.reply(), /^421/)
  await closed
  assert.equal((await waiting(running, "alice"))[0]?.message.toString(), "first half second half\r\n")
})

test("the Unix socket has its mode; a stale one is replaced, a busy one is not", async (t) => {
  const folder = temporaryFolder(t)
  const first = await startSpool(t, { lmtp_socket_mode: "0600", lmtp: ["127.0.0.1:0", "run/lmtp.sock"] }, folder)
  assert.equal(statSync(first.socket).mode & 0o777, 0o600)
  await assert.rejects(startSpool(t, {}, folder), /cannot listen for LMTP on .*lmtp\.sock: EADDRINUSE/)
  await assert.rejects(startSpool(t, { lmtp: [`127.0.0.1:${first.port}`] }), /EADDRINUSE/)
  await first.close()

  const stale = temporaryFolder(t)
  mkdirSync(join(stale, "run"))
  const { spawnSync } = await import("node:child_process")
  const path = join(stale, "run", "lmtp.sock")
  spawnSync(process.execPath, [
    "-e",
    `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
  ])
  assert.ok(statSync(path).isSocket())
  const second = await startSpool(t, {}, stale)
  assert.match(await (await RawClient.connect(t, second.socket)).reply(), /^220/)
})

test("a port that is taken is one clear error", async (t) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
  t.after(() => other.close())
  const taken = other.address()
  assert.ok(taken !== null && typeof taken === "object")
  await assert.rejects(startSpool(t, { lmtp: [`127.0.0.1:${taken.port}`] }), {
    message: `cannot listen for LMTP on 127.0.0.1:${taken.port}: EADDRINUSE`,
  })
})

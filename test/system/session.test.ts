import assert from "node:assert/strict"
import { existsSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
const hello = Buffer.from("Subject: hello\r\nFrom: bob@example.org\r\n\r\nxylophone marmalade\r\n")

test("mail that comes while the user is away waits sealed, and is there at login", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  t.after(() => mta.close())
  const replies = await mta.deliver(hello, ["alice@localhost", "nobody@localhost"])
  assert.match(replies[0] ?? "", /^250 2\.\d\.\d /)
  assert.match(replies[1] ?? "", /^550 5\.1\.1 /)

  const [sealed] = spoolFiles(mailkeep)
  assert.ok(sealed !== undefined, "one file waits")
  assert.equal(sealed.includes("xylophone"), false)
  assert.ok(sealed.subarray(0, 21).equals(Buffer.from("age-encryption.org/v1")))

  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => client.close())
  const { untagged, status } = await client.command("SELECT INBOX")
  assert.match(status, /^OK \[READ-WRITE\]/)
  assert.ok(untagged.includes("* 1 EXISTS"), untagged.join("\n"))
  const fetched = await client.command("FETCH 1 BODY.PEEK[]")
  assert.deepEqual(literalOf(fetched.untagged[0] ?? ""), hello)
  await until("the spool is empty", () => spoolFiles(mailkeep).length === 0)
})

test("a message for a user in IDLE is pushed", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => client.close())
  await client.command("SELECT INBOX")
  client.write("i1 IDLE\r\n")
  assert.match(await client.response(), /^\+ /)
  const mta = await LmtpClient.open({ path: mailkeep.paths.under("run/lmtp.sock") })
  t.after(() => mta.close())
  await mta.deliver(hello, ["alice@localhost"])
  assert.equal(await client.response(), "* 1 EXISTS")
  client.write("DONE\r\n")
  assert.match((await client.until("i1")).status, /^OK/)
})

test("an idle session is closed with BYE and its worker is gone", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const pid = await mailkeep.workerPid("alice")
  assert.ok(pid !== null)
  await mailkeep.admin("sessions.idle", { name: "alice", clocks: { idleS: 1 } })
  assert.match(await client.response(), /^\* BYE Idle/)
  await client.gone()
  await until("the worker is gone", () => !existsSync(`/proc/${pid}`))
  assert.equal(await mailkeep.workerPid("alice"), null)
  assert.equal(existsSync(`${mailkeep.paths.databaseOf(readdirSync(mailkeep.paths.mail)[0] ?? "")}-wal`), false)
})

test("wrong password, unknown user, disabled user: one and the same reply", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password, bob: password }, { throttle: { delays_s: [0] } })
  await mailkeep.admin("user.disable", { name: "bob" })
  const answers: string[] = []
  for (const [user, tried] of [
    ["alice", "wrong password"],
    ["nobody", password],
    ["bob", password],
    ["alice", password.toUpperCase()],
  ]) {
    const client = ImapClient.tls(mailkeep.ports.imaps)
    await client.response()
    answers.push((await client.command(`LOGIN ${user} "${tried}"`)).status)
    client.close()
  }
  assert.deepEqual([...new Set(answers)], ["NO [AUTHENTICATIONFAILED] Authentication failed"])
  await mailkeep.admin("user.enable", { name: "bob" })
  const client = await ImapClient.login(mailkeep.ports.imaps, "bob", password)
  client.close()
})

test("several connections of one user share one worker and see each other's changes", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const first = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const second = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => {
    first.close()
    second.close()
  })
  const { sessions } = await mailkeep.admin("sessions.list", {})
  assert.deepEqual(
    sessions.map(({ user, state, connections }) => ({ user, state, connections })),
    [{ user: "alice", state: "OPEN", connections: 2 }],
  )
  await first.command("SELECT INBOX")
  first.write("i1 IDLE\r\n")
  await first.response()
  const appended = await second.command(`APPEND INBOX (\\Flagged) {${hello.length}}`, hello)
  assert.match(appended.status, /^OK \[APPENDUID \d+ 1\]/)
  assert.equal(await first.response(), "* 1 EXISTS")
})

test("an operator ends a session; one connection of it; the next login works", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const first = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const second = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const { connections } = await mailkeep.admin("sessions.show", { name: "alice" })
  await mailkeep.admin("sessions.kick", { name: "alice", connection: connections[0]?.id ?? 0 })
  assert.match(await first.response(), /^\* BYE Disconnected by the operator/)
  assert.match((await second.command("NOOP")).status, /^OK/)
  await mailkeep.admin("sessions.kick", { name: "alice" })
  assert.match(await second.response(), /^\* BYE Disconnected by the operator/)
  await assert.rejects(mailkeep.admin("sessions.show", { name: "alice" }), /not logged in/)
  const again = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  again.close()
})

test("a worker that is killed is noticed, and its user's next login works", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const pid = await mailkeep.workerPid("alice")
  process.kill(pid ?? 0, "SIGKILL")
  await client.gone()
  const again = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  assert.match((await again.command("SELECT INBOX")).status, /^OK/)
  again.close()
  assert.ok(mailkeep.log.some((line) => line.includes("worker ended unexpectedly")))
})

test("a daemon that is killed leaves nothing locked for ever", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const pid = await mailkeep.workerPid("alice")
  await mailkeep.kill("daemon", "SIGKILL")
  await client.gone()
  await until("the orphaned worker closed itself", () => !existsSync(`/proc/${pid}`))
  await mailkeep.startComponent("daemon")
  await until("a login works again", async () => {
    try {
      const again = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
      again.close()
      return true
    } catch (error) {
      if (/UNAVAILABLE/.test((error as Error).message)) return false
      throw error
    }
  })
})

test("while the daemon is away, a recipient that is known is still served, an unknown one is asked to come back", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  t.after(() => mta.close())
  assert.match((await mta.deliver(hello, ["alice@localhost"]))[0] ?? "", /^250/)
  await mailkeep.kill("daemon", "SIGKILL")
  assert.match((await mta.deliver(hello, ["alice@localhost"]))[0] ?? "", /^250/)
  assert.match((await mta.deliver(hello, ["carol@localhost"]))[0] ?? "", /^451/)
})

test("a damaged spool file is set aside and reported; the rest is delivered", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  t.after(() => mta.close())
  for (let n = 0; n < 3; n++) await mta.deliver(hello, ["alice@localhost"])
  const victim = spoolPaths(mailkeep)[1] ?? ""
  truncateSync(victim, statSync(victim).size - 7)
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => client.close())
  assert.ok((await client.command("SELECT INBOX")).untagged.includes("* 2 EXISTS"))
  const { mailboxes } = await mailkeep.admin("spool.list", {})
  assert.deepEqual(
    mailboxes.map(({ user, messages, quarantined }) => ({ user, messages, quarantined })),
    [{ user: "alice", messages: 0, quarantined: 1 }],
  )
})

test("a damaged database is refused, logged, and not touched", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const [id] = readdirSync(mailkeep.paths.mail)
  const file = mailkeep.paths.databaseOf(id ?? "")
  const damaged = readFileSync(file)
  damaged.fill(0x5a, 0, 64)
  writeFileSync(file, damaged)
  await assert.rejects(ImapClient.login(mailkeep.ports.imaps, "alice", password), /\[CORRUPTION\]/)
  assert.deepEqual(readFileSync(file), damaged)
  assert.ok(mailkeep.log.some((line) => line.includes("damaged-database")))
})

function spoolPaths(mailkeep: Mailkeep): string[] {
  return readdirSync(mailkeep.paths.spool).flatMap((mailbox) => {
    const folder = join(mailkeep.paths.spoolOf(mailbox), "new")
    return existsSync(folder)
      ? readdirSync(folder)
          .sort()
          .map((name) => join(folder, name))
      : []
  })
}

function spoolFiles(mailkeep: Mailkeep): Buffer[] {
  return spoolPaths(mailkeep).map((path) => readFileSync(path))
}

test("without its boot secret nobody can log in, and mail is still accepted", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  await mailkeep.kill("daemon", "SIGTERM")
  const away = `${mailkeep.paths.bootSecret}.away`
  renameSync(mailkeep.paths.bootSecret, away)
  await mailkeep.startComponent("daemon")
  await assert.rejects(ImapClient.login(mailkeep.ports.imaps, "alice", password), /\[UNAVAILABLE\]/)
  assert.equal((await mailkeep.admin("status", {})).logins, false)
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  t.after(() => mta.close())
  assert.match((await mta.deliver(hello, ["alice@localhost"]))[0] ?? "", /^250/)

  await mailkeep.kill("daemon", "SIGTERM")
  renameSync(away, mailkeep.paths.bootSecret)
  await mailkeep.startComponent("daemon")
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  assert.ok((await client.command("SELECT INBOX")).untagged.includes("* 1 EXISTS"))
  client.close()
})

test("a daemon that is stopped says BYE to everybody before it locks", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const busy = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const idle = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  idle.write("i1 IDLE\r\n")
  await idle.response()
  await mailkeep.kill("daemon", "SIGTERM")
  for (const client of [busy, idle]) {
    assert.equal(await client.response(), "* BYE [UNAVAILABLE] The server is shutting down")
    await client.gone()
  }
})

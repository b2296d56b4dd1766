import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test, { type TestContext } from "node:test"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
const crlf = Buffer.from("\r\n")

test("a full disk: 452 for LMTP, NO for APPEND, nothing acknowledged is lost, and all of it arrives afterwards", async (t) => {
  const mailkeep = await onSmallDisk(t, "16m")
  if (mailkeep === null) return t.skip("cannot mount a small file system here (needs root)")
  const kept: Buffer[] = []
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })

  await t.test("LMTP: 250 until the disk is full, then 452 4.3.1", async () => {
    fillUp(mailkeep, 3 << 20)
    let answer = ""
    while (answer === "" || answer.startsWith("250")) {
      // The first is so large that it is flushed in pieces.
      const message = answer === "" ? Buffer.concat([bulky(), randomBytes(1_500_000), crlf]) : bulky()
      answer = (await mta.deliver(message, ["alice@localhost"]))[0] ?? ""
      if (answer.startsWith("250")) kept.push(message)
    }
    assert.match(answer, /^452 4\.3\.1 /)
    assert.ok(kept.length > 3)
    assert.equal((await mailkeep.admin("status", {})).spool.messages, kept.length, "nothing half-written is counted")
  })

  await t.test("the user can log in; what does not fit stays sealed in the spool", async () => {
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    await client.command("SELECT INBOX")
    await until("the flush gave up", () => mailkeep.log.some((line) => line.includes("flush stopped")))
    const { untagged } = await client.command("STATUS INBOX (MESSAGES)")
    const flushed = Number(/MESSAGES (\d+)/.exec(untagged.join(""))?.[1])
    assert.equal(flushed + (await mailkeep.admin("status", {})).spool.messages, kept.length)
    client.close()
  })

  await t.test("APPEND: NO, and the connection goes on", async () => {
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    const [small, large] = [bulky(), Buffer.concat([bulky(), randomBytes(6_000_000)])]
    for (const message of [large, small]) {
      const { status } = await client.command(`APPEND INBOX {${message.length}}`, message)
      assert.match(status, /^NO \[(LIMIT|OVERQUOTA)\]/)
    }
    assert.match((await client.command("NOOP")).status, /^OK/)
    client.close()
  })

  await t.test("with room again, everything arrives, once", async () => {
    rmSync(ballast(mailkeep))
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    const after = Buffer.from("Subject: after\r\n\r\n")
    assert.match((await mta.deliver(after, ["alice@localhost"]))[0] ?? "", /^250/)
    await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0)
    await client.command("SELECT INBOX")
    const { untagged } = await client.command("FETCH 1:* BODY.PEEK[]")
    const arrived = untagged.map((response) => literalOf(response).toString("latin1"))
    assert.deepEqual(arrived.sort(), [...kept, after].map((message) => message.toString("latin1")).sort())
    const message = bulky()
    assert.match((await client.command(`APPEND INBOX {${message.length}}`, message)).status, /^OK/)
    client.close()
  })
  mta.close()
})

test("over quota: 552 at RCPT, NO for APPEND; what got its 250 before comes in", async (t) => {
  const mailkeep = await Mailkeep.start(
    t,
    { alice: password },
    { mailbox: { quota_messages: 3 }, throttle: { delays_s: [0] } },
  )
  const message = Buffer.from("Subject: a\r\n\r\nb\r\n")
  const large = Buffer.concat([message, randomBytes(2_000_000), crlf])
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  // What waits while the user is away counts; the last one may go beyond in octets only.
  for (const each of [message, message, large])
    assert.match((await mta.deliver(each, ["alice@localhost"]))[0] ?? "", /^250/)
  assert.match((await mta.deliver(message, ["alice@localhost"]))[0] ?? "", /^552 5\.2\.2 /)

  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0)
  assert.ok((await client.command("SELECT INBOX")).untagged.includes("* 3 EXISTS"))
  assert.equal((await client.command(`APPEND INBOX {${message.length}}`, message)).status, "NO [OVERQUOTA] Over quota")
  assert.match((await client.command("COPY 1 Trash")).status, /^NO \[OVERQUOTA\]/)
  assert.match((await client.command("MOVE 3 Trash")).status, /^OK/)
  await until("mail is refused", async () =>
    /^552 5\.2\.2 /.test((await mta.deliver(message, ["alice@localhost"]))[0] ?? ""),
  )

  await client.command("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
  await client.command("EXPUNGE")
  client.close()
  await until("mail is taken", async () => /^250 /.test((await mta.deliver(message, ["alice@localhost"]))[0] ?? ""))
  mta.close()
})

/** A mailkeep whose data lies on a file system of this size, or null where none can be mounted. */
async function onSmallDisk(t: TestContext, size: string): Promise<Mailkeep | null> {
  const folder = mkdtempSync(join(tmpdir(), "mailkeep-small-"))
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder])
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true })
    return null
  }
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  try {
    return await Mailkeep.start(t, { alice: password }, { throttle: { delays_s: [0] } })
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    t.after(() => {
      spawnSync("umount", ["--lazy", folder])
      rmSync(folder, { recursive: true })
    })
  }
}

function ballast(mailkeep: Mailkeep): string {
  return join(mailkeep.paths.root, "ballast")
}

/** Leaves this many octets of room. */
function fillUp(mailkeep: Mailkeep, room: number): void {
  const { bavail, bsize } = statfsSync(mailkeep.paths.root)
  writeFileSync(ballast(mailkeep), Buffer.alloc(bavail * bsize - room))
}

/** 60 KB that compression does not make smaller. */
function bulky(): Buffer {
  return Buffer.concat([
    Buffer.from("Subject: bulky\r\n\r\n"),
    Buffer.from(randomBytes(45_000).toString("base64")),
    crlf,
  ])
}

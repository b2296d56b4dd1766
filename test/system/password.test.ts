import assert from "node:assert/strict"
import { connect } from "node:net"
import test from "node:test"
import { AnswerReader, encodePreface } from "../../daemon/contract/preface.ts"
import type { Purpose } from "../../daemon/contract/worker-link.ts"
import { ImapClient } from "../harness/imap-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"

const password = "correct horse battery"
const better = "staple correct horse"
const message = Buffer.from("Subject: kept\r\n\r\nthrough the change\r\n")

test("a change of password keeps the mail, ends other sessions, and only the new one works", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password }, { throttle: { delays_s: [0] } })
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  await client.command(`APPEND INBOX {${message.length}}`, message)
  assert.equal(await speak(mailkeep, "rekey", "wrong old one", better), "credential")
  assert.equal(await speak(mailkeep, "rekey", password, "not\x07usable"), "unusable-password")
  assert.equal(await speak(mailkeep, "rekey", password, better), "ok")
  assert.match(await client.response(), /^\* BYE The password was changed/)
  await assert.rejects(ImapClient.login(mailkeep.ports.imaps, "alice", password), /AUTHENTICATIONFAILED/)
  const again = await ImapClient.login(mailkeep.ports.imaps, "alice", better)
  assert.ok((await again.command("SELECT INBOX")).untagged.includes("* 1 EXISTS"))
  again.close()
})

test("an old key slot that is put back opens nothing", async (t) => {
  const { copyFileSync, readdirSync } = await import("node:fs")
  const { join } = await import("node:path")
  const mailkeep = await Mailkeep.start(t, { alice: password }, { throttle: { delays_s: [0] } })
  const [name] = readdirSync(mailkeep.paths.slots)
  const slot = join(mailkeep.paths.slots, name ?? "")
  const stolen = `${mailkeep.paths.root}/stolen`
  copyFileSync(slot, stolen)
  assert.equal(await speak(mailkeep, "rekey", password, better), "ok")
  copyFileSync(stolen, slot)
  await assert.rejects(ImapClient.login(mailkeep.ports.imaps, "alice", password), /AUTHENTICATIONFAILED/)
  assert.ok(mailkeep.log.some((line) => line.includes("a key slot that the mailbox does not list")))
})

test("today's stronger parameters replace a slot's at the next login", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  await mailkeep.kill("daemon", "SIGTERM")
  mailkeep.settings.keys.argon2_time = 3
  await mailkeep.startComponent("daemon")
  const { readdirSync, readFileSync } = await import("node:fs")
  const timeOf = () =>
    readdirSync(mailkeep.paths.slots).map((name) => readFileSync(`${mailkeep.paths.slots}/${name}`).readUInt32BE(7))
  assert.deepEqual(timeOf(), [2])
  for (let n = 0; n < 2; n++) {
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    client.close()
    assert.deepEqual(timeOf(), [3])
    await mailkeep.admin("sessions.kick", { name: "alice" })
  }
})

/** What the command line does: a ticket from the daemon, the passwords to the worker alone. */
async function speak(
  mailkeep: Mailkeep,
  purpose: Exclude<Purpose, "imap">,
  credential: string,
  second: string,
): Promise<string> {
  const { worker, ticket } = await mailkeep.admin(purpose === "rekey" ? "user.passwd" : "user.export", {
    name: "alice",
  })
  const socket = connect(worker)
  socket.write(
    encodePreface({
      purpose,
      ticket: Buffer.from(ticket, "base64url"),
      credential: Buffer.from(credential),
      second: Buffer.from(second),
      facts: { remote: "admin", tls: false, tag: "", client: null },
    }),
  )
  const reader = new AnswerReader()
  for await (const chunk of socket) {
    const answer = reader.push(chunk as Buffer)
    if (answer !== null) return answer.status === "ok" ? "ok" : answer.why
  }
  throw new Error("no answer")
}

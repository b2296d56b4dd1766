import assert from "node:assert/strict"
import { copyFileSync, existsSync, readFileSync } from "node:fs"
import test from "node:test"
import SqlCipher from "@signalapp/sqlcipher"
import { commandLineOf } from "../harness/command-line.ts"
import { messages } from "../harness/corpus.ts"
import { ImapClient } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
const sample = messages(60)

test("with the exported key, another SQLCipher 4 reads the mailbox; without it the file is noise", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password, bob: password })
  const client = await fill(mailkeep)
  const exported = await exportKey(mailkeep)
  await mailkeep.admin("sessions.kick", { name: "alice" })
  await until("the mailbox is locked", async () => (await mailkeep.workerPid("alice")) === null)
  await client.gone()
  const file = await databaseOf(mailkeep, "alice")
  assert.equal(existsSync(`${file}-wal`), false, "a locked mailbox is one file")

  // A copy, so that the other program's log does not lie beside our file.
  const copy = `${mailkeep.paths.root}/copy.db`
  copyFileSync(file, copy)
  const other = new SqlCipher(copy)
  other.exec(`PRAGMA key = "x'${exported}'"`)
  assert.deepEqual(other.prepare("PRAGMA cipher_integrity_check").all(), [])
  assert.deepEqual(plain(other.prepare("PRAGMA integrity_check").all()), [{ integrity_check: "ok" }])
  assert.deepEqual(plain(other.prepare("SELECT count(*) AS n, sum(size) AS octets FROM message").all()), [
    { n: sample.length + 1, octets: sample.reduce((sum, { bytes }) => sum + bytes.length, appended.length) },
  ])
  other.close()

  const without = new SqlCipher(copy)
  without.exec(`PRAGMA key = "x'${"00".repeat(32)}'"`)
  assert.throws(() => without.prepare("SELECT count(*) FROM message").get())
  without.close()

  const again = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  assert.ok((await again.command("SELECT INBOX")).untagged.includes(`* ${sample.length + 1} EXISTS`))
  again.close()
})

test("the first octets of a mailbox are random, and so is all the rest", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password, bob: password })
  const heads = await Promise.all(
    ["alice", "bob"].map(async (user) => readFileSync(await databaseOf(mailkeep, user)).subarray(0, 16)),
  )
  assert.equal(new Set(heads.map((head) => head.toString("hex"))).size, 2)
  for (const head of heads) assert.equal(head.toString("latin1").includes("SQLite"), false)
  const octets = readFileSync(await databaseOf(mailkeep, "alice"))
  const counts = new Array<number>(256).fill(0)
  for (const octet of octets) counts[octet] = (counts[octet] ?? 0) + 1
  const expected = octets.length / 256
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  // 255 degrees of freedom: mean 255, standard deviation 22.6. Plaintext pages give hundreds of thousands.
  assert.ok(chiSquare < 255 + 10 * 22.6, `chi-square ${chiSquare}`)
})

const appended = Buffer.from("Subject: appended\r\n\r\nby the user\r\n")

test("a mailbox that a newer version wrote is not called damaged, and not touched", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const exported = await exportKey(mailkeep)
  await until("the mailbox is locked", async () => (await mailkeep.workerPid("alice")) === null)
  const file = await databaseOf(mailkeep, "alice")
  const newer = new SqlCipher(file)
  newer.exec(`PRAGMA key = "x'${exported}'"; PRAGMA user_version = 1000`)
  newer.close()
  const before = readFileSync(file)
  await assert.rejects(ImapClient.login(mailkeep.ports.imaps, "alice", password), /\[CONTACTADMIN\]/)
  assert.deepEqual(readFileSync(file), before)
  assert.ok(mailkeep.log.some((line) => line.includes("newer-database")))
})

/** Mail by both ways: through the spool, and by APPEND. */
async function fill(mailkeep: Mailkeep): Promise<ImapClient> {
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  for (const { bytes, name } of sample)
    assert.match((await mta.deliver(bytes, ["alice@localhost"]))[0] ?? "", /^250/, name)
  mta.close()
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0)
  assert.match((await client.command(`APPEND INBOX {${appended.length}}`, appended)).status, /^OK/)
  return client
}

async function exportKey(mailkeep: Mailkeep): Promise<string> {
  const ran = await commandLineOf(mailkeep).run(["user", "export-key", "alice", "--yes-print-key"], `${password}\n`)
  assert.deepEqual([ran.stderr, ran.code], ["", 0])
  assert.match(ran.stdout, /^[0-9a-f]{64}\n$/)
  return ran.stdout.trim()
}

async function databaseOf(mailkeep: Mailkeep, user: string): Promise<string> {
  return mailkeep.paths.databaseOf((await mailkeep.admin("user.show", { name: user })).user.mailbox)
}

function plain(rows: unknown[]): object[] {
  return rows.map((row) => ({ ...(row as object) }))
}

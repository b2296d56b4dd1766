import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { UlidSource } from "../../spool/ulid.ts"
import { ImapClient } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
const message = Buffer.from("Subject: a real one\r\n\r\nx\r\n")

/** What somebody with the rights of the spool's user can do to the daemon, whose workers take mail up. */
test("a hostile spool: no daemon file is touched, mail goes on, everybody can log in", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password, bob: password })
  const folders = Object.fromEntries(
    await Promise.all(
      (["alice", "bob"] as const).map(async (name) => {
        const { user } = await mailkeep.admin("user.show", { name })
        return [name, join(mailkeep.paths.spool, user.mailbox)] as const
      }),
    ),
  )
  const at = (name: "alice" | "bob", ...path: string[]) => join(folders[name] ?? "", ...path)
  const secret = readFileSync(mailkeep.paths.bootSecret)
  const deliver = async (user: string) => {
    const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
    assert.match((await mta.deliver(message, [`${user}@localhost`]))[0] ?? "", /^250 /)
    mta.close()
  }
  const inbox = async (user: string) => {
    const client = await ImapClient.login(mailkeep.ports.imaps, user, password)
    const { untagged } = await client.command("STATUS INBOX (MESSAGES)")
    client.close()
    return Number(/MESSAGES (\d+)/.exec(JSON.stringify(untagged))?.[1])
  }

  await t.test("links, FIFOs, directories and reasons that are links", async () => {
    for (const name of ["tmp", "new", "quarantine"]) mkdirSync(at("alice", name), { recursive: true })
    const ids = new UlidSource(() => 1_700_000_000_000)
    const planted = Array.from({ length: 11 }, () => ids.next())
    const [garbage = "", link = "", second = "", directory = "", ...fifos] = planted
    writeFileSync(at("alice", "new", garbage), "not sealed")
    symlinkSync(mailkeep.paths.bootSecret, at("alice", "quarantine", `${garbage}.why`))
    symlinkSync(mailkeep.paths.bootSecret, at("alice", "new", link))
    writeFileSync(at("alice", "tmp", "one"), "x")
    linkSync(at("alice", "tmp", "one"), at("alice", "new", second))
    mkdirSync(at("alice", "new", directory))
    for (const fifo of fifos) execFileSync("mkfifo", [at("alice", "new", fifo)])
    await deliver("alice")

    assert.equal(await inbox("alice"), 1)
    await until("nothing waits", () => readdirSync(at("alice", "new")).length === 0)
    assert.deepEqual(readFileSync(mailkeep.paths.bootSecret), secret)
    for (const id of planted) assert.ok(lstatSync(at("alice", "quarantine", id)), id)
    assert.equal(readFileSync(at("alice", "quarantine", `${garbage}.why`), "utf8"), "not-sealed\n")
    for (const id of planted.slice(1))
      assert.equal(readFileSync(at("alice", "quarantine", `${id}.why`), "utf8"), "not-a-file\n")
    assert.equal((await mailkeep.admin("status", {})).counts.quarantined, planted.length)
  })

  await t.test("a link in the place of a directory", async () => {
    await deliver("bob")
    renameSync(at("bob", "new"), at("bob", "elsewhere"))
    symlinkSync("elsewhere", at("bob", "new"))
    assert.equal(await inbox("bob"), 0, "a login succeeds; the mail is not taken from there")
    assert.equal(readdirSync(at("bob", "elsewhere")).length, 1)
    assert.equal((await mailkeep.admin("spool.list", {})).mailboxes.filter((row) => row.user === "bob").length, 0)
    assert.equal(await inbox("alice"), 1)
  })
})

import assert from "node:assert/strict"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absence, run } from "./installed.ts"

/* Programs that fetch new mail and go. */

const password = "correct-horse-battery"
const letters = ["one", "two", "three"].map((subject) => ({
  subject,
  octets: Buffer.from(`From: bob@example.org\r\nSubject: ${subject}\r\n\r\nbody of ${subject}\r\n.\r\n`),
}))

/** A mailkeep with three letters, and a folder for the program. */
async function withLetters(t: test.TestContext): Promise<{ mailkeep: Mailkeep; home: string }> {
  const mailkeep = await Mailkeep.start(t, { alice: password, ben: password })
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  for (const { octets } of letters) await mta.deliver(octets, ["alice@localhost"])
  mta.close()
  const home = join(mailkeep.paths.root, "..", "home")
  mkdirSync(home)
  return { mailkeep, home }
}

async function left(t: test.TestContext, mailkeep: Mailkeep, name = "INBOX"): Promise<string[]> {
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => client.close())
  return (await client.command(`STATUS ${name} (MESSAGES UNSEEN)`)).untagged
}

test("fetchmail takes all mail and leaves nothing", { skip: absence("fetchmail") }, async (t) => {
  const { mailkeep, home } = await withLetters(t)
  const taken = join(home, "taken")
  const settings = join(home, "fetchmailrc")
  writeFileSync(
    settings,
    `poll localhost protocol IMAP port ${mailkeep.ports.imaps}
user "alice" password "${password}" ssl sslcertck sslcertfile "${mailkeep.paths.certificate}"
no keep fetchall mda "cat >>${taken}"
`,
    { mode: 0o600 },
  )
  const args = ["-f", settings, "--pidfile", join(home, "pid"), "--nodetach", "--nosyslog"]
  const { code, stderr } = await run("fetchmail", args, { env: { HOME: home, FETCHMAILHOME: home } })
  assert.equal(code, 0, stderr)
  const text = readFileSync(taken, "latin1")
  for (const { subject } of letters)
    assert.match(text, new RegExp(`Subject: ${subject}\\r?\\n\\r?\\nbody of ${subject}`))
  assert.deepEqual(await left(t, mailkeep), ["* STATUS INBOX (MESSAGES 0 UNSEEN 0)"])
  const nothing = await run("fetchmail", args, { env: { HOME: home, FETCHMAILHOME: home } })
  assert.equal(nothing.code, 1, "no mail is 1 (fetchmail's manual, EXIT CODES)")
})

/*
 * getmail's other destinations fork a child and can miss its end, then wait for minutes (baseclasses.py,
 * _wait_for_child); LMTP has no child, and is what mail is moved with between servers.
 */
test("getmail moves each message once to another user, by LMTP", { skip: absence("getmail") }, async (t) => {
  const { mailkeep, home } = await withLetters(t)
  writeFileSync(
    join(home, "getmailrc"),
    `[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = ${mailkeep.ports.imaps}
username = alice
password = ${password}
ca_certs = ${mailkeep.paths.certificate}
mailboxes = ("INBOX",)
move_on_delete = Archive

[destination]
type = MDA_lmtp
host = 127.0.0.1
port = ${mailkeep.ports.lmtp}
override = ben@localhost

[options]
read_all = false
delete = true
delivered_to = false
received = false
`,
    { mode: 0o600 },
  )
  for (const round of [1, 2]) {
    const { code, stdout, stderr } = await run("getmail", [`--getmaildir=${home}`], { env: { HOME: home } })
    assert.equal(code, 0, `${round}: ${stdout} ${stderr}`)
    const ben = await ImapClient.login(mailkeep.ports.imaps, "ben", password)
    await ben.command("SELECT INBOX")
    const { untagged } = await ben.command("FETCH 1:* BODY.PEEK[TEXT]")
    ben.close()
    assert.deepEqual(
      untagged.map((response) => literalOf(response).toString()).toSorted(),
      letters.map(({ subject }) => `body of ${subject}\r\n.\r\n`).toSorted(),
    )
    assert.deepEqual(await left(t, mailkeep, "INBOX"), ["* STATUS INBOX (MESSAGES 0 UNSEEN 0)"])
    assert.match((await left(t, mailkeep, "Archive"))[0] ?? "", /MESSAGES 3/)
  }
})

test("offlineimap keeps both sides the same, with changes on both", { skip: absence("offlineimap") }, async (t) => {
  const { mailkeep, home } = await withLetters(t)
  const local = join(home, "mail")
  const settings = join(home, "offlineimaprc")
  writeFileSync(
    settings,
    `[general]
accounts = a
metadata = ${home}/state

[Account a]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = ${local}

[Repository far]
type = IMAP
remotehost = localhost
remoteport = ${mailkeep.ports.imaps}
remoteuser = alice
remotepass = ${password}
ssl = yes
sslcacertfile = ${mailkeep.paths.certificate}
`,
  )
  const sync = async () => {
    const { code, stdout, stderr } = await run("offlineimap", ["-c", settings, "-o", "-u", "basic"], {
      env: { HOME: home },
    })
    assert.equal(code, 0, `${stdout} ${stderr}`)
  }
  const filesIn = (folder: string) =>
    ["new", "cur"].flatMap((part) => {
      const path = join(local, folder, part)
      return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []
    })

  await sync()
  assert.equal(filesIn("INBOX").length, 3)
  const draft = join(local, "Drafts", "cur", "1700000000_0.1.here,U=:2,DS")
  writeFileSync(draft, "Message-Id: <draft@here>\nSubject: draft\n\nwritten here\n")
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => client.close())
  await client.command("SELECT INBOX")
  await client.command("STORE 1 +FLAGS (\\Flagged \\Seen)")
  await client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
  await client.command("EXPUNGE")

  await sync()
  assert.equal(filesIn("INBOX").length, 2)
  assert.equal(filesIn("INBOX").filter((name) => /:2,.*F.*S/.test(name)).length, 1)
  await client.command("SELECT Drafts")
  const { untagged } = await client.command("FETCH 1 (FLAGS BODY.PEEK[TEXT])")
  assert.match(untagged.join("\n"), /\\Draft/)
  assert.match(untagged.join("\n"), /written here/)

  await sync()
  assert.equal(filesIn("INBOX").length, 2)
  assert.equal(filesIn("Drafts").length, 1)

  // Both sides at once: flags on both, gone here and flagged there, a folder on either, a letter moved here.
  const flagged = filesIn("INBOX").find((name) => /:2,.*F/.test(name)) ?? assert.fail("no flagged letter")
  const plain = filesIn("INBOX").find((name) => name !== flagged) ?? assert.fail("no other letter")
  renameSync(flagged, flagged.replace(/:2,.*$/, ":2,FRS"))
  rmSync(plain)
  for (const part of ["cur", "new", "tmp"]) mkdirSync(join(local, "Near", part), { recursive: true })
  writeFileSync(
    join(local, "Near", "cur", "1700000001_0.1.here:2,S"),
    "Message-Id: <near@here>\nSubject: near\n\nnear\n",
  )
  rmSync(filesIn("Drafts")[0] ?? "")
  await client.command("SELECT INBOX")
  await client.command("STORE 1:2 +FLAGS.SILENT (\\Draft)")
  await client.command("CREATE Far")
  const far = Buffer.from("Message-Id: <far@there>\r\nSubject: far\r\n\r\nfar\r\n")
  await client.command(`APPEND Far (\\Flagged) {${far.length}}`, far)

  await sync()
  await sync()
  await client.command("SELECT INBOX")
  const { untagged: rest } = await client.command("FETCH 1:* FLAGS")
  assert.deepEqual(
    rest.filter((line) => line.includes("FETCH")),
    ["* 1 FETCH (FLAGS (\\Seen \\Answered \\Flagged \\Draft))"],
  )
  assert.deepEqual(
    filesIn("INBOX").map((name) => /:2,(\w*)$/.exec(name)?.[1]),
    ["DFRS"],
  )
  assert.deepEqual(
    filesIn("Far").map((name) => /:2,(\w*)$/.exec(name)?.[1]),
    ["F"],
  )
  assert.deepEqual(filesIn("Drafts"), [])
  const counts = await Promise.all(["Near", "Far", "Drafts"].map(async (name) => (await left(t, mailkeep, name))[0]))
  assert.deepEqual(counts, [
    "* STATUS Near (MESSAGES 1 UNSEEN 0)",
    "* STATUS Far (MESSAGES 1 UNSEEN 1)",
    "* STATUS Drafts (MESSAGES 0 UNSEEN 0)",
  ])
})

import assert from "node:assert/strict"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { messages } from "../harness/corpus.ts"
import { ImapClient } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absence, run } from "./installed.ts"

const password = "correct horse battery"
const senders = 8

test("the main job: mail arrives while away, mbsync pulls it byte for byte, and a second client's work follows", {
  skip: absence("mbsync"),
  timeout: 300_000,
}, async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password }, { imap: { flush_wait_ms: 60_000 } })
  // mbsync itself loses NUL and lone CR on the way to its Maildir; odd mail has tests of its own.
  const given = messages().filter(({ bytes }) => !/\0|\r(?!\n)/.test(bytes.toString("latin1")))
  await deliverAll(
    mailkeep,
    given.map(({ bytes }) => bytes),
  )

  const words = ["Subject:", "Received:", "spamassassin", "localhost", "Content-Type"]
  for (const file of spoolFiles(mailkeep))
    for (const word of words) assert.equal(file.includes(word), false, `"${word}" in a spool file`)
  assert.equal(spoolFiles(mailkeep).length, given.length)

  const pulled = await mbsync(mailkeep)
  assert.deepEqual(
    difference(
      pulled.inbox(),
      given.map(({ bytes }) => bytes),
    ),
    { missing: 0, foreign: 0 },
  )

  const second = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => second.close())
  await second.command("SELECT INBOX")
  await second.command("STORE 1 +FLAGS (\\Flagged \\Seen)")
  await second.command("STORE 2 +FLAGS (\\Deleted)")
  await second.command("EXPUNGE")
  await second.command("CREATE Projects/Keep")
  const note = Buffer.from("Subject: from the second client\r\n\r\nnew\r\n")
  await second.command(`APPEND Projects/Keep {${note.length}}`, note)

  await pulled.again()
  assert.equal(pulled.inbox().length, given.length - 1)
  assert.equal(pulled.flagged().length, 1)
  assert.deepEqual(pulled.folder("Projects/Keep"), [note])
})

async function deliverAll(mailkeep: Mailkeep, all: Buffer[]): Promise<void> {
  const queue = [...all]
  await Promise.all(
    Array.from({ length: senders }, async () => {
      const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        const [reply] = await mta.deliver(message, ["alice@localhost"])
        assert.match(reply ?? "", /^250/)
      }
      mta.close()
    }),
  )
}

function spoolFiles(mailkeep: Mailkeep): Buffer[] {
  return readdirSync(mailkeep.paths.spool).flatMap((mailbox) => {
    const folder = join(mailkeep.paths.spoolOf(mailbox), "new")
    return readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  })
}

/** A first pull into a new Maildir, and what is in it. */
async function mbsync(mailkeep: Mailkeep) {
  const home = join(mailkeep.paths.root, "..", "client")
  const store = join(home, "mail")
  mkdirSync(store, { recursive: true })
  writeFileSync(
    join(home, "mbsyncrc"),
    `IMAPStore remote
Host 127.0.0.1
Port ${mailkeep.ports.imap}
User alice
Pass "${password}"
Timeout 0
SSLType STARTTLS
CertificateFile ${mailkeep.paths.certificate}

MaildirStore local
Path ${store}/
Inbox ${store}/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns *
Create Near
Expunge Near
Sync Pull
SyncState *
`,
  )
  const again = async () => {
    const { code, stderr } = await run("mbsync", ["-c", join(home, "mbsyncrc"), "-a"], { env: { HOME: home } })
    assert.equal(code, 0, stderr)
  }
  const files = (folder: string) =>
    ["new", "cur"].flatMap((part) =>
      readdirSync(join(store, folder, part)).map((name) => join(store, folder, part, name)),
    )
  await again()
  return {
    again,
    inbox: () => files("INBOX").map(asGiven),
    folder: (name: string) => files(name).map(asGiven),
    flagged: () => files("INBOX").filter((name) => /:2,.*F/.test(name)),
  }
}

/** mbsync keeps LF line ends and writes an X-TUID field of its own into what it pulls; both are undone for the comparison. */
function asGiven(path: string): Buffer {
  return Buffer.from(
    readFileSync(path)
      .toString("latin1")
      .replace(/^X-TUID: .{12}\r?\n/m, "")
      .replace(/\r?\n/g, "\r\n"),
    "latin1",
  )
}

function difference(have: Buffer[], want: Buffer[]): { missing: number; foreign: number } {
  const left = new Map<string, number>()
  for (const bytes of want) left.set(bytes.toString("latin1"), (left.get(bytes.toString("latin1")) ?? 0) + 1)
  let foreign = 0
  for (const bytes of have) {
    const key = bytes.toString("latin1")
    const count = left.get(key) ?? 0
    if (count === 0) foreign++
    else left.set(key, count - 1)
  }
  return { missing: [...left.values()].reduce((sum, count) => sum + count, 0), foreign }
}

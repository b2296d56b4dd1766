import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import test, { after, type TestContext } from "node:test"
import { ImapFlow } from "imapflow"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct-horse-battery"
const mailkeep = await Mailkeep.start({ after }, { alice: password, ben: password, carol: password })

const withAttachment = Buffer.from(
  [
    "From: Ben <ben@example.org>",
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "Hello.",
    "--b",
    'Content-Type: application/octet-stream; name="x.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.alloc(3000, 7).toString("base64"),
    "--b--",
    "",
  ].join("\r\n"),
)

async function connect(t: TestContext, user: string, options: { qresync?: boolean } = {}): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: "localhost",
    port: mailkeep.ports.imaps,
    secure: true,
    tls: { ca: readFileSync(mailkeep.paths.certificate) },
    auth: { user, pass: password },
    logger: false,
    ...options,
  })
  await client.connect()
  t.after(() => client.close())
  return client
}

test("imapflow: compressed, with what it uses of the extensions", async (t) => {
  const client = await connect(t, "alice")
  const names = (await client.list()).map(({ path, specialUse }) => `${path} ${specialUse ?? ""}`)
  assert.ok(names.includes("Trash \\Trash"), names.join())

  const appended = await client.append("INBOX", withAttachment, ["\\Seen"])
  assert.ok(appended !== false && appended.uid === 1)
  await client.append("INBOX", "Subject: two\r\n\r\nsecond\r\n")
  const box = await client.mailboxOpen("INBOX")
  assert.equal(box.exists, 2)
  assert.deepEqual(await client.search({ seen: false }, { uid: true }), [2])

  const found = await client.fetchOne("1", { envelope: true, bodyStructure: true, source: true, uid: true })
  assert.ok(found !== false && found !== undefined)
  assert.equal(found.envelope?.subject, "Grüße")
  assert.deepEqual(found.source, withAttachment)
  assert.equal(found.bodyStructure?.childNodes?.[1]?.encoding, "base64")

  const { content } = await client.download("1", "2")
  assert.ok(content !== undefined)
  const chunks: Buffer[] = []
  for await (const chunk of content) chunks.push(Buffer.from(chunk as Uint8Array))
  assert.deepEqual(Buffer.concat(chunks), Buffer.alloc(3000, 7))

  await client.messageFlagsAdd("2", ["\\Flagged"], { uid: true })
  const moved = await client.messageMove("2", "Archive", { uid: true })
  assert.ok(moved !== false)
  assert.deepEqual([...(moved.uidMap ?? [])], [[2, 1]])
  const status = await client.status("Archive", { messages: true })
  assert.equal(status !== false && status.messages, 1)
  await client.mailboxCreate(["Projects", "Über"])
  await client.mailboxRename("Projects/Über", "Projects/Neu")
  await client.mailboxDelete("Projects/Neu")
  await client.logout()
})

test("imapflow sees in IDLE what another connection does", async (t) => {
  const [watcher, other] = [await connect(t, "ben"), await connect(t, "ben")]
  await watcher.mailboxOpen("INBOX")
  const arrived = new Promise<number>((resolve) => {
    watcher.once("exists", ({ count }: { count: number }) => resolve(count))
  })
  const idling = watcher.idle()
  await other.append("INBOX", "Subject: new\r\n\r\nnew\r\n")
  assert.equal(await arrived, 1)
  await watcher.noop()
  await idling
  await Promise.all([watcher.logout(), other.logout()])
})

test("imapflow with QRESYNC is told of flags and of what is gone, and asks for changes only", async (t) => {
  const [watcher, other] = [await connect(t, "carol", { qresync: true }), await connect(t, "carol")]
  for (const n of [1, 2, 3, 4]) await other.append("INBOX", `Subject: letter ${n}\r\n\r\nbody ${n}\r\n`)
  const box = await watcher.mailboxOpen("INBOX")
  const known = box.highestModseq ?? assert.fail("no HIGHESTMODSEQ")
  const told: string[] = []
  // Of \Deleted it is told or not, as it happens to come before the expunge.
  watcher.on("flags", ({ uid, flags }) => {
    if (!flags.has("\\Deleted")) told.push(`flags ${uid} ${[...flags].join(" ")}`)
  })
  watcher.on("expunge", ({ uid, vanished }) => told.push(`${vanished ? "vanished" : "expunged"} ${uid}`))
  const idling = watcher.idle()
  await other.mailboxOpen("INBOX")
  await other.messageFlagsAdd("1", ["\\Flagged", "$Work"], { uid: true })
  await other.messageDelete("2:3", { uid: true })
  await until("the watcher is told", () => told.length === 3)
  await watcher.noop()
  await idling
  assert.deepEqual(told, ["flags 1 \\Flagged $Work", "vanished 2", "vanished 3"])
  const changed = await watcher.fetchAll("1:*", { flags: true, uid: true }, { changedSince: known })
  assert.deepEqual(
    changed.map(({ uid }) => uid),
    [1],
  )
  assert.deepEqual(await watcher.search({ keyword: "$Work" }, { uid: true }), [1])
  assert.deepEqual(await watcher.search({ or: [{ subject: "letter 4" }, { larger: 100_000 }] }, { uid: true }), [4])
  await watcher.getQuota("INBOX")
  await Promise.all([watcher.logout(), other.logout()])
})

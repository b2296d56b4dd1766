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
import { test } from "node:test"
import { Queue } from "../../spool/queue.ts"
import { UlidSource } from "../../spool/ulid.ts"
import { fault, folder, mailbox, octets, put, read, reason } from "./queue-folder.ts"

// A spool user who puts other things than messages into the directories that he shares with the worker

/** Ways to put something at `path` that is no message, `victim` being a file of the daemon's. */
const strangers: Record<string, (path: string, victim: string) => void> = {
  "a link to a file": (path, victim) => symlinkSync(victim, path),
  "a link to nothing": (path) => symlinkSync("/nowhere/at/all", path),
  "a link to a device": (path) => symlinkSync("/dev/zero", path),
  "a second name of a file": (path, victim) => linkSync(victim, path),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
  "a directory": (path) => mkdirSync(path),
}

for (const [what, place] of Object.entries(strangers)) {
  test(`${what} is no message: not read, quarantined as it is`, async (t) => {
    const root = folder(t)
    const queue = new Queue(root)
    const good = await put(queue)
    const victim = join(root, "daemon-file")
    writeFileSync(victim, "secret of the daemon")
    const id = new UlidSource().next()
    place(join(root, mailbox, "new", id), victim)
    await assert.rejects(queue.open(mailbox, id), fault("not-a-file"))
    const before = lstatSync(join(root, mailbox, "new", id))
    await queue.quarantine(mailbox, id, "not-a-file")
    assert.equal(lstatSync(join(root, mailbox, "quarantine", id)).ino, before.ino)
    assert.deepEqual(await queue.list(mailbox), [good])
    assert.equal(readFileSync(victim, "utf8"), "secret of the daemon")
  })

  test(`${what} in the place of a reason is not written to`, async (t) => {
    const root = folder(t)
    const queue = new Queue(root)
    const id = await put(queue)
    const victim = join(root, "daemon-file")
    writeFileSync(victim, "secret of the daemon")
    const why = join(root, mailbox, "quarantine", `${id}.why`)
    place(why, victim)
    if (what === "a directory") {
      await assert.rejects(queue.quarantine(mailbox, id, "altered"), fault("fault"))
      assert.deepEqual(await queue.list(mailbox), [id], "it stays where it is")
    } else {
      await queue.quarantine(mailbox, id, "altered")
      assert.equal(reason(root, id), "altered\n")
      assert.ok(lstatSync(why).isFile())
    }
    assert.equal(
      readdirSync(join(root, mailbox, "quarantine")).filter((name) => /\.[0-9a-f]{12}$/.test(name)).length,
      0,
    )
    assert.equal(readFileSync(victim, "utf8"), "secret of the daemon")
  })
}

test("20 FIFOs opened at once leave threads for other files", async (t) => {
  const root = folder(t)
  const queue = new Queue(root)
  const good = await put(queue)
  const ids = Array.from({ length: 20 }, () => good.slice(0, 20)).map(
    (start, at) => start + String(at).padStart(6, "0"),
  )
  for (const id of ids) execFileSync("mkfifo", [join(root, mailbox, "new", id)])
  await Promise.all(ids.map((id) => assert.rejects(queue.open(mailbox, id), fault("not-a-file"))))
  assert.deepEqual(await read(queue, good), octets)
})

for (const name of ["", "new", "quarantine"]) {
  test(`a link in the place of ${mailbox}/${name} is refused, and other mailboxes are served`, async (t) => {
    const root = folder(t)
    const queue = new Queue(root)
    const id = await put(queue)
    const elsewhere = join(root, "elsewhere")
    renameSync(join(root, mailbox, name), elsewhere)
    symlinkSync(elsewhere, join(root, mailbox, name).replace(/\/$/, ""))
    await assert.rejects(queue.quarantine(mailbox, id, "why"), fault("not-a-directory"))
    if (name !== "quarantine") {
      await assert.rejects(queue.list(mailbox), fault("not-a-directory"))
      await assert.rejects(queue.open(mailbox, id), fault("not-a-directory"))
      await assert.rejects(queue.remove(mailbox, id), fault("not-a-directory"))
      assert.deepEqual(await queue.summary(), [])
    } else {
      assert.deepEqual(await queue.list(mailbox), [id])
      assert.equal((await queue.summary())[0]?.messages, 1)
    }
    const other = "z".repeat(26)
    const incoming = await queue.incoming(other)
    await incoming.commit()
    assert.deepEqual(await queue.list(other), [incoming.id])
    assert.deepEqual(
      (await queue.summary()).map((line) => line.mailbox).filter((each) => each === other),
      [other],
    )
  })
}

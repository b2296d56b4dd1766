import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"
import { Queue } from "../../spool/queue.ts"
import { diskFiles, type QueueFile, type QueueFiles, SpoolError } from "../../spool/queue-files.ts"
import { isUlid, timeOf, UlidSource } from "../../spool/ulid.ts"

const mailbox = "abcdefghijklmnopqrstuvwxyz"
const octets = Buffer.from("sealed octets")

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "mailkeep-queue-"))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function put(queue: Queue, content: Uint8Array = octets): Promise<string> {
  const incoming = await queue.incoming(mailbox)
  await incoming.write(content)
  await incoming.commit()
  return incoming.id
}

async function read(queue: Queue, id: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await queue.open(mailbox, id)).bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Files in the three places. */
function state(root: string): { tmp: number; new: number; quarantine: number } {
  const count = (name: string) => {
    try {
      return readdirSync(join(root, mailbox, name)).length
    } catch {
      return 0
    }
  }
  return { tmp: count("tmp"), new: count("new"), quarantine: count("quarantine") }
}

function fault(expected: string) {
  return (error: unknown) => error instanceof SpoolError && error.fault === expected
}

test("a message passes S1 … S5 and back to S1", async (t) => {
  const root = folder(t)
  const queue = new Queue(root)
  const incoming = await queue.incoming(mailbox)
  assert.deepEqual(state(root), { tmp: 1, new: 0, quarantine: 0 }) // S2
  await incoming.write(octets.subarray(0, 3))
  await incoming.write(octets.subarray(3))
  assert.deepEqual(await queue.list(mailbox), [])
  await incoming.commit()
  assert.deepEqual(state(root), { tmp: 0, new: 1, quarantine: 0 }) // S5
  assert.deepEqual(await queue.list(mailbox), [incoming.id])
  assert.deepEqual(await read(queue, incoming.id), octets)
  const { size, close } = await queue.open(mailbox, incoming.id)
  assert.equal(size, octets.length)
  await close()
  await queue.remove(mailbox, incoming.id)
  await queue.remove(mailbox, [incoming.id])
  assert.deepEqual(state(root), { tmp: 0, new: 0, quarantine: 0 }) // S1
  await assert.rejects(queue.open(mailbox, incoming.id), fault("no-such-file"))
})

test("an aborted message leaves nothing", async (t) => {
  const root = folder(t)
  const incoming = await new Queue(root).incoming(mailbox)
  await incoming.write(octets)
  await incoming.abort()
  assert.deepEqual(state(root), { tmp: 0, new: 0, quarantine: 0 })
})

test("files are listed oldest first, and nothing else is", async (t) => {
  const root = folder(t)
  const queue = new Queue(root)
  assert.deepEqual(await queue.list(mailbox), [])
  const ids: string[] = []
  for (let count = 0; count < 20; count += 1) ids.push(await put(queue))
  writeFileSync(join(root, mailbox, "new", "..notes"), "not ours")
  assert.deepEqual(await queue.list(mailbox), ids)
})

test("40 messages at once are all there", async (t) => {
  const queue = new Queue(folder(t))
  const ids = await Promise.all(Array.from({ length: 40 }, (_, at) => put(queue, Buffer.from(`message ${at}`))))
  assert.deepEqual(await queue.list(mailbox), [...ids].sort())
  for (const [at, id] of ids.entries()) assert.equal((await read(queue, id)).toString(), `message ${at}`)
})

test("a large file is read in pieces and can be left early", async (t) => {
  const queue = new Queue(folder(t))
  const large = Buffer.alloc(1_000_000, "x")
  const id = await put(queue, large)
  assert.deepEqual(await read(queue, id), large)
  const { bytes, close } = await queue.open(mailbox, id)
  for await (const chunk of bytes) {
    assert.ok(chunk.length < large.length)
    break
  }
  await close()
})

test("quarantine keeps the file and the reason, and the summary counts both kinds", async (t) => {
  const root = folder(t)
  const queue = new Queue(root)
  const [bad, good] = [await put(queue), await put(queue)]
  await queue.quarantine(mailbox, bad, "altered: a chunk\r\nis not authentic")
  assert.deepEqual(await queue.list(mailbox), [good])
  assert.deepEqual(await queue.quarantined(mailbox), [bad])
  assert.equal(await queue.reason(mailbox, bad), "altered: a chunk is not authentic")
  assert.equal(await queue.reason(mailbox, good), null)
  assert.deepEqual(await queue.summary(), [
    {
      mailbox,
      messages: 1,
      bytes: octets.length,
      oldest: timeOf(good),
      quarantined: 1,
      quarantinedBytes: octets.length,
    },
  ])
  await queue.drop(mailbox)
  assert.deepEqual(await queue.summary(), [])
})

test("no name from outside becomes a path", async (t) => {
  const queue = new Queue(folder(t))
  for (const name of ["", "..", "../../etc", `${mailbox}/x`, mailbox.toUpperCase()]) {
    await assert.rejects(queue.incoming(name), fault("bad-name"), name)
    await assert.rejects(queue.list(name), fault("bad-name"), name)
    await assert.rejects(queue.drop(name), fault("bad-name"), name)
  }
  for (const id of ["", "..", "../tmp/x", "01ARZ3NDEKTSV4RRFFQ69G5FAV/"]) {
    await assert.rejects(queue.open(mailbox, id), fault("bad-name"), id)
    await assert.rejects(queue.remove(mailbox, id), fault("bad-name"), id)
    await assert.rejects(queue.quarantine(mailbox, id, ""), fault("bad-name"), id)
  }
})

test("directories are for the group too, with setgid; nothing is for others", async (t) => {
  const root = folder(t)
  const queue = new Queue(join(root, "spool"))
  await queue.prepare()
  const id = await put(queue)
  for (const path of ["", mailbox, `${mailbox}/tmp`, `${mailbox}/new`, `${mailbox}/quarantine`]) {
    assert.equal(statSync(join(root, "spool", path)).mode & 0o7777, 0o2770, path)
  }
  assert.equal(statSync(join(root, "spool", mailbox, "new", id)).mode & 0o007 & ~0o004, 0)
})

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

  test(`${what} in the place of a reason is neither written to nor read`, async (t) => {
    const root = folder(t)
    const queue = new Queue(root)
    const id = await put(queue)
    const victim = join(root, "daemon-file")
    writeFileSync(victim, "secret of the daemon")
    const why = join(root, mailbox, "quarantine", `${id}.why`)
    place(why, victim)
    assert.equal(await queue.reason(mailbox, id), null)
    if (what === "a directory") {
      await assert.rejects(queue.quarantine(mailbox, id, "altered"), fault("fault"))
      assert.deepEqual(await queue.list(mailbox), [id], "it stays where it is")
    } else {
      await queue.quarantine(mailbox, id, "altered")
      assert.equal(await queue.reason(mailbox, id), "altered")
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
    await assert.rejects(
      queue.quarantined(mailbox).then(() => queue.list(mailbox)),
      fault("not-a-directory"),
    )
    if (name !== "quarantine") {
      await assert.rejects(queue.open(mailbox, id), fault("not-a-directory"))
      await assert.rejects(queue.remove(mailbox, id), fault("not-a-directory"))
      assert.deepEqual(await queue.summary(), [])
    } else {
      await assert.rejects(queue.reason(mailbox, id), fault("not-a-directory"))
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

test("a file that grows while it is read is not read further", async (t) => {
  const root = folder(t)
  const queue = new Queue(root)
  const id = await put(queue)
  const { bytes } = await queue.open(mailbox, id)
  writeFileSync(join(root, mailbox, "new", id), "and more", { flag: "a" })
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  assert.deepEqual(Buffer.concat(chunks), octets)
})

// Crashes

class Crash extends Error {}

/** A disk that does `steps` operations and then is gone: nothing afterwards happens, no clean-up either. */
function crashingAfter(t: TestContext, steps: number): { files: QueueFiles; done: () => string[] } {
  const log: string[] = []
  const opened: QueueFile[] = []
  t.after(() => Promise.all(opened.map((file) => file.close())))
  const step = <A extends unknown[], R>(name: string, work: (...given: A) => Promise<R>) => {
    return async (...given: A): Promise<R> => {
      if (log.length >= steps) throw new Crash(name)
      log.push(name)
      return await work(...given)
    }
  }
  const wrapped = (file: QueueFile, name: string): QueueFile => ({
    write: step(`write ${name}`, file.write),
    read: step(`read ${name}`, file.read),
    stat: file.stat,
    sync: step(`fsync ${name}`, file.sync),
    close: file.close,
  })
  const shortName = (path: string) =>
    path
      .split("/")
      .slice(-2)
      .join("/")
      .replace(/[0-9A-HJKMNP-TV-Z]{26}/, "ID")
      .replace(/\.\d+-\w+$/, ".run")
  const files: QueueFiles = {
    open: step("open", async (path, flags, mode) => {
      const file = await diskFiles.open(path, flags, mode)
      opened.push(file)
      return wrapped(file, shortName(path))
    }),
    rename: step("rename", diskFiles.rename),
    unlink: step("unlink", diskFiles.unlink),
    makeDirectory: step("mkdir", diskFiles.makeDirectory),
    list: step("list", diskFiles.list),
    stat: step("stat", diskFiles.stat),
    remove: step("remove", diskFiles.remove),
  }
  return { files, done: () => log }
}

test("a crash after each step: what got its 250 is there, of the rest the sweep leaves nothing", async (t) => {
  let steps = 0
  for (; ; steps += 1) {
    const root = folder(t)
    const { files, done } = crashingAfter(t, steps)
    let replied = false
    try {
      await put(new Queue(root, files))
      replied = true
    } catch (error) {
      assert.ok(error instanceof SpoolError && error.cause instanceof Crash, String(error))
    }
    const after = new Queue(root)
    const swept = await after.sweep()
    const ids = await after.list(mailbox)
    assert.equal(state(root).tmp, 0, `S2 or S3 is left after ${done().join(", ")}`)
    for (const id of ids) assert.deepEqual(await read(after, id), octets, "what is in new/ is whole")
    if (replied) assert.equal(ids.length, 1)
    else assert.ok(swept + ids.length <= 1)
    if (replied) {
      // The order that the promise rests on.
      const order = done().filter((name) => /^(write|rename|fsync)/.test(name))
      assert.deepEqual(order.slice(-4), ["write tmp/ID.run", "fsync tmp/ID.run", "rename", `fsync ${mailbox}/new`])
      assert.ok(
        order.includes(`fsync ${root.split("/").at(-2)}/${root.split("/").at(-1)}`),
        "the mailbox's own name is durable",
      )
      break
    }
  }
  assert.ok(steps > 10)
})

test("a crash at each step of remove and of quarantine loses nothing", async (t) => {
  for (let steps = 0; steps < 24; steps += 1) {
    const root = folder(t)
    const queue = new Queue(root)
    const id = await put(queue)
    const { files } = crashingAfter(t, steps)
    await new Queue(root, files)
      .quarantine(mailbox, id, "why")
      .catch((error: unknown) => assert.ok(error instanceof SpoolError))
    assert.equal((await queue.list(mailbox)).length + (await queue.quarantined(mailbox)).length, 1)
    const second = await put(queue)
    await new Queue(root, crashingAfter(t, steps).files)
      .remove(mailbox, second)
      .catch((error: unknown) => assert.ok(error instanceof SpoolError))
    await queue.remove(mailbox, second)
    assert.equal((await queue.list(mailbox)).includes(second), false)
  }
})

test("the sweep leaves what a living process writes, and takes all that is older than 36 hours", async (t) => {
  const root = folder(t)
  const queue = new Queue(root)
  const writing = await queue.incoming(mailbox)
  const tmp = join(root, mailbox, "tmp")
  const id = new UlidSource().next()
  const gone = spawn("true")
  await new Promise((resolve) => gone.once("exit", resolve))
  writeFileSync(join(tmp, `${id}.${gone.pid}-0123456789ab`), "of a dead process")
  writeFileSync(join(tmp, `${id}.${process.pid}-0123456789ab`), "of an earlier process with our number")
  writeFileSync(join(tmp, `${id}.1-0123456789ab`), "of a process that runs")
  writeFileSync(join(tmp, "something"), "of nobody")
  assert.equal(await queue.sweep(), 2)
  assert.equal(readdirSync(tmp).length, 3)
  assert.equal(await queue.sweep(Date.now() + 37 * 3_600_000), 2)
  await writing.commit()
  assert.deepEqual(state(root), { tmp: 0, new: 1, quarantine: 0 })
})

test("SIGKILL of a writing process: what it was told is durable is there, the rest is swept", async (t) => {
  const root = folder(t)
  const writer = fileURLToPath(new URL("./queue-writer.ts", import.meta.url))
  for (let round = 0; round < 3; round += 1) {
    const child = spawn(process.execPath, ["--import", "tsx", writer, root, mailbox], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    let told = ""
    child.stdout.on("data", (chunk: Buffer) => {
      told += chunk.toString()
      if (told.length > 27 * 20 * (round + 1)) child.kill("SIGKILL")
    })
    await new Promise((resolve) => child.once("close", resolve))
    const ids = told.split("\n").slice(0, -1)
    const queue = new Queue(root)
    await queue.sweep()
    const there = new Set(await queue.list(mailbox))
    assert.ok(ids.length >= 20)
    for (const id of ids) assert.ok(there.has(id), `${id} was told to be durable`)
    for (const id of there) assert.equal((await read(queue, id)).toString(), `content of ${id}`.padEnd(9000, "."))
    assert.equal(state(root).tmp, 0)
  }
})

// Faults

function failing(code: string, at: "write" | "fsync" | "rename" | "fsync new" | "open"): QueueFiles {
  const refuse = () => Promise.reject(Object.assign(new Error(code), { code }))
  return {
    ...diskFiles,
    open: async (path, flags, mode) => {
      if (at === "open" && flags === "wx") return await refuse()
      const file = await diskFiles.open(path, flags, mode)
      const isNew = path.endsWith("/new")
      return {
        ...file,
        write: at === "write" ? refuse : file.write,
        sync: (at === "fsync" && flags === "wx") || (at === "fsync new" && isNew) ? refuse : file.sync,
      }
    },
    rename: at === "rename" ? refuse : diskFiles.rename,
  }
}

for (const at of ["open", "write", "fsync", "rename", "fsync new"] as const) {
  for (const [code, expected] of [
    ["ENOSPC", "disk-full"],
    ["EDQUOT", "disk-full"],
    ["EIO", "fault"],
  ] as const) {
    test(`${code} at ${at}: ${expected}, and nothing is left`, async (t) => {
      const root = folder(t)
      const queue = new Queue(root, failing(code, at))
      await assert.rejects(async () => {
        const incoming = await queue.incoming(mailbox)
        try {
          await incoming.write(octets)
          await incoming.commit()
        } catch (error) {
          await incoming.abort()
          throw error
        }
      }, fault(expected))
      assert.deepEqual(state(root), { tmp: 0, new: 0, quarantine: 0 })
    })
  }
}

const canMount = process.getuid?.() === 0 && process.platform === "linux"
test("a disk that is really full", { skip: canMount ? false : "mounting a small disk needs root" }, async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "mailkeep-disk-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], { stdio: "pipe" })
  } catch (error) {
    rmSync(disk, { recursive: true })
    t.skip(`no mount here: ${error instanceof Error ? error.message : error}`)
    return
  }
  t.after(() => {
    execFileSync("umount", [disk])
    rmSync(disk, { recursive: true })
  })
  const queue = new Queue(disk)
  const kept = await put(queue, Buffer.alloc(100_000))
  const incoming = await queue.incoming(mailbox)
  await assert.rejects(incoming.write(Buffer.alloc(500_000)), fault("disk-full"))
  await incoming.abort()
  assert.deepEqual(state(disk), { tmp: 0, new: 1, quarantine: 0 })
  assert.equal((await read(queue, kept)).length, 100_000)
  await put(queue, Buffer.alloc(100_000))
})

// Names

test("ULIDs ascend, also within a millisecond and when the clock goes back", () => {
  let now = 1_700_000_000_000
  const source = new UlidSource(() => now)
  const ids: string[] = []
  for (const step of [0, 0, 1, -5000, 0, 5001, 0]) {
    now += step
    ids.push(source.next())
  }
  assert.deepEqual([...ids].sort(), ids)
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(ids.every(isUlid))
  assert.equal(timeOf(ids[0] ?? ""), 1_700_000_000_000)
})

test("a ULID of a known moment", () => {
  assert.equal(new UlidSource(() => 1_469_918_176_385).next().slice(0, 10), "01ARYZ6S41")
  for (const text of [
    "",
    "01ARYZ6S41",
    "81ARYZ6S41TSV4RRFFQ69G5FAV",
    "01ARYZ6S41TSV4RRFFQ69G5FAU",
    "01aryz6s41tsv4rrffq69g5fav",
  ]) {
    assert.equal(isUlid(text), false, text)
  }
})

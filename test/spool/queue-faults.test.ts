import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"
import { Queue } from "../../spool/queue.ts"
import { diskFiles, type QueueFile, type QueueFiles, SpoolError } from "../../spool/queue-files.ts"
import { UlidSource } from "../../spool/ulid.ts"
import { fault, folder, mailbox, octets, put, quarantined, read, state } from "./queue-folder.ts"

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

test("directories that could not be made are made for the next message", async (t) => {
  let full = true
  const makeDirectory: QueueFiles["makeDirectory"] = (path) => {
    if (full) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }))
    return diskFiles.makeDirectory(path)
  }
  const queue = new Queue(folder(t), { ...diskFiles, makeDirectory })
  await assert.rejects(put(queue), fault("disk-full"))
  full = false
  const id = await put(queue)
  assert.deepEqual(await queue.list(mailbox), [id])
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
    assert.equal((await queue.list(mailbox)).length + quarantined(root).length, 1)
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

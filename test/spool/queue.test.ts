import assert from "node:assert/strict"
import { statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { Queue } from "../../spool/queue.ts"
import { diskFiles, type QueueFiles } from "../../spool/queue-files.ts"
import { timeOf } from "../../spool/ulid.ts"
import { fault, folder, mailbox, octets, put, quarantined, read, reason, state } from "./queue-folder.ts"

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

test("what waits is counted again when something came or went, and only then", async (t) => {
  const root = folder(t)
  let looked = 0
  const stat: typeof diskFiles.stat = (path) => {
    looked += 1
    return diskFiles.stat(path)
  }
  const queue = new Queue(root, { ...diskFiles, stat })
  assert.deepEqual(await queue.waiting(mailbox), { messages: 0, bytes: 0 })
  const first = await put(queue)
  await put(queue)
  assert.deepEqual(await queue.waiting(mailbox), { messages: 2, bytes: 2 * octets.length })
  // Two changes in one tick of the clock look like one, so a change of this moment is not trusted.
  await put(queue)
  assert.deepEqual(await queue.waiting(mailbox), { messages: 3, bytes: 3 * octets.length })
  utimesSync(join(root, mailbox, "new"), 1, 1)
  assert.deepEqual(await queue.waiting(mailbox), { messages: 3, bytes: 3 * octets.length })
  looked = 0
  assert.deepEqual(await queue.waiting(mailbox), { messages: 3, bytes: 3 * octets.length })
  assert.equal(looked, 1, "the directory only")
  await queue.remove(mailbox, first)
  assert.deepEqual(await queue.waiting(mailbox), { messages: 2, bytes: 2 * octets.length })
})

test("one count runs at a time, all who ask meanwhile share the next, and only what is new is looked at", async (t) => {
  const counted = { lists: 0, looks: 0, now: 0, most: 0 }
  const files: QueueFiles = {
    ...diskFiles,
    list: (path) => {
      counted.lists += 1
      return diskFiles.list(path)
    },
    stat: async (path) => {
      counted.looks += 1
      counted.now += 1
      counted.most = Math.max(counted.most, counted.now)
      const facts = await diskFiles.stat(path)
      counted.now -= 1
      return facts
    },
  }
  const queue = new Queue(folder(t), files)
  const ids: string[] = []
  for (let count = 0; count < 40; count += 1) ids.push(await put(queue))
  const all = (messages: number) => ({ messages, bytes: messages * octets.length })
  const ask = async (times: number) => {
    Object.assign(counted, { lists: 0, looks: 0, most: 0 })
    return await Promise.all(Array.from({ length: times }, () => queue.waiting(mailbox)))
  }
  assert.deepEqual(await ask(50), Array(50).fill(all(40)))
  // Of each count: the directory, and that it and its parent are no links.
  assert.deepEqual([counted.lists, counted.looks, counted.most], [2, 2 * 3 + 40, 16])
  await queue.remove(mailbox, ids.slice(0, 10))
  await put(queue)
  assert.deepEqual(await ask(1), [all(31)])
  assert.deepEqual([counted.lists, counted.looks], [1, 3 + 1])
  assert.deepEqual(await new Queue(folder(t), files).waiting(mailbox), all(0))
})

test("who asks while files are counted hears of what was there when he asked", async (t) => {
  let arrive: () => Promise<unknown> = async () => undefined
  const list = async (path: string) => {
    const names = await diskFiles.list(path)
    await arrive()
    return names
  }
  const queue = new Queue(folder(t), { ...diskFiles, list })
  await put(queue)
  const later: Promise<{ messages: number }>[] = []
  arrive = async () => {
    arrive = async () => undefined
    await put(queue)
    later.push(queue.waiting(mailbox), queue.waiting(mailbox))
  }
  assert.equal((await queue.waiting(mailbox)).messages, 1)
  for (const answer of await Promise.all(later)) assert.equal(answer.messages, 2)
  assert.equal(later.length, 2)
})

test("a count that failed is told to who asked for it, and not remembered", async (t) => {
  let failing = 1
  const list = (path: string) => (failing-- > 0 ? Promise.reject(new Error("EIO")) : diskFiles.list(path))
  const queue = new Queue(folder(t), { ...diskFiles, list })
  await put(queue)
  const [first, second] = await Promise.allSettled([queue.waiting(mailbox), queue.waiting(mailbox)])
  assert.equal(first.status, "rejected")
  assert.deepEqual(second, { status: "fulfilled", value: { messages: 1, bytes: octets.length } })
  await assert.rejects(queue.waiting("../x"), /bad-name/)
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
  assert.deepEqual(quarantined(root), [bad])
  assert.equal(reason(root, bad), "altered: a chunk is not authentic\n")
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

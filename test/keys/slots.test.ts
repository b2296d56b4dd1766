import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test from "node:test"
import { inspect } from "node:util"
import { decoySaltFor, deriveSlotSecret, saltFor } from "../../daemon/keys/kdf.ts"
import { databaseKey, newRootKey, spoolSecret } from "../../daemon/keys/root.ts"
import { randomSecret, sameSecret } from "../../daemon/keys/secret.ts"
import { DamagedSlot, openSlot, SlotFileError, SlotFiles, sealSlot } from "../../daemon/keys/slots.ts"

const floor = { algorithm: "argon2id13", time: 2, memoryKib: 19_456, parallelism: 1 } as const
const mailbox = "abcdefghijklmnopqrstuvwxyz"
const bootSecret = Buffer.alloc(32, 7)
const derive = (password: string, salt = saltFor(bootSecret, "alice")) =>
  deriveSlotSecret(Buffer.from(password), salt, floor)

test("one derivation gives the place of the slot and its key", async () => {
  const root = newRootKey()
  const secret = await derive("correct horse")
  const opened = openSlot(secret, sealSlot(secret, root, mailbox, floor))
  assert.ok(sameSecret(opened.root, root))
  assert.equal(opened.mailbox, mailbox)
  assert.deepEqual(opened.parameters, floor)
})

test("slot ids differ by password, user and boot secret, and the decoy is nobody's", async () => {
  const ids = await Promise.all([
    derive("correct horse"),
    derive("correct horsf"),
    derive("correct horse", saltFor(bootSecret, "bob")),
    derive("correct horse", saltFor(Buffer.alloc(32, 8), "alice")),
    derive("correct horse", decoySaltFor(bootSecret, "alice")),
  ])
  assert.equal(new Set(ids.map(({ id }) => id.toString("hex"))).size, ids.length)
  assert.deepEqual((await derive("correct horse")).id, ids[0]?.id)
})

test("a slot with any octet changed is damaged, never opened", () => {
  const secret = { id: randomSecret(32), key: randomSecret(32) }
  const record = sealSlot(secret, newRootKey(), mailbox, floor)
  assert.equal(record.length, 147)
  for (let at = 0; at < record.length; at++) {
    const altered = Buffer.from(record)
    altered[at] = (altered[at] ?? 0) ^ 1
    assert.throws(() => openSlot(secret, altered), DamagedSlot, `octet ${at}`)
  }
  for (const length of [0, 4, 146]) assert.throws(() => openSlot(secret, record.subarray(0, length)), DamagedSlot)
})

test("a slot filed under another id is damaged: records cannot be swapped", () => {
  const key = randomSecret(32)
  const record = sealSlot({ id: randomSecret(32), key }, newRootKey(), mailbox, floor)
  assert.throws(() => openSlot({ id: randomSecret(32), key }, record), /another id/)
})

test("slot files: private, replaced whole, nothing left beside them", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "slots-"))
  t.after(() => rmSync(folder, { recursive: true }))
  const files = new SlotFiles(folder)
  const id = randomSecret(32)
  assert.equal(files.read(id), null)
  files.write(id, Buffer.from("one"))
  files.write(id, Buffer.from("two"))
  assert.equal(files.read(id)?.toString(), "two")
  assert.deepEqual(readdirSync(folder), [id.toString("hex")])
  assert.equal(statSync(join(folder, id.toString("hex"))).mode & 0o777, 0o600)
  files.remove(id)
  files.remove(id)
  assert.equal(files.read(id), null)
})

test("each use of the root key has a key of its own", () => {
  const root = newRootKey()
  const keys = [databaseKey(root), spoolSecret(root, 0), spoolSecret(root, 1)].map((key) => key.toString("hex"))
  assert.equal(new Set(keys).size, 3)
  assert.equal(databaseKey(root).toString("hex"), keys[0])
})

test("an error of the disk does not tell the slot id", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "slots-"))
  t.after(() => rmSync(folder, { recursive: true }))
  const files = new SlotFiles(folder)
  const id = randomSecret(32)
  mkdirSync(join(folder, id.toString("hex")))
  for (const [work, code] of [
    [() => files.read(id), "EISDIR"],
    [() => files.write(id, Buffer.from("one")), "EISDIR"],
    [() => files.remove(id), "ERR_FS_EISDIR"],
  ] as const)
    assert.throws(work, (error) => {
      assert.ok(error instanceof SlotFileError)
      assert.equal(error.code, code)
      assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(id.toString("hex").slice(0, 16)))
      return true
    })
})

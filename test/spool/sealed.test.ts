import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption"
import fc from "fast-check"
import { identityFromSecret } from "../../daemon/keys/sealing.ts"
import { type Envelope, open, SealedError, Sealer, seal } from "../../spool/sealed.ts"

const alice = identityFromSecret(Buffer.alloc(32, 1))
const bob = identityFromSecret(Buffer.alloc(32, 2))
const envelope: Envelope = {
  version: 1,
  sender: "sender@example.net",
  recipient: "älice+detail@example.org",
  arrivedAt: 1_700_000_000_123,
  client: null,
  helo: "mx",
  eightBit: true,
  utf8: true,
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function sealOf(message: Uint8Array, to = [alice.recipient], size = 65_536): Promise<Buffer> {
  return gather(seal(to, envelope, pieces(message, size)))
}

async function openAll(sealed: Uint8Array, identity = alice, size = 65_536) {
  const opened = await open([identity], pieces(sealed, size))
  return { envelope: opened.envelope, message: await gather(opened.message) }
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    assert.ok(error instanceof SealedError, String(error))
    return error.fault
  }
  return "no error"
}

test("the envelope comes back, and the message to the octet", async () => {
  const message = Buffer.from("From me\r\nto\nyou\rwith \0 and \xff, .\r\n.\r\n", "latin1")
  assert.deepEqual(await openAll(await sealOf(message)), { envelope, message })
})

for (const size of [0, 1, 65_535 - 200, 65_536, 65_537, 131_072 - 172, 200_000]) {
  test(`a message of ${size} octets`, async () => {
    const message = randomBytes(size)
    assert.deepEqual((await openAll(await sealOf(message, undefined, 7919), alice, 4001)).message, message)
  })
}

test("every length around the end of a chunk", async () => {
  for (let size = 65_536 - 260; size < 65_536 - 130; size += 1) {
    const message = Buffer.alloc(size, size)
    assert.deepEqual((await openAll(await sealOf(message))).message, message)
  }
})

test("any octets in any pieces", async () => {
  const piece = fc.integer({ min: 1, max: 90_000 })
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(400),
      piece,
      piece,
      async (unit, times, sealSize, openSize) => {
        const message = Buffer.concat(Array.from({ length: times }, () => unit))
        const sealed = await sealOf(message, [alice.recipient], sealSize)
        assert.deepEqual((await openAll(sealed, alice, openSize)).message, message)
      },
    ),
    { numRuns: 60 },
  )
})

test("one octet at a time, both ways", async () => {
  const message = randomBytes(3000)
  assert.deepEqual((await openAll(await sealOf(message, undefined, 1), alice, 1)).message, message)
})

test("each of several recipients opens it, nobody else does", async () => {
  const sealed = await sealOf(Buffer.from("both"), [alice.recipient, bob.recipient])
  assert.equal((await openAll(sealed, alice)).message.toString(), "both")
  assert.equal((await openAll(sealed, bob)).message.toString(), "both")
  assert.equal(await faultOf(openAll(sealed, identityFromSecret(Buffer.alloc(32, 3)))), "wrong-key")
})

test("nothing of the message is in the sealed file", async () => {
  const sealed = await sealOf(Buffer.from("Subject: a very particular word\r\n".repeat(4000)))
  for (const word of ["particular", "Subject", "sender@example", "example.org", "MKSP"])
    assert.equal(sealed.indexOf(word), -1)
})

test("a file cut at any place is an error, never a shorter message", async () => {
  const sealed = await sealOf(Buffer.from("Subject: short\r\n\r\nbody\r\n"))
  for (let length = 0; length < sealed.length; length += 1) {
    assert.notEqual(await faultOf(openAll(sealed.subarray(0, length))), "no error", `cut to ${length}`)
  }
})

test("a file with any octet changed, or with octets added, is an error", async () => {
  const sealed = await sealOf(Buffer.from("Subject: short\r\n\r\nbody\r\n"))
  for (let at = 0; at < sealed.length; at += 1) {
    for (const flip of [0x01, 0x80]) {
      const altered = Buffer.from(sealed)
      altered.writeUInt8(altered.readUInt8(at) ^ flip, at)
      assert.notEqual(await faultOf(openAll(altered)), "no error", `octet ${at}`)
    }
  }
  assert.equal(await faultOf(openAll(Buffer.concat([sealed, Buffer.from([0])]))), "altered")
})

test("a large file cut between two chunks gives its beginning, then says that it is truncated", async () => {
  const sealed = await sealOf(randomBytes(200_000))
  const { message } = await open([alice], pieces(sealed.subarray(0, sealed.length - (sealed.length % 65_552)), 65_536))
  const seen: number[] = []
  const fault = await faultOf(
    (async () => {
      for await (const chunk of message) seen.push(chunk.length)
    })(),
  )
  assert.match(fault, /truncated|altered/)
  const [head] = await splitChunks(sealed, 2)
  assert.equal(await faultOf(openAll(head)), "truncated")
})

/** Header and nonce with the first chunks, and the rest. */
async function splitChunks(sealed: Buffer, chunks: number): Promise<[Buffer, Buffer]> {
  const start = sealed.indexOf("\n", sealed.indexOf("\n---") + 1) + 1 + 16
  const at = start + chunks * 65_552
  return [sealed.subarray(0, at), sealed.subarray(at)]
}

test("chunks in another order are an error", async () => {
  const sealed = await sealOf(randomBytes(200_000))
  const [head] = await splitChunks(sealed, 0)
  const [one] = await splitChunks(sealed, 1)
  const [two, rest] = await splitChunks(sealed, 2)
  const swapped = Buffer.concat([head, two.subarray(one.length), one.subarray(head.length), rest])
  assert.equal(await faultOf(openAll(swapped)), "altered")
})

test("what is no sealed file says so", async () => {
  assert.equal(await faultOf(openAll(Buffer.from("Subject: plain mail\r\n"))), "not-sealed")
  assert.equal(await faultOf(openAll(Buffer.from("age-encryption.org/v2\n"))), "not-sealed")
  assert.equal(await faultOf(openAll(Buffer.alloc(0))), "truncated")
  const endless = Buffer.from(`age-encryption.org/v1\n${"-> x y\nAA\n".repeat(20_000)}`)
  assert.equal(await faultOf(openAll(endless)), "not-sealed")
})

test("an age file of somebody else is a bad envelope", async () => {
  for (const plaintext of [
    Buffer.alloc(0),
    Buffer.from("hello"),
    Buffer.from("MKSP\x01\0\0\xff\xff{}"),
    Buffer.from("MKSP\x01\0\0\0\x02{}"),
  ]) {
    const encrypter = new Encrypter()
    encrypter.addRecipient(alice.recipient)
    assert.equal(await faultOf(openAll(await encrypter.encrypt(plaintext))), "bad-envelope")
  }
})

test("age-encryption opens our files, and we open its", async () => {
  const message = randomBytes(150_000)
  const identity = await generateX25519Identity()
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  const plaintext = Buffer.from(await decrypter.decrypt(await sealOf(message, [await identityToRecipient(identity)])))
  assert.equal(plaintext.subarray(0, 4).toString(), "MKSP")
  assert.deepEqual(plaintext.subarray(9 + plaintext.readUInt32BE(5)), message)

  const encrypter = new Encrypter()
  encrypter.addRecipient(alice.recipient)
  encrypter.addRecipient(bob.recipient)
  assert.deepEqual((await openAll(await encrypter.encrypt(plaintext), bob)).message, message)
})

const program = spawnSync("age", ["--version"]).error === undefined
test("the age program opens our files", { skip: program ? false : "no age program here" }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mailkeep-age-"))
  t.after(() => rmSync(folder, { recursive: true }))
  const identity = await generateX25519Identity()
  writeFileSync(join(folder, "identity"), identity, { mode: 0o600 })
  for (const size of [0, 10, 65_536 * 2, 200_000]) {
    const message = randomBytes(size)
    const sealed = await sealOf(message, [alice.recipient, await identityToRecipient(identity)])
    const opened = spawnSync("age", ["-d", "-i", join(folder, "identity")], { input: sealed, maxBuffer: 1e7 })
    assert.equal(opened.stderr.toString(), "")
    assert.deepEqual(opened.stdout.subarray(9 + opened.stdout.readUInt32BE(5)), message)
  }
})

test("leaving the message early closes the file", async () => {
  const sealed = await sealOf(randomBytes(200_000))
  let closed = false
  async function* source() {
    try {
      yield* pieces(sealed, 1000)
    } finally {
      closed = true
    }
  }
  const { message } = await open([alice], source())
  for await (const _chunk of message) break
  assert.equal(closed, true)
})

test("a sealer that has ended takes nothing more", async () => {
  await assert.rejects(Sealer.start([], envelope), TypeError)
  await assert.rejects(Sealer.start(["age1nonsense"], envelope), TypeError)
  const sealer = await Sealer.start([alice.recipient], envelope)
  sealer.finish()
  assert.throws(() => sealer.push(Buffer.from("x")), /complete/)
  assert.throws(() => sealer.finish(), /complete/)
})

test("a failure that says nothing about the file is passed on, not called an altered file", async () => {
  const file = await gather(seal([alice.recipient], envelope, pieces(Buffer.from("text"), 4)))
  const wiped = identityFromSecret(Buffer.alloc(32, 1))
  wiped.wipe()
  const outOfMemory = new RangeError("Array buffer allocation failed")
  const failing = {
    unwrapFileKey: () => {
      throw outOfMemory
    },
  }
  await assert.rejects(open([failing], file), (error) => error === outOfMemory)
  await assert.rejects(open([wiped], file), (error) => error instanceof Error && !(error instanceof SealedError))
})

for (const [what, stanza] of [
  ["a share of low order", `-> X25519 ${"A".repeat(43)}`],
  ["a share that is too short", "-> X25519 AAAA"],
  ["no share", "-> X25519"],
] as const) {
  test(`a stanza with ${what} is an altered file`, async () => {
    const file = Buffer.from(
      `age-encryption.org/v1\n${stanza}\n${"A".repeat(43)}\n--- ${"A".repeat(43)}\n${"n".repeat(40)}`,
    )
    await assert.rejects(open([alice], file), (error) => error instanceof SealedError && error.fault === "altered")
  })
}

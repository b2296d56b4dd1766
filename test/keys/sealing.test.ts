import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { bech32 } from "@scure/base"
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient, Stanza } from "age-encryption"
import fc from "fast-check"
import { identityFromSecret, recipientFromString, recipientString } from "../../daemon/keys/sealing.ts"

const secret = Buffer.alloc(32, 7)
const secretAsString = bech32.encodeFromBytes("age-secret-key-", secret).toUpperCase()
const message = Buffer.from("Subject: hello\r\n\r\nworld\r\n")

test("the recipient of a secret is the one that age-encryption derives", async () => {
  assert.equal(identityFromSecret(secret).recipient, await identityToRecipient(secretAsString))
})

test("what age-encryption sealed, our identity opens", async () => {
  const encrypter = new Encrypter()
  encrypter.addRecipient(identityFromSecret(secret).recipient)
  const decrypter = new Decrypter()
  decrypter.addIdentity(identityFromSecret(secret))
  assert.deepEqual(Buffer.from(await decrypter.decrypt(await encrypter.encrypt(message))), message)
})

test("what our recipient sealed, age-encryption's identity opens", async () => {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipientFromString(identityFromSecret(secret).recipient))
  const decrypter = new Decrypter()
  decrypter.addIdentity(secretAsString)
  assert.deepEqual(Buffer.from(await decrypter.decrypt(await encrypter.encrypt(message))), message)
})

test("any file key passes through wrap and unwrap, and only to its own identity", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      async (fileKey, mine) => {
        const identity = identityFromSecret(mine)
        const stanzas = await recipientFromString(identity.recipient).wrapFileKey(fileKey)
        assert.deepEqual(Buffer.from((await identity.unwrapFileKey(stanzas)) ?? []), Buffer.from(fileKey))
        assert.equal(await identityFromSecret(Buffer.alloc(32, 1)).unwrapFileKey(stanzas), null)
      },
    ),
    { numRuns: 50 },
  )
})

test("a wiped identity opens nothing, and the caller's secret is left to the caller", () => {
  const mine = Buffer.alloc(32, 9)
  const identity = identityFromSecret(mine)
  identity.wipe()
  assert.throws(() => identity.unwrapFileKey([]), /wiped/)
  assert.deepEqual(mine, Buffer.alloc(32, 9))
})

test("stanzas of other types are not ours; a malformed one of our type is an error", () => {
  const identity = identityFromSecret(secret)
  const share = Buffer.alloc(32, 3).toString("base64").replace("=", "")
  assert.equal(identity.unwrapFileKey([new Stanza(["scrypt", "x"], new Uint8Array(32))]), null)
  const malformed: [why: string, args: string[], body: number][] = [
    ["no share", ["X25519"], 32],
    ["two arguments", ["X25519", share, share], 32],
    ["short share", ["X25519", "AAAA"], 32],
    ["padding", ["X25519", `${share}=`], 32],
    ["short body", ["X25519", share], 31],
    ["low order point", ["X25519", Buffer.alloc(32).toString("base64").replace("=", "")], 32],
  ]
  for (const [why, args, body] of malformed) {
    assert.throws(() => identity.unwrapFileKey([new Stanza(args, new Uint8Array(body))]), Error, why)
  }
})

const valid = identityFromSecret(secret).recipient
const refused: [why: string, text: string][] = [
  ["empty", ""],
  ["no bech32", "age1hello"],
  ["changed character", valid.slice(0, -1) + (valid.endsWith("q") ? "p" : "q")],
  ["other prefix", bech32.encodeFromBytes("bge", Buffer.alloc(32, 1))],
  ["a secret key", secretAsString],
  ["31 octets", bech32.encodeFromBytes("age", Buffer.alloc(31, 1))],
  ["mixed case", valid.replace("age1", "AGE1")],
  ["very long", `age1${"q".repeat(10_000)}`],
]
for (const [why, text] of refused) {
  test(`not a recipient: ${why}`, () => assert.throws(() => recipientFromString(text), TypeError))
}

test("keys of another length than 32 octets are refused", () => {
  for (const length of [0, 31, 33]) {
    assert.throws(() => recipientString(new Uint8Array(length)), TypeError)
    assert.throws(() => identityFromSecret(new Uint8Array(length)), TypeError)
  }
})

const program = spawnSync("age", ["--version"]).error === undefined
test("the age program and we open each other's files", { skip: program ? false : "no age program here" }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mailkeep-age-"))
  t.after(() => rmSync(folder, { recursive: true }))
  const identity = await generateX25519Identity()
  writeFileSync(join(folder, "identity"), identity, { mode: 0o600 })
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipientFromString(await identityToRecipient(identity)))
  const opened = spawnSync("age", ["-d", "-i", join(folder, "identity")], { input: await encrypter.encrypt(message) })
  assert.deepEqual(opened.stdout, message)

  const ours = identityFromSecret(secret)
  const sealed = spawnSync("age", ["-r", ours.recipient], { input: message })
  const decrypter = new Decrypter()
  decrypter.addIdentity(ours)
  assert.deepEqual(Buffer.from(await decrypter.decrypt(sealed.stdout)), message)
})

import assert from "node:assert/strict"
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs"
import test from "node:test"
import { loadBootSecret } from "../../daemon/keys/boot-secret.ts"
import { deriveSlotSecret, saltFor } from "../../daemon/keys/kdf.ts"
import { opaqueString } from "../../daemon/keys/password.ts"
import { databaseKey } from "../../daemon/keys/root.ts"
import { openSlot, SlotFiles } from "../../daemon/keys/slots.ts"
import { ImapClient } from "../harness/imap-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "Zq7-unmistakable-Kx9-password"

test("after an idle session neither password nor keys are in the memory of any process", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password }, { throttle: { delays_s: [0] } })
  const secrets = await secretsOf(mailkeep)
  const rootKey = secrets["root key"]
  assert.ok(rootKey !== undefined)
  await logInAnyhow(mailkeep)
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  await client.command("SELECT INBOX")
  const worker = (await mailkeep.workerPid("alice")) ?? 0
  assert.deepEqual(found(worker, { "root key": rootKey }), ["root key"], "the search finds what is there")
  // While the session is open, proxy and daemon must not hold anything either.
  for (const name of ["proxy", "daemon", "spool"] as const)
    assert.deepEqual(found(mailkeep.pid(name), secrets), [], `${name}, session open`)
  await mailkeep.admin("sessions.idle", { name: "alice", clocks: { idleS: 1 } })
  assert.match(await client.response(), /^\* BYE/)
  await until("the worker is gone", () => !existsSync(`/proc/${worker}`))
  for (const name of ["proxy", "daemon", "spool"] as const)
    assert.deepEqual(found(mailkeep.pid(name), secrets), [], `${name}, session closed`)
})

/** Each way in which a password can reach the proxy, right and almost right. */
async function logInAnyhow(mailkeep: Mailkeep): Promise<void> {
  const plain = (text: string) => Buffer.from(`\0alice\0${text}`).toString("base64")
  const ways = [
    `LOGIN alice "${password}"`,
    `AUTHENTICATE PLAIN ${plain(password)}`,
    `LOGIN alice "${password}x"`,
    `AUTHENTICATE PLAIN ${plain(`${password}x`)}`,
  ]
  for (const way of ways) {
    for (const client of [ImapClient.tls(mailkeep.ports.imaps), ImapClient.plain(mailkeep.ports.imap)]) {
      await client.response()
      assert.match((await client.command(way)).status, way.includes('x"') || way === ways[3] ? /^NO/ : /^OK/)
      client.close()
    }
  }
}

async function secretsOf(mailkeep: Mailkeep): Promise<Record<string, Uint8Array>> {
  const { argon2_time: time, argon2_memory_kib: memoryKib } = mailkeep.settings.keys
  const salt = saltFor(loadBootSecret(mailkeep.paths.bootSecret), "alice")
  const secret = await deriveSlotSecret(opaqueString(Buffer.from(password)), salt, {
    algorithm: "argon2id13",
    time,
    memoryKib,
    parallelism: 1,
  })
  const record = new SlotFiles(mailkeep.paths.slots).read(secret.id)
  assert.ok(record !== null)
  const { root } = openSlot(secret, record)
  const key = databaseKey(root)
  return {
    password: Buffer.from(password),
    "password, base64": Buffer.from(Buffer.from(`\0alice\0${password}`).toString("base64").slice(12, 40)),
    "password, UTF-16": Buffer.from(password, "utf16le"),
    "slot key": secret.key,
    "root key": root,
    "root key, hex": Buffer.from(root.toString("hex")),
    "database key": key,
    "database key, hex": Buffer.from(key.toString("hex")),
  }
}

/** Names of the secrets that are somewhere in the readable memory of a process. */
function found(pid: number, secrets: Record<string, Uint8Array>): string[] {
  const memory = openSync(`/proc/${pid}/mem`, "r")
  const left = new Map(Object.entries(secrets).map(([name, secret]) => [name, Buffer.from(secret)]))
  const overlap = Math.max(...[...left.values()].map((secret) => secret.length))
  const hits: string[] = []
  try {
    for (const window of everywhere(memory, pid, overlap)) {
      for (const [name, secret] of left) if (window.includes(secret) && left.delete(name)) hits.push(name)
    }
  } finally {
    closeSync(memory)
  }
  return hits
}

function* everywhere(memory: number, pid: number, overlap: number): Generator<Buffer> {
  for (const [start, end] of regions(pid)) yield* windows(memory, start, end, overlap)
}

function regions(pid: number): [number, number][] {
  const maps = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")
  return maps.flatMap((line): [number, number][] => {
    const parsed = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line)
    if (parsed === null || /\[(vvar|vsyscall)/.test(line)) return []
    return [[Number.parseInt(parsed[1] ?? "", 16), Number.parseInt(parsed[2] ?? "", 16)]]
  })
}

const windowBytes = 8 << 20
const buffer = Buffer.alloc(windowBytes)

/** The octets of a region, a window at a time, overlapping so that nothing hides at a border. */
function* windows(memory: number, start: number, end: number, overlap: number): Generator<Buffer> {
  for (let at = start; at < end; at += windowBytes - overlap) {
    try {
      yield buffer.subarray(0, readSync(memory, buffer, 0, Math.min(windowBytes, end - at), at))
    } catch {
      // Reserved but never touched, or guard pages: nothing can be there.
      return
    }
  }
}

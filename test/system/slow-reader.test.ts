import assert from "node:assert/strict"
import test, { type TestContext } from "node:test"
import { connect, type TLSSocket } from "node:tls"
import { constants, createInflateRaw, deflateRawSync } from "node:zlib"
import { ImapClient } from "../harness/imap-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"
import { forgetPeak, memoryOf } from "../harness/memory.ts"

/*
 * Clients that ask for much and read nothing. What they asked for must wait in the database, not in memory.
 */
const password = "correct horse battery"
const octets = 16_000_000
const copies = 16

/** Of 256 MB that were asked for, so much may be on its way: buffers of sockets, TLS, and garbage not yet collected. */
const allowedMiB = 64

test("a client asks for 256 MB and does not read: proxy and worker stay small", async (t) => {
  const { mailkeep, worker } = await filled(t)
  const lazy = await Lazy.login(mailkeep)
  await flat(mailkeep, worker, () => lazy.send("b FETCH 1:* BODY.PEEK[]\r\n"))
  // And it can go on where it stopped, to the last octet.
  assert.ok((await lazy.readUntil("\r\nb OK FETCH completed\r\n")) > octets * copies)
})

test("the same through COMPRESS", async (t) => {
  // Random octets, so that compressed they are as many.
  const { mailkeep, worker } = await filled(t)
  const lazy = await Lazy.login(mailkeep)
  await lazy.compress()
  await flat(mailkeep, worker, () => lazy.send("b FETCH 1:* BODY.PEEK[]\r\n"))
  assert.ok((await lazy.readUntil("\r\nb OK FETCH completed\r\n")) > octets * copies)
})

test("a client sends commands and reads no answers: they wait with the client", async (t) => {
  const { mailkeep, worker } = await filled(t)
  const lazy = await Lazy.login(mailkeep)
  let taken = 0
  await flat(mailkeep, worker, () => {
    const some = "b CAPABILITY\r\n".repeat(5000)
    const more = () => {
      taken += some.length
      if (taken < 200_000_000) lazy.send(some, more)
    }
    lazy.send(some, more)
  })
  assert.ok(taken < 100_000_000, `${taken} octets of commands were taken`)
})

test("a client in IDLE does not read what it is told, whatever happens in the mailbox", async (t) => {
  const { mailkeep, worker } = await filled(t)
  const busy = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  for (let n = 0; n < 8; n++) await busy.command("COPY 1:16 Archive")
  await busy.command("SELECT Archive")
  for (let n = 0; n < 4; n++) await busy.command("COPY 1:* Archive")
  const lazy = await Lazy.login(mailkeep)
  lazy.send("b SELECT Archive\r\nc IDLE\r\n")
  await lazy.readUntil("+ ")
  await flat(mailkeep, worker, async () => {
    for (let n = 0; n < 150; n++)
      assert.match(
        (await busy.command(`UID STORE 1:* ${n % 2 === 0 ? "+" : "-"}FLAGS.SILENT (${"keyword".repeat(6)})`)).status,
        /^OK/,
      )
  })
  busy.close()
})

/** A user with a mailbox of 256 MB, which are one content. */
async function filled(t: TestContext): Promise<{ mailkeep: Mailkeep; worker: number }> {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const head = Buffer.from("Subject: large\r\nContent-Type: application/octet-stream\r\n\r\n")
  const message = Buffer.concat([head, Buffer.alloc(octets - head.length)])
  for (let at = head.length, state = 1; at < message.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    message[at] = 1 + ((state >>> 16) % 250)
  }
  assert.match((await client.command(`APPEND INBOX {${message.length}}`, message)).status, /^OK/)
  await client.command("SELECT INBOX")
  for (let has = 1; has < copies; has *= 2) assert.match((await client.command("COPY 1:* INBOX")).status, /^OK/)
  client.close()
  return { mailkeep, worker: (await mailkeep.workerPid("alice")) ?? assert.fail("no worker") }
}

/** Peaks while `work` is done and afterwards, until nothing moves any more, are not much above what there was. */
async function flat(mailkeep: Mailkeep, worker: number, work: () => unknown): Promise<void> {
  const processes = { proxy: mailkeep.pid("proxy"), worker }
  const before = Object.entries(processes).map(([name, pid]) => {
    forgetPeak(pid)
    return { name, pid, was: memoryOf(pid).now }
  })
  await work()
  let last = 0
  let still = 0
  await until(
    "proxy and worker stand still",
    () => {
      const now = before.reduce((sum, { pid }) => sum + memoryOf(pid).now, 0)
      still = Math.abs(now - last) < 0.5 ? still + 1 : 0
      last = now
      return still > 50
    },
    60_000,
  )
  for (const { name, pid, was } of before) {
    const grown = memoryOf(pid).peak - was
    assert.ok(grown < allowedMiB, `${name} grew by ${grown.toFixed(0)} MiB from ${was.toFixed(0)}`)
  }
}

/** A client that reads only when it is told to. */
class Lazy {
  readonly #socket: TLSSocket
  #inflate: ReturnType<typeof createInflateRaw> | null = null

  private constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  static async login({ ports }: Mailkeep): Promise<Lazy> {
    const socket = connect({ host: "127.0.0.1", port: ports.imaps, rejectUnauthorized: false })
    socket.on("error", () => socket.destroy())
    const lazy = new Lazy(socket)
    await lazy.readUntil("* OK ")
    lazy.send(`a LOGIN alice "${password}"\r\n`)
    await lazy.readUntil("a OK ")
    lazy.send("s SELECT INBOX\r\n")
    await lazy.readUntil("s OK ")
    return lazy
  }

  async compress(): Promise<void> {
    this.send("z COMPRESS DEFLATE\r\n")
    await this.readUntil("z OK ")
    this.#inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH })
  }

  send(text: string, written?: () => void): void {
    const octets = Buffer.from(text, "latin1")
    const flushed = this.#inflate === null ? octets : deflateRawSync(octets, { finishFlush: constants.Z_SYNC_FLUSH })
    this.#socket.write(flushed, written)
  }

  /** Reads until this text has come, and no further than the chunk it came in. @returns how many octets were read */
  readUntil(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      let tail = ""
      let count = 0
      const source = this.#inflate === null ? this.#socket : this.#socket.pipe(this.#inflate)
      const read = (chunk: Buffer) => {
        count += chunk.length
        tail = (tail + chunk.toString("latin1")).slice(-(text.length + chunk.length))
        if (!tail.includes(text)) return
        source.off("data", read).pause()
        this.#socket.unpipe().pause()
        resolve(count)
      }
      source.on("data", read)
      source.resume()
      this.#socket.once("close", () => reject(new Error(`closed before ${JSON.stringify(text)}`)))
    })
  }
}

import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Duplex, duplexPair, type Writable } from "node:stream"
import type { TestContext } from "node:test"
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib"
import { type Settings, settingsSchema } from "../../daemon/host/settings.ts"
import { createStore } from "../../daemon/store/open.ts"
import type { Store } from "../../daemon/store/store.ts"
import type { Account } from "../../daemon/worker/account.ts"
import { ImapConnection } from "../../daemon/worker/connection.ts"
import { Ingest } from "../../daemon/worker/ingest.ts"
import { KeptResults } from "../../daemon/worker/kept-results.ts"
import { Pace } from "../../daemon/worker/pace.ts"
import { storeLimits } from "../../daemon/worker/unlock.ts"

type Options = {
  /** Settings `imap.*`, and `mailbox.*`. */
  limits?: Partial<Account["limits"]>
  mailbox?: Partial<Settings["mailbox"]>
  maxMessageBytes?: number
  quotaBytes?: number
  settle?: () => Promise<void>
  quotaMessages?: number
  waiting?: { messages: number; bytes: number }
}

/** One user's mailbox in a folder of its own, and clients that are already logged in to it. */
export type Home = {
  store: Store
  account: Account
  /** Everything the worker logged as a warning or an error; a test that expects none need not look. */
  faults: object[]
  activity: [command: string, idling: boolean, client: string | null][]
  /** A client past its login, the greeting read. `octetsPerWrite` cuts what it sends. */
  connect(octetsPerWrite?: number): Promise<TestClient>
  connections: ImapConnection[]
}

/** At the end of the test all clients leave, the store is checked for its invariants, and no fault was logged. */
export function startHome(t: TestContext, options: Options = {}): Home {
  const folder = mkdtempSync(join(tmpdir(), "mailkeep-worker-"))
  const store = createStore(join(folder, "mail.db"), randomBytes(32), {
    cipher: "sqlcipher",
    cacheKib: 2048,
    quotaBytes: options.quotaBytes ?? 0,
    quotaMessages: options.quotaMessages ?? 0,
    limits: storeLimits({ ...settingsSchema.parse({}).mailbox, ...options.mailbox }),
  })
  const faults: object[] = []
  const account = accountOf(store, faults, options)
  const served: Promise<void>[] = []
  const clients: TestClient[] = []
  const home: Home = { store, account, faults, activity: [], connections: [], connect }

  async function connect(octetsPerWrite = Number.POSITIVE_INFINITY): Promise<TestClient> {
    const [near, far] = duplexPair()
    const facts = { remote: "127.0.0.1", tls: true, tag: "t", client: null }
    const events = { activity: (...report: Home["activity"][number]) => void home.activity.push(report) }
    const connection = new ImapConnection(far, account, facts, events)
    home.connections.push(connection)
    served.push(connection.serve())
    const client = new TestClient(near, octetsPerWrite)
    clients.push(client)
    assert.match(await client.line(), /^t OK \[CAPABILITY IMAP4rev1 .*\] Logged in$/)
    return client
  }

  t.after(async () => {
    for (const client of clients) client.leave()
    await Promise.all(served)
    const problems = store.check()
    store.close()
    rmSync(folder, { recursive: true })
    assert.deepEqual(problems, [])
    assert.deepEqual(faults, [])
  })
  return home
}

function accountOf(store: Store, faults: object[], { limits, maxMessageBytes, settle, waiting }: Options): Account {
  const note = (fields: object, text: string) => void faults.push({ ...fields, text })
  return {
    user: "anna",
    store,
    ingest: new Ingest(store),
    kept: new KeptResults(),
    limits: { ...settingsSchema.parse({}).imap, ...limits },
    maxMessageBytes: maxMessageBytes ?? 52_428_800,
    settle: settle ?? (() => Promise.resolve()),
    waiting: () => Promise.resolve(waiting ?? { messages: 0, bytes: 0 }),
    log: { debug: () => {}, info: () => {}, warn: note, error: note },
  }
}

/** A response: its text with each literal as "{n}", the literals, and all of it as it came, without the last CRLF. */
export type Response = { text: string; literals: Buffer[]; wire: Buffer }

const patienceMs = 10_000

/** The client's end of a connection: raw lines, or whole responses. */
export class TestClient {
  readonly #socket: Duplex
  readonly #octetsPerWrite: number
  #output: Writable
  #input: Buffer = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}
  #nextTag = 1

  constructor(socket: Duplex, octetsPerWrite: number) {
    this.#socket = socket
    this.#output = socket
    this.#octetsPerWrite = octetsPerWrite
    socket.on("data", this.#onData)
    // What is inflated may still be on its way when the socket ends.
    const end = () => {
      if (this.#output === socket) this.#onEnd()
    }
    socket.on("end", () => {
      socket.end()
      end()
    })
    socket.on("close", end)
    socket.on("error", end)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
    this.#wake()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake()
  }

  /** COMPRESS DEFLATE, and from here on both directions are compressed. */
  async compress(): Promise<void> {
    await this.ok("COMPRESS DEFLATE")
    assert.equal(this.unread, "")
    const deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH })
    deflate.pipe(this.#socket)
    this.#output = deflate
    this.#socket.off("data", this.#onData)
    const inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH })
    this.#socket.pipe(inflate).on("data", this.#onData).on("end", this.#onEnd)
    this.#socket.once("close", () => inflate.end())
  }

  /** Past the compression, if there is one. */
  sendRaw(octets: Uint8Array): void {
    this.#socket.write(octets)
  }

  /** Writes octets as they are (a string is latin1). */
  send(octets: string | Uint8Array): void {
    const bytes = typeof octets === "string" ? Buffer.from(octets, "latin1") : octets
    for (let at = 0; at < bytes.length; at += this.#octetsPerWrite) {
      this.#output.write(bytes.subarray(at, at + this.#octetsPerWrite))
    }
  }

  /** The next line without its end; for a client that does not count literals. */
  async line(): Promise<string> {
    const end = await this.#until(() => this.#input.indexOf("\r\n"))
    return this.#take(end, 2).toString("latin1")
  }

  /** Whether `response` would not have to wait. */
  get hasResponse(): boolean {
    for (let at = 0; ; ) {
      const end = this.#input.indexOf("\r\n", at)
      if (end === -1) return false
      const announced = /\{(\d+)\}$/.exec(this.#input.toString("latin1", at, end))
      if (announced === null) return true
      at = end + 2 + Number(announced[1])
    }
  }

  /** The next response with its literals. */
  async response(): Promise<Response> {
    let text = ""
    const literals: Buffer[] = []
    const wire: Buffer[] = []
    for (;;) {
      const line = await this.line()
      text += line
      wire.push(Buffer.from(line, "latin1"))
      const announced = /\{(\d+)\}$/.exec(text)
      if (announced === null) return { text, literals, wire: Buffer.concat(wire) }
      const size = Number(announced[1])
      await this.#until(() => (this.#input.length >= size ? size : -1))
      const literal = this.#take(size, 0)
      literals.push(literal)
      wire.push(Buffer.from("\r\n"), literal)
    }
  }

  /** Sends one command, with literals where "{}" stands, and collects what comes until its tagged answer. */
  async command(text: string, ...literals: Uint8Array[]): Promise<{ status: string; untagged: Response[] }> {
    const tag = `c${this.#nextTag++}`
    const parts = `${tag} ${text}`.split("{}")
    const untagged: Response[] = []
    for (const [index, part] of parts.entries()) {
      const literal = literals[index]
      if (literal === undefined || index === parts.length - 1) this.send(`${part}\r\n`)
      else {
        this.send(`${part}{${literal.length}}\r\n`)
        const answer = await this.#invitation(untagged)
        if (!answer.startsWith("+")) return { status: answer.slice(tag.length + 1), untagged }
        this.send(literal)
      }
    }
    const { status, untagged: later } = await this.answer(tag)
    return { status, untagged: [...untagged, ...later] }
  }

  /** The "+" for a literal, or the answer that refuses it; after NOTIFY other things may come first. */
  async #invitation(untagged: Response[]): Promise<string> {
    for (;;) {
      const response = await this.response()
      if (!response.text.startsWith("* ")) return response.text
      untagged.push(response)
    }
  }

  async answer(tag: string): Promise<{ status: string; untagged: Response[] }> {
    const untagged: Response[] = []
    for (;;) {
      const response = await this.response()
      if (response.text.startsWith(`${tag} `)) return { status: response.text.slice(tag.length + 1), untagged }
      untagged.push(response)
    }
  }

  /** As `command`, and the answer must be OK. @returns the texts of the untagged responses */
  async ok(text: string, ...literals: Uint8Array[]): Promise<string[]> {
    const { status, untagged } = await this.command(text, ...literals)
    assert.match(status, /^OK/, `${text}: ${status}`)
    return untagged.map((response) => response.text)
  }

  async append(mailbox: string, message: string | Uint8Array, options = ""): Promise<string> {
    const bytes = typeof message === "string" ? Buffer.from(message, "latin1") : message
    return (await this.command(`APPEND ${mailbox} ${options === "" ? "" : `${options} `}{}`, bytes)).status
  }

  /** What came and was not read. */
  get unread(): string {
    return this.#input.toString("latin1")
  }

  /** Resolves when the server has closed. */
  async gone(): Promise<void> {
    await this.#until(() => (this.#ended ? 0 : -1))
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Hangs up, as a client does that has no more to say. */
  leave(): void {
    this.#socket.end()
    this.#socket.resume()
  }

  async #until(ready: () => number): Promise<number> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const at = ready()
      if (at >= 0) return at
      if (this.#ended) throw new Error(`connection closed; unread: ${JSON.stringify(this.unread.slice(0, 200))}`)
      if (Date.now() > deadline) throw new Error(`no answer; unread: ${JSON.stringify(this.unread.slice(0, 200))}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  #take(length: number, skipped: number): Buffer {
    const taken = this.#input.subarray(0, length)
    this.#input = this.#input.subarray(length + skipped)
    return taken
  }
}

/** Messages that are just there, in one transaction. */
export async function fill(
  { store, account: { ingest } }: Home,
  mailbox: number,
  messages: Uint8Array[],
): Promise<void> {
  const read = await Promise.all(messages.map((bytes) => ingest.read(bytes, new Pace(() => false))))
  store.transaction(() => {
    for (const [at, message] of read.entries()) {
      const given = { flags: 0, keywords: [], internalDate: at * 1000, internalZone: 0 }
      store.messages.add(mailbox, ingest.insert(message), given)
    }
  })
}

/** A small message. */
export function letter(subject: string, body = "Hello.\r\n", extra = ""): string {
  return `From: Ben <ben@example.org>\r\nTo: anna@example.com\r\nSubject: ${subject}\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-Id: <${subject.replace(/\W/g, "")}@example.org>\r\n${extra}\r\n${body}`
}

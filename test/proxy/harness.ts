/** A real proxy on loopback, with a daemon and a worker that do as the test says. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { connect as connectTcp, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import { connect as connectTls } from "node:tls"
import { type ControlHandlers, type ControlLog, connectControl, serveControl } from "../../daemon/contract/channel.ts"
import { encodeAnswer, type Preface, type PrefaceAnswer, PrefaceReader } from "../../daemon/contract/preface.ts"
import { type Paths, pathsOf } from "../../daemon/host/paths.ts"
import { type Settings, settingsSchema } from "../../daemon/host/settings.ts"
import { ensureCertificate } from "../../daemon/setup/certificate.ts"
import { type RunningProxy, runProxy } from "../../proxy/main.ts"

export const quiet: ControlLog = { debug() {}, info() {}, warn() {}, error() {} }

export type House = {
  settings: Settings
  paths: Paths
  proxy: RunningProxy
  port: { imap: number; imaps: number }
  /** What `session.open` was asked. */
  asked: Parameters<ControlHandlers["session.open"]>[0][]
  /** Prefaces that the worker saw; each credential is a copy. */
  prefaces: Preface[]
  logged: string[]
}

type Given = {
  proxy?: Partial<Settings["proxy"]>
  session?: ControlHandlers["session.open"]
  /** Decides about a preface; null closes without an answer. */
  answer?: (preface: Preface) => PrefaceAnswer | null | Promise<PrefaceAnswer | null>
  /** What the worker does once it said ok; by default it greets and echoes lines. */
  serve?: (socket: Socket, preface: Preface, rest: Uint8Array) => void
  daemon?: boolean
}

export const ticket = Buffer.alloc(32, 7)

export function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "proxy-"))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export async function house(t: TestContext, given: Given = {}): Promise<House> {
  const settings = settingsSchema.parse({
    data_dir: directory(t),
    proxy: { imaps: ["127.0.0.1:0"], imap: ["127.0.0.1:0"], refusal_ms: 0, ...given.proxy },
    throttle: { delays_s: [0] },
  })
  const paths = pathsOf(settings)
  mkdirSync(paths.workers, { recursive: true, mode: 0o700 })
  await ensureCertificate(paths, settings.host_name)
  const asked: House["asked"] = []
  const prefaces: Preface[] = []
  const logged: string[] = []
  const socket = join(paths.workers, "w.sock")
  await worker(t, socket, prefaces, given)
  if (given.daemon !== false) {
    const server = await serveControl({ socket: paths.control, log: quiet, handlers: handlers(socket, asked, given) })
    t.after(() => server.close())
  }
  const note = (fields: object, text: string) => void logged.push(`${text} ${JSON.stringify(fields)}`)
  const log = { debug: note, info: note, warn: note, error: note }
  const channel = connectControl({ socket: paths.control, log: quiet })
  t.after(() => channel.close())
  if (given.daemon !== false) await channel.ready(2000)
  const proxy = await runProxy(settings, paths, channel, log)
  t.after(() => proxy.close())
  const port = { imap: portOf(proxy.addresses.imap[0]), imaps: portOf(proxy.addresses.imaps[0]) }
  return { settings, paths, proxy, port, asked, prefaces, logged }
}

function portOf(address: string | undefined): number {
  return Number(address?.split(":").at(-1) ?? 0)
}

function handlers(worker: string, asked: House["asked"], given: Given): ControlHandlers {
  return {
    "session.open": async (asks, peer) => {
      asked.push(asks)
      if (given.session !== undefined) return given.session(asks, peer)
      return { kind: "ticket", worker, ticket: ticket.toString("base64url") }
    },
    "recipient.resolve": async () => ({ kind: "refused", why: "no-such-user" }),
  }
}

/** Admits the password "tr0ub4dor"; the tag of its OK is the one in the facts. */
async function worker(t: TestContext, path: string, prefaces: Preface[], given: Given): Promise<void> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on("error", () => {}).on("close", () => open.delete(socket))
    const reader = new PrefaceReader()
    const onData = async (chunk: Buffer) => {
      const preface = reader.push(chunk)
      if (preface === null) return
      socket.off("data", onData)
      socket.pause()
      prefaces.push(preface)
      const answer = await (given.answer ?? byPassword)(preface)
      if (answer === null) return void socket.destroy()
      socket.write(encodeAnswer(answer))
      if (answer.status !== "ok") return void socket.end()
      ;(given.serve ?? echo)(socket, preface, reader.rest)
    }
    socket.on("data", onData)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
}

export const byPassword = (preface: Preface): PrefaceAnswer =>
  Buffer.from(preface.credential).equals(Buffer.from("tr0ub4dor"))
    ? { status: "ok" }
    : { status: "refused", why: "credential" }

export function echo(socket: Socket, preface: Preface, rest: Uint8Array): void {
  socket.write(`${preface.facts.tag} OK Logged in\r\n`)
  if (rest.length > 0) socket.write(rest)
  socket.pipe(socket)
}

/** The client's side of a conversation. */
export class Client {
  readonly socket: Socket
  #text = ""
  #ended = false
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1")
      this.#wake()
    })
    socket.on("error", () => {})
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#ended = true
        this.#wake()
      })
    }
  }

  /** The next line without CRLF; null when the server has ended the connection. */
  async line(): Promise<string | null> {
    const deadline = Date.now() + 4000
    for (;;) {
      const end = this.#text.indexOf("\r\n")
      if (end !== -1) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#ended) return null
      if (Date.now() > deadline) throw new Error(`no line from the server, only ${JSON.stringify(this.#text)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async rest(): Promise<string[]> {
    const lines: string[] = []
    for (let line = await this.line(); line !== null; line = await this.line()) lines.push(line)
    return lines
  }

  /** In one write, or byte by byte, each in a segment of its own as far as the system allows. */
  async send(text: string, bytewise = false): Promise<void> {
    const bytes = Buffer.from(text, "latin1")
    if (!bytewise) return void this.socket.write(bytes)
    for (const byte of bytes) {
      this.socket.write(Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

export async function plainClient(t: TestContext, port: number, host = "127.0.0.1"): Promise<Client> {
  const socket = connectTcp({ port, host })
  t.after(() => socket.destroy())
  return new Client(socket)
}

export async function tlsClient(t: TestContext, port: number, over?: Socket): Promise<Client> {
  const socket = connectTls({
    ...(over === undefined ? { port, host: "127.0.0.1" } : { socket: over }),
    rejectUnauthorized: false,
  })
  t.after(() => socket.destroy())
  return new Client(socket)
}

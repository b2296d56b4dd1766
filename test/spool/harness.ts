import { mkdtempSync, rmSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import { pino } from "pino"
import type { Notice, Replies } from "../../daemon/contract/control.ts"
import { type Settings, settingsSchema } from "../../daemon/host/settings.ts"
import { identityFromSecret } from "../../daemon/keys/sealing.ts"
import { type ControlChannelLike, runSpool } from "../../spool/main.ts"
import { Queue } from "../../spool/queue.ts"
import { type Envelope, open } from "../../spool/sealed.ts"

/** Users of the made-up directory; each has a mailbox id and an identity made from the name. */
export const users = ["alice", "bob", "carol"] as const
export type User = (typeof users)[number]

export function mailboxOf(user: User): string {
  return user.padEnd(26, "2")
}

export function identityOf(user: User) {
  return identityFromSecret(Buffer.alloc(32, user))
}

/** The daemon's end of the control channel, as far as the spool sees it. */
export class Directory implements ControlChannelLike {
  down = false
  readonly arrived: string[] = []
  readonly asked: string[] = []
  readonly refused = new Map<string, "no-such-user" | "disabled" | "over-quota">()
  /** What it says to each question, however much came since. */
  readonly room: { bytes: number | null; messages: number | null } = { bytes: null, messages: null }
  readonly #listeners = new Set<(notice: Notice<"recipient.changed">) => void>()

  async request(_name: "recipient.resolve", { address }: { address: string }): Promise<Replies<"recipient.resolve">> {
    this.asked.push(address)
    if (this.down) throw new Error("not connected")
    const name = address.replace(/@.*/, "").replace(/\+.*/, "")
    const user = users.find((each) => each === name)
    if (user === undefined) return { kind: "refused", why: "no-such-user" }
    const why = this.refused.get(user)
    if (why !== undefined) return { kind: "refused", why }
    return {
      kind: "found",
      mailbox: mailboxOf(user),
      recipients: [identityOf(user).recipient],
      room: { ...this.room },
    }
  }

  notify(_name: "spool.arrived", { mailbox }: Notice<"spool.arrived">): void {
    this.arrived.push(mailbox)
  }

  onNotice(_name: "recipient.changed", listener: (notice: Notice<"recipient.changed">) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  changed(address: string | null): void {
    for (const listener of this.#listeners) listener({ address })
  }
}

export type Running = {
  settings: Settings
  directory: Directory
  queue: Queue
  port: number
  socket: string
  close(): Promise<void>
}

/** A spool on a port of its own and on a Unix socket, in a folder of its own. */
export async function startSpool(
  t: TestContext,
  spool: Partial<Settings["spool"]> = {},
  dataDir = temporaryFolder(t),
): Promise<Running> {
  const settings = settingsSchema.parse({
    data_dir: dataDir,
    host_name: "mail.example.org",
    sessions: { drain_s: 2 },
    spool: { lmtp: ["127.0.0.1:0", "run/lmtp.sock"], ...spool },
  })
  const directory = new Directory()
  const running = await runSpool(settings, directory, pino({ level: "silent" }))
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await running.close()
  }
  t.after(close)
  return {
    settings,
    directory,
    queue: new Queue(join(dataDir, "spool")),
    port: Number(running.listening[0]?.split(":").at(-1)),
    socket: join(dataDir, "run", "lmtp.sock"),
    close,
  }
}

export function temporaryFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "mailkeep-spool-"))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Everything that waits for a user, opened. */
export async function waiting(
  running: Running,
  user: User,
): Promise<{ id: string; envelope: Envelope; message: Buffer }[]> {
  const mails: { id: string; envelope: Envelope; message: Buffer }[] = []
  for (const id of await running.queue.list(mailboxOf(user))) {
    const file = await running.queue.open(mailboxOf(user), id)
    const { envelope, message } = await open([identityOf(user)], file.bytes)
    const chunks: Uint8Array[] = []
    for await (const chunk of message) chunks.push(chunk)
    mails.push({ id, envelope, message: Buffer.concat(chunks) })
  }
  return mails
}

/** A client that says exactly what it is told, and reads line by line. */
export class RawClient {
  readonly socket: Socket
  readonly #lines: AsyncIterator<string>

  private constructor(socket: Socket) {
    this.socket = socket
    this.#lines = linesOf(socket)
  }

  static async connect(t: TestContext, to: number | string): Promise<RawClient> {
    const socket = typeof to === "number" ? connect(to, "127.0.0.1") : connect(to)
    socket.on("error", () => undefined) // a broken connection shows as "closed" below
    t.after(() => socket.destroy())
    return new RawClient(socket)
  }

  send(text: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(text, () => resolve()))
  }

  async line(): Promise<string> {
    const next = await this.#lines.next()
    return next.done ? "closed" : next.value
  }

  /** The lines of one reply. */
  async reply(): Promise<string> {
    const lines: string[] = []
    do lines.push(await this.line())
    while (lines.at(-1)?.[3] === "-")
    return lines.join("\n")
  }

  async say(line: string): Promise<string> {
    await this.send(`${line}\r\n`)
    return await this.reply()
  }

  /** Greeting, LHLO, MAIL, RCPTs, DATA: ready for the message. */
  async begin(...recipients: string[]): Promise<void> {
    await this.reply()
    await this.say("LHLO test")
    await this.say("MAIL FROM:<sender@example.net>")
    for (const recipient of recipients) await this.say(`RCPT TO:<${recipient}>`)
    await this.say("DATA")
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let held = ""
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      held += chunk.toString("latin1")
      for (let end = held.indexOf("\r\n"); end >= 0; end = held.indexOf("\r\n")) {
        yield held.slice(0, end)
        held = held.slice(end + 2)
      }
    }
  } catch {
    // the other side broke off: no more lines
  }
}

/** What a strict client makes of a message for DATA: a dot more behind each CRLF and at the start. */
export function stuffStrictly(message: Uint8Array): Buffer {
  const text = Buffer.from(message)
    .toString("latin1")
    .replace(/\r\n\./g, "\r\n..")
    .replace(/^\./, "..")
  return Buffer.from(`${text}.\r\n`, "latin1")
}

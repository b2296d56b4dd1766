import { setTimeout } from "node:timers/promises"
import { connect, type TLSSocket } from "node:tls"
import { ImapClient } from "../harness/imap-client.ts"
import type { Mailkeep } from "../harness/mailkeep.ts"
import { percentiles, print } from "./figures.ts"

/*
 * What one connection of a user notices of another one's long command: it sends NOOP after NOOP meanwhile.
 */
const bigOctets = 30_000_000

/** Between two NOOPs: a client that floods the worker would measure itself. */
const betweenMs = 3

type Work = [name: string, command: string, literal?: Buffer]

/** Long commands, in an order in which each finds what it needs. */
function works(sample: readonly Buffer[]): Work[] {
  return [
    ["nothing", "NOOP"],
    ["FETCH of all flags", "FETCH 1:* (UID FLAGS)"],
    ["FETCH of everything but bodies", "FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)"],
    ["FETCH of everything", "FETCH 1:* BODY.PEEK[]"],
    ["FETCH that sets \\Seen", "FETCH 1:* BODY[HEADER]"],
    ["SORT", "SORT (SUBJECT FROM DATE) UTF-8 ALL"],
    ["THREAD", "THREAD REFERENCES UTF-8 ALL"],
    ["SEARCH with an index", "SEARCH TEXT spamassassin"],
    ["SEARCH through everything", "SEARCH TEXT e"],
    ["STORE", "STORE 1:* +FLAGS (\\Flagged kw)"],
    ["COPY", "COPY 1:* Archive"],
    ["MOVE of 2,000", "MOVE 1:2000 Trash"],
    ["APPEND of 30 MB of text", "APPEND Drafts {}", text(sample)],
    ["APPEND of 30 MB of HTML", "APPEND Drafts {}", html(sample)],
    ["APPEND of 30 MB of base64", "APPEND Drafts {}", attachment()],
    ["DELETE of a mailbox", "DELETE Trash"],
    ["STORE of \\Deleted", "STORE 1:* +FLAGS.SILENT (\\Deleted)"],
    ["COPY taken away again", "DELETE Archive"],
    ["EXPUNGE", "EXPUNGE"],
  ]
}

/** A mailbox must be full of messages, and nobody else be at work. */
export async function latencies(mailkeep: Mailkeep, user: string, password: string, sample: Buffer[]): Promise<void> {
  const busy = await Firehose.login(mailkeep.ports.imaps, user, password)
  const other = await ImapClient.login(mailkeep.ports.imaps, user, password)
  await busy.run("SELECT INBOX")
  for (const [name, command, literal] of works(sample)) await measure(name, other, () => busy.run(command, literal))
  busy.close()
  other.close()
}

/** Prints how long NOOP took on another connection while `work` ran. */
export async function measure(name: string, other: ImapClient, work: () => Promise<unknown>): Promise<void> {
  const times: number[] = []
  const begun = performance.now()
  const working = { is: true }
  const worked = work().finally(() => {
    working.is = false
  })
  while (working.is || times.length < 20) {
    const sent = performance.now()
    await other.command("NOOP")
    times.push(performance.now() - sent)
    await setTimeout(betweenMs)
  }
  await worked
  const took = `${((performance.now() - begun) / 1000).toFixed(2)} s`
  print(`NOOP beside: ${name}`, `worst ${Math.max(...times).toFixed(1)} ms`, `${percentiles(times, 50, 99)} (${took})`)
}

/** The longest tagged answer: a COPYUID, or the capabilities after a login. */
const tailOctets = 8192

/** A client that reads as fast as it can and looks at nothing but the end. */
class Firehose {
  readonly #socket: TLSSocket
  #tail = ""
  #tag = 0
  #wake: () => void = () => {}

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk.toString("latin1", Math.max(0, chunk.length - tailOctets))).slice(-tailOctets)
      this.#wake()
    })
  }

  static async login(port: number, user: string, password: string): Promise<Firehose> {
    const client = new Firehose(connect({ host: "127.0.0.1", port, rejectUnauthorized: false }))
    await client.run(`LOGIN ${user} "${password}"`)
    return client
  }

  async run(command: string, literal?: Buffer): Promise<void> {
    const tag = `f${++this.#tag}`
    this.#socket.write(`${tag} ${command.replace("{}", `{${literal?.length}}`)}\r\n`)
    if (literal !== undefined) {
      await this.#until(/^\+ /m)
      this.#socket.write(literal)
      this.#socket.write("\r\n")
    }
    const [answer] = await this.#until(new RegExp(`^${tag} .*\r\n`, "m"))
    if (!answer.startsWith(`${tag} OK`)) throw new Error(`${command}: ${answer}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  async #until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#tail)
      if (found !== null) {
        this.#tail = ""
        return found
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

function text(sample: readonly Buffer[]): Buffer {
  const head = Buffer.from("Subject: text\r\n\r\n")
  const octets = Buffer.concat([head, ...sample])
  return Buffer.alloc(bigOctets, octets).fill(head, 0, head.length)
}

function html(sample: readonly Buffer[]): Buffer {
  const head = Buffer.from("Subject: html\r\nContent-Type: text/html\r\n\r\n")
  const lines = Buffer.concat(sample).toString("latin1").replaceAll("\r\n", "<br>\r\n")
  return Buffer.alloc(bigOctets, Buffer.concat([head, Buffer.from(`<p>${lines}`, "latin1")]))
}

function attachment(): Buffer {
  const head = "Subject: attachment\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
  const line = `${Buffer.alloc(57, 7).toString("base64")}\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bigOctets - head.length, line)])
}

import { connect as connectPlain, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"

/** One response: its text with literals in place (latin1, octet for octet). */
export type Response = string

/** A bare IMAP client that shows what is on the wire; nothing is interpreted but line ends and literals. */
export class ImapClient {
  readonly #socket: Socket
  readonly #waiting: (() => void)[] = []
  readonly #responses: Response[] = []
  /** What came and is not a whole response yet, and how much there has to be before it can be one. */
  #input: Buffer[] = []
  #length = 0
  #wanted = 1
  #closed = false
  #nextTag = 1

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => this.#feed(chunk))
    socket.on("error", () => socket.destroy())
    socket.on("close", () => {
      this.#closed = true
      this.#wake()
    })
  }

  static tls(port: number): ImapClient {
    return new ImapClient(connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }))
  }

  static plain(port: number): ImapClient {
    return new ImapClient(connectPlain({ host: "127.0.0.1", port }))
  }

  /** Connects, reads the greeting and logs in. @throws when refused */
  static async login(port: number, user: string, password: string): Promise<ImapClient> {
    const client = ImapClient.tls(port)
    await client.response()
    const answer = await client.command(`LOGIN ${user} "${password}"`)
    if (!answer.status.startsWith("OK")) throw new Error(`login refused: ${answer.status}`)
    return client
  }

  get closed(): boolean {
    return this.#closed
  }

  write(octets: string | Uint8Array): void {
    this.#socket.write(typeof octets === "string" ? Buffer.from(octets, "latin1") : octets)
  }

  /** The next response or continuation request. @throws when the connection ends first */
  async response(limitMs = 20_000): Promise<Response> {
    const end = Date.now() + limitMs
    for (;;) {
      const next = this.#responses.shift()
      if (next !== undefined) return next
      if (this.#closed) throw new Error("connection closed")
      if (Date.now() > end) throw new Error(`no response in ${limitMs} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 250)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Sends one command and collects everything up to its tagged answer. */
  async command(text: string, literal?: Uint8Array): Promise<{ untagged: Response[]; status: string }> {
    const tag = `t${this.#nextTag++}`
    this.write(`${tag} ${text}\r\n`)
    if (literal !== undefined) {
      const go = await this.response()
      if (!go.startsWith("+")) return { untagged: [], status: go.slice(tag.length + 1) }
      this.write(literal)
      this.write("\r\n")
    }
    return this.until(tag)
  }

  async until(tag: string): Promise<{ untagged: Response[]; status: string }> {
    const untagged: Response[] = []
    for (;;) {
      const response = await this.response()
      if (response.startsWith(`${tag} `)) return { untagged, status: response.slice(tag.length + 1) }
      untagged.push(response)
    }
  }

  /** Resolves when the server has closed the connection. */
  async gone(limitMs = 20_000): Promise<void> {
    const end = Date.now() + limitMs
    while (!this.#closed) {
      if (Date.now() > end) throw new Error("connection still open")
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  /** A literal of 30 MB comes in thousands of chunks: they are joined when it is there, not one by one. */
  #feed(chunk: Buffer): void {
    this.#input.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#wanted) return
    let input = Buffer.concat(this.#input)
    for (;;) {
      const { end, whole } = endOfResponse(input)
      if (!whole) {
        this.#input = [input]
        this.#length = input.length
        this.#wanted = end
        return
      }
      this.#responses.push(input.toString("latin1", 0, end - 2))
      input = input.subarray(end)
      this.#wake()
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** One past the CRLF that ends a response, literals skipped; while it is not whole, how long it is at least. */
function endOfResponse(input: Buffer): { end: number; whole: boolean } {
  for (let at = 0; ; ) {
    const line = input.indexOf("\r\n", at)
    if (line < 0) return { end: input.length + 1, whole: false }
    const literal = /\{(\d+)\}$/.exec(input.toString("latin1", Math.max(at, line - 16), line))
    if (literal === null) return { end: line + 2, whole: true }
    at = line + 2 + Number(literal[1])
    if (at > input.length) return { end: at + 2, whole: false }
  }
}

/** The literal of a FETCH response that has one. */
export function literalOf(response: Response): Buffer {
  const head = /\{(\d+)\}\r\n/.exec(response)
  if (head === null) throw new Error(`no literal in ${response.slice(0, 80)}`)
  const start = head.index + head[0].length
  return Buffer.from(response.slice(start, start + Number(head[1])), "latin1")
}

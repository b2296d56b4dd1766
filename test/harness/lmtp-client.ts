import { connect, type Socket } from "node:net"

/** A bare LMTP client (RFC 2033): one transaction at a time, replies as text. */
export class LmtpClient {
  readonly #socket: Socket
  readonly #lines: string[] = []
  readonly #waiting: (() => void)[] = []
  #input = ""
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding("latin1")
    socket.on("data", (text: string) => {
      const lines = (this.#input + text).split("\r\n")
      this.#input = lines.pop() ?? ""
      this.#lines.push(...lines)
      this.#wake()
    })
    socket.on("error", () => socket.destroy())
    socket.on("close", () => {
      this.#closed = true
      this.#wake()
    })
  }

  /** Connects and says LHLO. */
  static async open(where: { port: number } | { path: string }): Promise<LmtpClient> {
    const client = new LmtpClient("port" in where ? connect(where.port, "127.0.0.1") : connect(where.path))
    await client.reply()
    await client.say("LHLO client.example")
    return client
  }

  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`)
    return this.reply()
  }

  /** One reply, continuation lines joined. @throws when the connection ends first */
  async reply(): Promise<string> {
    const lines: string[] = []
    for (;;) {
      const line = this.#lines.shift()
      if (line === undefined) {
        if (this.#closed) throw new Error("connection closed")
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
        continue
      }
      lines.push(line)
      if (line[3] !== "-") return lines.join("\n")
    }
  }

  /** Sends octets as they are to be stored; dot-stuffing happens here. One reply per accepted recipient, in order. */
  async deliver(message: Uint8Array, recipients: string[], sender = "sender@example.org"): Promise<string[]> {
    await this.say(`MAIL FROM:<${sender}>`)
    let accepted = 0
    const refused: string[] = []
    for (const recipient of recipients) {
      const answer = await this.say(`RCPT TO:<${recipient}>`)
      if (answer.startsWith("250")) accepted++
      else refused.push(answer)
    }
    if (accepted === 0) {
      await this.say("RSET")
      return refused
    }
    await this.say("DATA")
    this.#socket.write(dotStuffed(message))
    const replies: string[] = []
    for (let n = 0; n < accepted; n++) replies.push(await this.reply())
    return [...replies, ...refused]
  }

  close(): void {
    this.#socket.destroy()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** RFC 5321 §4.5.2. A message that does not end in CRLF gets one: the protocol cannot say otherwise. */
export function dotStuffed(message: Uint8Array): Buffer {
  const text = Buffer.from(message).toString("latin1")
  const stuffed = text.replace(/(^|\r\n)\./g, "$1..")
  return Buffer.from(`${stuffed}${stuffed.endsWith("\r\n") ? "" : "\r\n"}.\r\n`, "latin1")
}

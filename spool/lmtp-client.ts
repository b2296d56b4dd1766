import type { Socket } from "node:net"

/** A complete reply: the code and the text of its last line (RFC 5321 §4.2). */
export type ServerReply = { code: number; text: string }

/** The other side broke the connection or the protocol; trying again later may help. */
export class LmtpClientError extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.name = "LmtpClientError"
  }
}

const maxReplyBytes = 65_536

/** The client's half of LMTP, as far as delivering one message needs it. */
export class LmtpClient {
  readonly #socket: Socket
  readonly #input: AsyncIterator<Buffer>
  #held = ""

  constructor(socket: Socket) {
    this.#socket = socket
    this.#input = socket[Symbol.asyncIterator]()
  }

  async command(line: string): Promise<ServerReply> {
    // An address with a line break in it would be a second command.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\x00-\x1f\x7f]/.test(line)) throw new TypeError("a control character in an LMTP command")
    await this.#write(Buffer.from(`${line}\r\n`, "utf8"))
    return await this.reply()
  }

  /** What follows DATA: the message with CRLF and dots as the protocol wants them, then the end. */
  async message(input: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of stuffed(input)) await this.#write(chunk)
  }

  async reply(): Promise<ServerReply> {
    for (;;) {
      const line = await this.#line()
      const match = /^([2-5]\d\d)([ -]?)(.*)$/.exec(line)
      if (match === null) throw new LmtpClientError("the reply is not LMTP")
      if (match[2] !== "-") return { code: Number(match[1]), text: match[3] ?? "" }
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf("\n")
      if (end >= 0) {
        const line = this.#held.slice(0, end).replace(/\r$/, "")
        this.#held = this.#held.slice(end + 1)
        return line
      }
      if (this.#held.length > maxReplyBytes) throw new LmtpClientError("the reply is too long")
      this.#held += await this.#more()
    }
  }

  async #more(): Promise<string> {
    try {
      const next = await this.#input.next()
      if (!next.done) return next.value.toString("utf8")
    } catch (cause) {
      throw new LmtpClientError("the connection broke", { cause })
    }
    throw new LmtpClientError("the connection was closed")
  }

  #write(octets: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#socket.write(octets, (cause) =>
      cause ? reject(new LmtpClientError("the connection broke", { cause })) : resolve(),
    )
    return promise
  }
}

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e

/**
 * A message as DATA wants it: each bare LF becomes CRLF, since a pipe carries lines as this system writes
 * them and LMTP knows CRLF only; a line that begins with a dot gets another (RFC 5321 §4.5.2); CRLF "."
 * CRLF ends it, after a CRLF of our own where the last line has none. A lone CR stays as it is.
 */
export async function* stuffed(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let before = LF
  for await (const chunk of input) {
    // At most two octets for each that comes: CR LF, or two dots.
    const output = Buffer.allocUnsafe(chunk.length * 2)
    let used = 0
    for (const byte of chunk) {
      if (byte === LF && before !== CR) output[used++] = CR
      if (byte === DOT && before === LF) output[used++] = DOT
      output[used++] = byte
      before = byte
    }
    if (used > 0) yield output.subarray(0, used)
  }
  yield Buffer.from(before === LF ? ".\r\n" : "\r\n.\r\n", "latin1")
}

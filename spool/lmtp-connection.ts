import type { Socket } from "node:net"
import { SMTPServer, type SMTPServerOptions } from "smtp-server"
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js"
import { SMTPStream } from "smtp-server/lib/smtp-stream.js"

/**
 * `smtp-server` with five things corrected. Everything else of the protocol is the library's. They reach into
 * methods that it declares but does not document, so its version is pinned exactly, and
 * `test/spool/lmtp.test.ts` fails when one of them no longer works.
 *
 * 1. Bytes. Its reader takes away one of two dots also behind a bare LF ("LF . ." becomes "LF ."), and keeps a
 *    single dot at the start of a line. RFC 5321 §4.5.2 and §2.3.8: a line begins after CRLF only, and the first
 *    dot of a line that has more is removed. `DataStream` does just that, so that DATA comes out exactly.
 * 2. Enhanced codes (RFC 2034). It gives each reply code one fixed enhanced code; a text of ours that begins
 *    with its own ("4.3.1 …") is sent as it is.
 * 3. It waits 100 ms before the greeting, to catch spammers who talk first. The other side is our own MTA.
 * 4. An address without a domain ("<alice>") is accepted, as local MTAs write it.
 * 5. The limit on clients counts all listeners together.
 */
export class LmtpListener extends SMTPServer {
  readonly #clients: ClientCount
  readonly #messages = new Set<Promise<void>>()
  #isClosing = false

  constructor(options: SMTPServerOptions, clients: ClientCount) {
    super(options)
    this.#clients = clients
  }

  get isCrowded(): boolean {
    return this.#clients.now > this.#clients.most
  }

  override connect(socket: Socket, options?: ConstructorParameters<typeof SMTPConnection>[2]): void {
    this.#clients.now += 1
    socket.once("close", () => {
      this.#clients.now -= 1
    })
    const connection = new LmtpConnection(this, socket, options)
    this.connections.add(connection)
    connection.on("error", (error: Error) => this.emit("error", error))
    connection.init()
  }

  /** Takes no new clients, lets transactions end, and calls back when all are gone or `closeTimeout` is over. */
  override close(callback?: () => void): void {
    this.#isClosing = true
    super.close(callback)
    this.dismissIdle()
  }

  /** A message that is being received; its client is told to go afterwards when we are closing. */
  track(message: Promise<void>): void {
    const tracked = message.finally(() => {
      this.#messages.delete(tracked)
      if (this.#isClosing) setImmediate(() => this.dismissIdle())
    })
    this.#messages.add(tracked)
  }

  /** Resolves when no message is in work, not even one whose client has gone. */
  async settled(): Promise<void> {
    await Promise.all(this.#messages)
  }

  /** Says goodbye to clients that are between two transactions; the others are told after theirs. */
  dismissIdle(): void {
    for (const connection of this.connections) {
      if (connection instanceof LmtpConnection && connection.isIdle) connection.dismiss()
    }
  }
}

/** Clients of all listeners of one spool. */
export type ClientCount = { now: number; readonly most: number }

const ownCode = /^[245]\.\d{1,3}\.\d{1,3} /
const localPath = /^((?:mail from|rcpt to):\s*<)([^<>@\s:]{1,64})(>(?:\s.*)?)$/i
/** Stands in for the missing domain while the library checks the address. */
const placeholder = "@local.invalid"

class LmtpConnection extends SMTPConnection {
  get isIdle(): boolean {
    return !this.session.envelope?.mailFrom && !this._dataStream
  }

  /** Does not wait for the client to close its side, as the library would. */
  dismiss(): void {
    this.send(421, "4.3.2 Shutting down")
    this._socket.destroySoon()
  }

  override init(): void {
    this._setListeners(() => {
      const listener = this._server
      if (listener instanceof LmtpListener && listener.isCrowded)
        return this.send(421, "Too many clients, try again later", false)
      this.connectionReady()
    })
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    super.send(code, data, typeof data === "string" && ownCode.test(data) ? false : context)
  }

  override _createParser(): SMTPStream {
    const parser = new DataStream()
    parser.oncommand = (command, callback) => this._onCommand(command, callback)
    parser.on("error", (error) => this.send(421, `4.5.2 ${error.message}`))
    return parser
  }

  override _parseAddressCommand(
    name: string,
    command: Buffer | string,
  ): ReturnType<SMTPConnection["_parseAddressCommand"]> {
    const local = localPath.exec(command.toString())
    if (local === null || local[2]?.toLowerCase() === "postmaster") return super._parseAddressCommand(name, command)
    const parsed = super._parseAddressCommand(name, `${local[1]}${local[2]}${placeholder}${local[3]}`)
    if (parsed) parsed.address = parsed.address.slice(0, -placeholder.length)
    return parsed
  }
}

const CRLF_DOT = Buffer.from("\r\n.", "latin1")
const DOT = 0x2e
const CR = 0x0d
const LF = 0x0a

/** Reads DATA: takes away the dots of RFC 5321 §4.5.2 and finds the end, whatever the pieces are in which it comes. */
class DataStream extends SMTPStream {
  /** The start of a possible CRLF "." CRLF at the end of the last piece. */
  #held: Buffer = Buffer.alloc(0)
  #atLineStart = true

  override startDataMode(...given: Parameters<SMTPStream["startDataMode"]>): ReturnType<SMTPStream["startDataMode"]> {
    this.#held = Buffer.alloc(0)
    this.#atLineStart = true
    return super.startDataMode(...given)
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    const input = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk
    this.#held = Buffer.alloc(0)
    const { pieces, remainder } = this.#unstuff(input)
    const message = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
    this._countDataBytes(message.length)
    if (remainder !== null) this._endDataMode(message, remainder, done)
    else this.#deliver(message, done)
  }

  /** `remainder` is what follows the end of the message, null while it has not come. */
  #unstuff(input: Buffer): { pieces: Buffer[]; remainder: Buffer | null } {
    const pieces: Buffer[] = []
    let at = 0
    for (;;) {
      if (this.#atLineStart && at < input.length) {
        if (input[at] === DOT) {
          const ending = endOfData(input, at)
          if (ending === "unknown") return this.#hold(pieces, input.subarray(at))
          if (ending === "yes") return { pieces, remainder: input.subarray(at + 3) }
          at += 1
        }
        this.#atLineStart = false
      }
      const next = input.indexOf(CRLF_DOT, at)
      if (next < 0) {
        const end = input.length - unfinishedLineEnd(input, at)
        pieces.push(input.subarray(at, end))
        return this.#hold(pieces, input.subarray(end))
      }
      pieces.push(input.subarray(at, next + 2))
      at = next + 2
      this.#atLineStart = true
    }
  }

  #hold(pieces: Buffer[], rest: Buffer): { pieces: Buffer[]; remainder: null } {
    this.#held = rest
    return { pieces, remainder: null }
  }

  #deliver(message: Buffer, done: (error?: Error | null) => void): void {
    const stream = this._dataStream
    if (stream === null || !stream.writable || message.length === 0 || stream.write(message) || stream.destroyed) {
      done()
      return
    }
    const resume = () => {
      stream.removeListener("drain", resume)
      stream.removeListener("close", resume)
      done()
    }
    stream.once("drain", resume)
    stream.once("close", resume)
  }
}

/** Whether the line that begins at `at` with a dot is the end of the message. */
function endOfData(input: Buffer, at: number): "yes" | "no" | "unknown" {
  if (at + 1 >= input.length) return "unknown"
  if (input[at + 1] !== CR) return "no"
  if (at + 2 >= input.length) return "unknown"
  return input[at + 2] === LF ? "yes" : "no"
}

/** Octets at the end that may be the beginning of CRLF ".". */
function unfinishedLineEnd(input: Buffer, from: number): number {
  const last = input.length - 1
  if (last >= from && input[last] === CR) return 1
  return last - 1 >= from && input[last] === LF && input[last - 1] === CR ? 2 : 0
}

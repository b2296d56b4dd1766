import { connect, type Socket } from "node:net"

/** What a server sent until its tagged answer: counted, not kept, so that the client costs as little as it can. */
export type Counted = {
  /** Untagged responses, and how many of them are FETCH. */
  responses: number
  fetched: number
  /** UIDs that VANISHED named (RFC 7162 §3.2.10). */
  vanished: number
  /** Octets of literals. */
  literals: number
  /** Of the tagged answer, what follows the tag. */
  status: string
  /** The last untagged response that has no literal. */
  last: string
}

/** An IMAP client without TLS that reads as fast as it can and keeps only the last untagged response without a literal. */
export class CountingClient {
  readonly #socket: Socket
  #tag = 0
  /** A line that has not ended yet. */
  #partial: Buffer = Buffer.alloc(0)
  /** Octets of a literal that are still to come. */
  #skip = 0
  /** Whether the line that comes next goes on after a literal. */
  #within = false
  #counted = nothing()
  /** The last untagged response without a literal. */
  #last: Buffer = Buffer.alloc(0)
  #waiting: { tag: string; resolve(counted: Counted): void; reject(error: Error): void } | null = null
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => this.#feed(chunk))
    socket.on("close", () => {
      this.#closed = true
      this.#waiting?.reject(closed())
    })
    socket.on("error", (error) => this.#waiting?.reject(error))
  }

  /** @throws when the server refuses, or is not there */
  static async login(port: number, user: string, password: string): Promise<CountingClient> {
    const client = new CountingClient(connect({ host: "127.0.0.1", port, noDelay: true }))
    await client.#until("*")
    await client.command(`LOGIN ${user} "${password}"`)
    return client
  }

  /** @throws when the answer is not OK */
  async command(text: string): Promise<Counted> {
    const tag = `c${++this.#tag}`
    this.#socket.write(`${tag} ${text}\r\n`)
    const counted = await this.#until(tag)
    if (!counted.status.startsWith("OK")) throw new Error(`${text.slice(0, 60)}: ${counted.status}`)
    return counted
  }

  /** Several messages in one APPEND (RFC 3502), with synchronizing literals (RFC 3501 §7.5). */
  async append(mailbox: string, messages: readonly Buffer[]): Promise<void> {
    const tag = `c${++this.#tag}`
    let before = `${tag} APPEND ${mailbox}`
    for (const message of messages) {
      this.#socket.write(`${before} {${message.length}}\r\n`)
      await this.#until("+")
      this.#socket.write(message)
      before = ""
    }
    this.#socket.write("\r\n")
    const { status } = await this.#until(tag)
    if (!status.startsWith("OK")) throw new Error(`APPEND: ${status}`)
  }

  close(): void {
    this.#waiting = null
    this.#socket.destroy()
  }

  #until(tag: string): Promise<Counted> {
    this.#counted = nothing()
    this.#last = Buffer.alloc(0)
    if (this.#closed) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      this.#waiting = { tag, resolve, reject }
    })
  }

  #feed(chunk: Buffer): void {
    let input = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    for (;;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, input.length)
        this.#skip -= skipped
        input = input.subarray(skipped)
      }
      const end = input.indexOf(10)
      if (end < 0) break
      this.#line(input, end)
      input = input.subarray(end + 1)
    }
    this.#partial = input
  }

  #line(input: Buffer, end: number): void {
    const literal = literalAt(input, end)
    if (!this.#within) this.#begun(input, end, literal > 0)
    this.#within = literal >= 0
    this.#skip = Math.max(0, literal)
    this.#counted.literals += this.#skip
  }

  #begun(input: Buffer, end: number, goesOn: boolean): void {
    const waiting = this.#waiting
    if (input[0] === star && waiting?.tag !== "*") return this.#untagged(input, end, goesOn)
    const line = input.toString("latin1", 0, end).trimEnd()
    if (waiting === null || !line.startsWith(`${waiting.tag} `)) return
    this.#waiting = null
    const last = this.#last.toString("latin1")
    waiting.resolve({ ...this.#counted, status: line.slice(waiting.tag.length + 1), last })
  }

  #untagged(input: Buffer, end: number, goesOn: boolean): void {
    this.#counted.responses += 1
    if (input.subarray(0, numberEnd).includes(" FETCH ")) this.#counted.fetched += 1
    else if (input.subarray(0, numberEnd).includes("VANISHED")) this.#counted.vanished += vanishedIn(input, end)
    if (!goesOn) this.#last = input.subarray(0, end)
  }
}

const star = 0x2a

/** "* ", a number of 32 bits, and the word behind it end before this octet. */
const numberEnd = 20

/** How many UIDs stand in "VANISHED (EARLIER) 1:3,5". */
function vanishedIn(input: Buffer, end: number): number {
  const set = input.toString("latin1", 0, end).match(/\d+(?::\d+)?/g) ?? []
  return set.reduce((sum, range) => {
    const [from = 0, to = from] = range.split(":").map(Number)
    return sum + to - from + 1
  }, 0)
}

function closed(): Error {
  return new Error("the server closed the connection")
}

function nothing(): Omit<Counted, "status" | "last"> {
  return { responses: 0, fetched: 0, vanished: 0, literals: 0 }
}

/** Length of the literal that this line ends with (RFC 3501 §4.3), or -1. */
function literalAt(input: Buffer, end: number): number {
  if (input[end - 1] !== 0x0d || input[end - 2] !== 0x7d) return -1
  const open = input.lastIndexOf(0x7b, end - 2)
  const digits = /^(\d{1,10})\}/.exec(input.toString("latin1", open + 1, end - 1))
  return digits === null ? -1 : Number(digits[1])
}

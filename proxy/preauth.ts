/**
 * The not-authenticated state of IMAP (RFC 3501 §3.1), which is all that the proxy speaks. Octets of a
 * command are zeroed as soon as it is parsed, credentials as soon as the worker has them.
 */
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import type { ClientFacts } from "../daemon/contract/preface.ts"
import { decodeBase64 } from "../daemon/imap/base64.ts"
import { ParseError } from "../daemon/imap/errors.ts"
import { headOf } from "../daemon/imap/head.ts"
import { type PreauthCommand, parsePreauth } from "../daemon/imap/preauth.ts"
import { CommandReader, type Input, type LiteralDecision } from "../daemon/imap/reader.ts"
import { type Attempt, authenticationFailed, type LoginResult } from "./login.ts"
import { type Credentials, credentialsOf, plainCredentials } from "./sasl.ts"

export type PreauthOptions = {
  /** The client's address. */
  remote: string
  /** TLS is on. */
  secure: boolean
  /** Passwords may be sent: TLS is on, or the client is on this machine, or the operator allows it. */
  mayLogIn: boolean
  hostName: string
  limits: { max_line_bytes: number; max_literal_bytes: number; max_bad_commands: number }
  /** Bad commands in a row; lives longer than STARTTLS. */
  faults: { inARow: number }
  login: (attempt: Attempt) => Promise<LoginResult>
}

/** How the state ends. */
export type PreauthEnd =
  /** The last reply is written; the socket is to be closed. */
  | { kind: "closed" }
  /** The OK is written and nothing read since: TLS begins on this socket. */
  | { kind: "starttls" }
  /** The worker answers the login itself; `early` is what the client sent behind its command. */
  | { kind: "open"; worker: Socket; early: Uint8Array }

const closed: PreauthEnd = { kind: "closed" }

const needsLogin = "BAD Unknown command, or one that needs a login first"

/** The commands of this state whose arguments are strings; of others no literal is asked for, it would be sent for nothing. */
function decideLiteral(soFar: Uint8Array): LiteralDecision {
  const { name } = headOf(soFar)
  return name === "LOGIN" || name === "ID" ? { kind: "buffer" } : { kind: "refuse", reply: needsLogin }
}

/** What a client told of itself that is worth showing to the operator (RFC 2971 §3.3). */
const shownFields = ["name", "version", "vendor", "os", "os-version"]

/**
 * First words of HTTP (RFC 9110 §9.1, RFC 9113 §3.4) and SMTP (RFC 5321 §4.1.1), which IMAP reads as a tag. A web page
 * can make a browser send a request here whose body is commands; the lines above it would pass as bad ones.
 */
const foreignWords = new Set(
  "GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT TRACE PRI EHLO HELO LHLO MAIL RCPT".split(" "),
)

export class Preauth {
  readonly #socket: Duplex
  readonly #options: PreauthOptions
  readonly #reader: CommandReader
  #client: Record<string, string> | null = null
  #over = false
  #loggingIn = false
  #late = false
  #firstLine = true
  #stopWaiting: () => void = () => {}

  constructor(socket: Duplex, options: PreauthOptions) {
    this.#socket = socket
    this.#options = options
    const { max_line_bytes, max_literal_bytes } = options.limits
    this.#reader = new CommandReader({
      maxLineBytes: max_line_bytes,
      maxLiteralBytes: max_literal_bytes,
      maxCommandBytes: max_line_bytes + 2 * max_literal_bytes,
      // As much as a client may send at once by LITERAL-, several times over.
      maxSkipBytes: 65_536,
      highWaterBytes: 16_384,
      sensitive: true,
      literal: decideLiteral,
      sendContinuation: () => this.#write("+ OK\r\n"),
      onDrain: () => this.#socket.resume(),
    })
  }

  /**
   * What can be done now (RFC 3501 §7.2.1), and two commands for after the login: Python's imaplib has no enable()
   * and no idle() for a server that does not name them in its first answer, and does not ask again.
   */
  get capabilities(): string {
    const { secure, mayLogIn } = this.#options
    return [
      "IMAP4rev1",
      "IMAP4rev2", // RFC 9051
      "LITERAL-", // RFC 7888
      "ID", // RFC 2971
      "SASL-IR", // RFC 4959
      "ENABLE", // RFC 5161
      "IDLE", // RFC 2177
      ...(secure ? [] : ["STARTTLS"]), // RFC 3501 §6.2.1
      ...(mayLogIn ? ["AUTH=PLAIN", "AUTH=LOGIN"] : ["LOGINDISABLED"]), // RFC 3501 §6.2.3
    ].join(" ")
  }

  greet(): void {
    this.#write(`* OK [CAPABILITY ${this.capabilities}] ${this.#options.hostName} ready\r\n`)
  }

  /** Serves until login, STARTTLS or the end. Never rejects on account of the client. */
  async run(): Promise<PreauthEnd> {
    const socket = this.#socket
    const onData = (chunk: Buffer) => {
      if (!this.#reader.push(chunk)) socket.pause()
    }
    const onEnd = () => this.#reader.end()
    socket.on("data", onData).on("end", onEnd).on("close", onEnd).resume()
    try {
      return await this.#serve()
    } finally {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd).pause()
      this.#reader.wipe()
    }
  }

  /** The time to log in is over. A login that is running may still succeed. */
  expire(): void {
    if (this.#loggingIn) this.#late = true
    else this.bye("[UNAVAILABLE] Too slow to log in")
  }

  /** Ends the connection with BYE; `run` resolves soon after. */
  bye(text: string): void {
    if (this.#over) return
    this.#over = true
    this.#write(`* BYE ${text}\r\n`)
    this.#reader.wipe()
    this.#reader.end()
    this.#stopWaiting()
  }

  async #serve(): Promise<PreauthEnd> {
    for (;;) {
      await this.#drained()
      const input = await this.#reader.next()
      if (this.#over || input.kind === "end") return closed
      const end = await this.#take(input)
      this.#firstLine = false
      if (end !== null) return end
      if (this.#late) this.bye("[UNAVAILABLE] Too slow to log in")
      else if (this.#options.faults.inARow >= this.#options.limits.max_bad_commands) this.bye("Too many bad commands")
      if (this.#over) return closed
    }
  }

  /**
   * Waits until the client has read its replies, or `bye` ends the waiting. Until then no command of it is taken, so
   * that the reader fills up and the socket is paused: who sends and never reads costs two buffers.
   */
  async #drained(): Promise<void> {
    const socket = this.#socket
    if (this.#over || !socket.writableNeedDrain) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stopWaiting = resolve
    socket.once("drain", resolve).once("close", resolve)
    await promise
    socket.off("drain", resolve).off("close", resolve)
  }

  async #take(input: Exclude<Input, { kind: "end" }>): Promise<PreauthEnd | null> {
    if (input.kind === "refused") {
      if (input.fatal) this.bye(input.reply.replace(/^BYE /, ""))
      else this.#fault(input.tag, input.reply)
      return null
    }
    const command = this.#parse(input.bytes)
    return command === null ? null : this.#execute(command)
  }

  #parse(bytes: Uint8Array): PreauthCommand | null {
    const cursor = { bytes, at: 0 }
    try {
      return parsePreauth(cursor)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.#fault(headOf(bytes).tag, `BAD ${capitalised(error.message)}`)
      return null
    } finally {
      bytes.fill(0)
    }
  }

  async #execute(command: PreauthCommand): Promise<PreauthEnd | null> {
    const { tag } = command
    switch (command.name) {
      case "CAPABILITY":
        this.#write(`* CAPABILITY ${this.capabilities}\r\n`)
        return this.#ok(tag, "CAPABILITY completed")
      case "NOOP":
        return this.#ok(tag, "NOOP completed")
      case "ID":
        this.#client = shown(command.fields)
        this.#write('* ID ("name" "mailkeep")\r\n')
        return this.#ok(tag, "ID completed")
      case "LOGOUT":
        this.#write("* BYE Logging out\r\n")
        this.#ok(tag, "LOGOUT completed")
        return closed
      case "STARTTLS":
        return this.#startTls(tag)
      case "LOGIN":
        return this.#login(command)
      case "AUTHENTICATE":
        return this.#authenticate(command)
      case "OTHER":
        return this.#fault(tag, needsLogin)
    }
  }

  /**
   * RFC 3501 §6.2.1. What arrived behind the command came in plaintext, perhaps from somebody between the
   * client and us; it must not be taken for the client's words under TLS, so it is dropped.
   */
  #startTls(tag: string): PreauthEnd | null {
    if (this.#options.secure) return this.#fault(tag, "BAD TLS is on already")
    this.#socket.pause()
    this.#reader.wipe()
    for (let chunk = this.#socket.read(); chunk !== null; chunk = this.#socket.read()) (chunk as Buffer).fill(0)
    this.#ok(tag, "Begin TLS negotiation now")
    return { kind: "starttls" }
  }

  async #login(command: PreauthCommand & { name: "LOGIN" }): Promise<PreauthEnd | null> {
    try {
      if (!this.#options.mayLogIn) return this.#privacyRequired(command.tag)
      return await this.#logIn(command.tag, credentialsOf(command.user, command.password))
    } finally {
      command.user.fill(0)
      command.password.fill(0)
    }
  }

  async #authenticate(command: PreauthCommand & { name: "AUTHENTICATE" }): Promise<PreauthEnd | null> {
    const { tag, mechanism, initial } = command
    try {
      if (!this.#options.mayLogIn) return this.#privacyRequired(tag)
      if (mechanism === "PLAIN") return await this.#plain(tag, initial)
      if (mechanism === "LOGIN") return await this.#loginMechanism(tag, initial)
      return this.#fault(tag, "NO Unsupported authentication mechanism")
    } finally {
      initial?.fill(0)
    }
  }

  async #plain(tag: string, initial: Uint8Array | null): Promise<PreauthEnd | null> {
    const message = initial ?? (await this.#challenge(tag, ""))
    if (message === null) return null
    try {
      return await this.#logIn(tag, plainCredentials(message))
    } finally {
      message.fill(0)
    }
  }

  /** "Username:" and "Password:" in base64 are the prompts that every client of this mechanism expects. */
  async #loginMechanism(tag: string, initial: Uint8Array | null): Promise<PreauthEnd | null> {
    const user = initial ?? (await this.#challenge(tag, "VXNlcm5hbWU6"))
    if (user === null) return null
    const password = await this.#challenge(tag, "UGFzc3dvcmQ6")
    if (password === null) return null
    try {
      return await this.#logIn(tag, credentialsOf(user, password))
    } finally {
      password.fill(0)
    }
  }

  /** Sends a challenge and reads the answer; null when there is none, and the command is answered then. */
  async #challenge(tag: string, base64: string): Promise<Uint8Array | null> {
    this.#write(`+ ${base64}\r\n`)
    const input = await this.#reader.next("line")
    if (input.kind === "refused") this.#fault(tag, input.fatal ? "BAD Too long" : input.reply)
    if (input.kind !== "line") return null
    try {
      // RFC 3501 §6.2.2: the client cancels.
      if (input.bytes.length === 1 && input.bytes[0] === 0x2a) this.#fault(tag, "BAD Authentication cancelled")
      else return decodeBase64(input.bytes)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      this.#fault(tag, `BAD ${capitalised(error.message)}`)
    } finally {
      input.bytes.fill(0)
    }
    return null
  }

  /** Null credentials cannot be anybody's; they get the reply of a wrong password, and count as a bad command. */
  async #logIn(tag: string, credentials: Credentials | null): Promise<PreauthEnd | null> {
    if (credentials === null) return this.#fault(tag, authenticationFailed)
    const { remote, secure } = this.#options
    const facts: ClientFacts = { remote, tls: secure, tag, client: this.#client }
    this.#loggingIn = true
    const result = await this.#options.login({ ...credentials, facts })
    this.#loggingIn = false
    if (result.kind === "open") return { kind: "open", worker: result.worker, early: this.#reader.takeQueued() }
    this.#write(`${tag} ${result.reply}\r\n`)
    return null
  }

  #privacyRequired(tag: string): null {
    return this.#fault(tag, "NO [PRIVACYREQUIRED] Passwords are taken under TLS only: use STARTTLS")
  }

  #ok(tag: string, text: string): null {
    this.#options.faults.inARow = 0
    this.#write(`${tag} OK ${text}\r\n`)
    return null
  }

  /** Answers a command that no working client sends, and counts it. What opens with another protocol is over at once. */
  #fault(tag: string | null, reply: string): null {
    if (this.#firstLine && foreignWords.has(tag?.toUpperCase() ?? "")) {
      this.bye("This is IMAP, not HTTP or SMTP")
      return null
    }
    this.#options.faults.inARow += 1
    this.#write(`${tag ?? "*"} ${reply}\r\n`)
    return null
  }

  #write(text: string): void {
    if (this.#socket.writable) this.#socket.write(text, "latin1")
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function shown(fields: Map<string, string | null> | null): Record<string, string> | null {
  if (fields === null) return null
  const known: Record<string, string> = {}
  for (const [field, value] of fields) {
    const name = field.toLowerCase()
    if (value !== null && shownFields.includes(name)) known[name] = value.replace(/\p{Cc}/gu, "").slice(0, 64)
  }
  return known
}

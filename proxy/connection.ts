/** The life of one connection: PROXY header -> TLS -> before login -> relay. */
import type { Socket } from "node:net"
import type { ControlClient, ControlLog } from "../daemon/contract/channel.ts"
import type { Settings } from "../daemon/host/settings.ts"
import { isLoopback, type Networks, plainAddress } from "./addresses.ts"
import type { Admission } from "./admission.ts"
import { type LoginContext, login } from "./login.ts"
import { Preauth, type PreauthEnd } from "./preauth.ts"
import { ProxyHeaderReader } from "./proxy-protocol.ts"
import { relay } from "./relay.ts"
import { startTls, type TlsIdentity } from "./tls.ts"

/** What all connections share. */
export type House = {
  settings: Settings
  channel: ControlClient
  identity: TlsIdentity
  admission: Admission
  /** Who must send a PROXY header. */
  balancers: Networks
  log: ControlLog
}

/** A PROXY header and a TLS handshake that take longer than this are not a person's mail client. */
const handshakeMs = 15_000
/** How long a client may take to read the last words. */
const farewellMs = 3000
/** A client that vanished without a word is noticed after some minutes, also where nothing else would. */
const keepAliveMs = 120_000

export class Connection {
  readonly #raw: Socket
  readonly #house: House
  readonly #gone = new AbortController()
  readonly #faults = { inARow: 0 }
  /** The socket that the client's words come from: `raw`, or TLS on it. */
  #socket: Socket
  #preauth: Preauth | null = null
  #worker: Socket | null = null
  #secure = false
  #remote: string

  constructor(raw: Socket, house: House) {
    this.#raw = raw
    this.#socket = raw
    this.#house = house
    this.#remote = plainAddress(raw.remoteAddress ?? "")
    // Stays for the life of the socket; what broke is seen by "close", which follows.
    raw.on("error", (error) => house.log.debug({ err: error, remote: this.#remote }, "connection broke"))
    raw.once("close", () => this.#gone.abort())
    raw.setNoDelay(true)
    raw.setKeepAlive(true, keepAliveMs)
  }

  /** Serves the connection to its end. Never rejects. */
  async serve(implicitTls: boolean): Promise<void> {
    const { admission, log } = this.#house
    const seat = admission.arrive()
    const entry: { leave: (() => void) | null } = { leave: null }
    try {
      if (seat.flooded) return
      await this.#withDeadline(handshakeMs, async () => {
        await this.#identify()
        entry.leave = admission.enter(this.#remote)
        if (implicitTls) await this.#startTls()
      })
      if (seat.full || entry.leave === null) this.#refuse(seat.full ? "here" : "from your address")
      else await this.#serveClient()
    } catch (error) {
      log.debug({ err: error, remote: this.#remote }, "connection ended")
    } finally {
      await this.#farewell()
      seat.leave()
      entry.leave?.()
    }
  }

  /** The server stops. */
  close(): void {
    this.#preauth?.bye("Server is going down")
    if (this.#preauth === null) this.#worker?.end()
    if (this.#preauth === null) this.#socket.end()
  }

  destroy(): void {
    this.#worker?.destroy()
    this.#socket.destroy()
    this.#raw.destroy()
  }

  #refuse(where: string): void {
    this.#socket.write(`* BYE [UNAVAILABLE] Too many connections ${where}\r\n`)
  }

  async #withDeadline(ms: number, work: () => Promise<void>): Promise<void> {
    const timer = setTimeout(() => this.#raw.destroy(), ms)
    try {
      await work()
    } finally {
      clearTimeout(timer)
    }
  }

  /** Who the client is: the peer, or whom a load balancer names. */
  async #identify(): Promise<void> {
    if (!this.#house.balancers.has(this.#remote)) return
    const source = await readProxyHeader(this.#raw)
    if (source !== null) this.#remote = source
  }

  async #startTls(): Promise<void> {
    this.#socket = await startTls(this.#raw, this.#house.identity)
    this.#secure = true
    this.#socket.once("close", () => this.#gone.abort())
  }

  async #serveClient(): Promise<void> {
    const timer = setTimeout(() => this.#preauth?.expire(), this.#house.settings.proxy.login_timeout_s * 1000)
    try {
      const end = await this.#untilLogin()
      clearTimeout(timer)
      this.#preauth = null
      if (end.kind !== "open") return
      this.#worker = end.worker
      await relay(this.#socket, end.worker, end.early)
    } finally {
      clearTimeout(timer)
    }
  }

  async #untilLogin(): Promise<PreauthEnd> {
    this.#preauth = this.#newPreauth()
    this.#preauth.greet()
    let end = await this.#preauth.run()
    if (end.kind === "starttls") {
      await this.#withDeadline(handshakeMs, () => this.#startTls())
      // Everything the client said before is forgotten (RFC 3501 §6.2.1), and there is no second greeting.
      this.#preauth = this.#newPreauth()
      end = await this.#preauth.run()
    }
    return end
  }

  #newPreauth(): Preauth {
    const { settings } = this.#house
    return new Preauth(this.#socket, {
      remote: this.#remote === "" ? "local" : this.#remote,
      secure: this.#secure,
      mayLogIn: this.#secure || settings.proxy.allow_plaintext_login || isLoopback(this.#remote),
      hostName: settings.host_name,
      limits: settings.proxy,
      faults: this.#faults,
      login: (attempt) => login(attempt, this.#loginContext(), this.#gone.signal),
    })
  }

  #loginContext(): LoginContext {
    const { channel, log, settings } = this.#house
    const longestDelayS = Math.max(...settings.throttle.delays_s)
    return {
      channel,
      log,
      refusalMs: settings.proxy.refusal_ms,
      ticketTimeoutMs: longestDelayS * 1000 + 10_000,
      answerTimeoutMs: 60_000,
    }
  }

  /** Lets the last words reach the client, then closes whatever is still open. */
  async #farewell(): Promise<void> {
    const socket = this.#socket
    if (!socket.destroyed && socket.writable) {
      const closed = new Promise<void>((resolve) => socket.once("close", resolve))
      const timer = setTimeout(() => socket.destroy(), farewellMs)
      socket.resume().end()
      await closed
      clearTimeout(timer)
    }
    this.destroy()
  }
}

/** Reads the header and leaves what follows it in the socket, paused. @throws ProxyHeaderError; Error on end */
function readProxyHeader(raw: Socket): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const reader = new ProxyHeaderReader()
    const settle = (finish: () => void) => {
      raw.off("data", onData).off("end", onEnd).off("close", onEnd).pause()
      finish()
    }
    const onEnd = () => settle(() => reject(new Error("ended before the PROXY header")))
    const onData = (chunk: Buffer) => {
      try {
        const header = reader.push(chunk)
        if (header === null) return
        settle(() => resolve(header.source))
        if (reader.rest.length > 0) raw.unshift(reader.rest)
      } catch (error) {
        settle(() => reject(error))
      }
    }
    raw.on("data", onData).on("end", onEnd).on("close", onEnd).resume()
  })
}

import type { Socket } from "node:net"
import { type Endpoint, IPCModule } from "node-ipc"
import {
  type Asks,
  controlVersion,
  type Notice,
  type NoticeName,
  notices,
  type RequestName,
  requests,
} from "./control.ts"
import {
  type AnyNotice,
  breach,
  type ControlHandlers,
  type ControlLog,
  type ControlPeer,
  configured,
  give,
  guarded,
  helloSchema,
  limits,
  noticeNames,
  requestFrame,
  requestNames,
  take,
} from "./control-frames.ts"
import { claimSocketPath, withSocketMode } from "./control-socket.ts"

export type ControlServer = {
  /** To every connected peer; those that are away miss it. @throws ControlMisuse */
  broadcast<N extends NoticeName>(name: N, notice: Notice<N>): void
  /** Ends all connections and removes the socket. */
  close(): Promise<void>
}

export type ServerOptions = {
  socket: string
  mode?: number
  handlers: ControlHandlers
  onNotice?: (notice: AnyNotice, peer: ControlPeer) => void
  log: ControlLog
}

type Peer = ControlPeer & { greeted: boolean; inFlight: number }

/**
 * Serves the control socket. The directory is made when missing, its owner and mode are checked, and a
 * socket file that nobody answers on is removed.
 *
 * @param options.mode mode of the socket: 0600 for one user, 0660 where proxy and spool share a group
 * @throws ControlSocketError when the directory is not safe or another process answers
 */
export async function serveControl(options: ServerOptions): Promise<ControlServer> {
  const mode = options.mode ?? 0o600
  await claimSocketPath(options.socket, mode)
  const server = new Server(options)
  await server.start(options.socket, mode)
  return server
}

class Server implements ControlServer {
  readonly #handlers: ControlHandlers
  readonly #onNotice: ServerOptions["onNotice"]
  readonly #log: ControlLog
  readonly #peers = new Map<Socket, Peer>()
  #endpoint: Endpoint | undefined
  #lastPeer = 0

  constructor(options: ServerOptions) {
    this.#handlers = options.handlers
    this.#onNotice = options.onNotice
    this.#log = options.log
  }

  async start(socket: string, mode: number): Promise<void> {
    const ipc = configured(new IPCModule())
    await new Promise<void>((resolve, reject) => {
      ipc.serve(socket, resolve)
      this.#listenTo(ipc.server, reject)
      withSocketMode(mode, () => ipc.server.start())
    })
  }

  #listenTo(endpoint: Endpoint, failed: (error: unknown) => void): void {
    this.#endpoint = endpoint
    const on = (name: string, take: (socket: Socket, data: unknown) => void) =>
      endpoint.on(name, (data, socket) => take(socket as Socket, data))
    endpoint.on("connect", (socket) => this.#arrived(socket as Socket))
    endpoint.on("close", (socket) => this.#peers.delete(socket as Socket))
    endpoint.on("error", (error) => {
      this.#log.warn({ err: error }, "control channel: connection ended")
      failed(error)
    })
    on("hello", (socket, data) => this.#greeted(socket, data))
    on("reply", () => {
      throw breach("a reply to the server")
    })
    for (const name of requestNames) on(name, (socket, data) => this.#asked(name, socket, data))
    for (const name of noticeNames) on(name, (socket, data) => this.#noticed(name, socket, data))
  }

  #arrived(socket: Socket): void {
    this.#peers.set(socket, { id: ++this.#lastPeer, greeted: false, inFlight: 0 })
    this.#send(socket, "hello", { version: controlVersion })
  }

  #greeted(socket: Socket, data: unknown): void {
    take(helloSchema, "hello", data)
    const peer = this.#peers.get(socket)
    if (peer !== undefined) peer.greeted = true
  }

  #peerOf(socket: Socket): Peer {
    const peer = this.#peers.get(socket)
    if (peer?.greeted !== true) throw breach("a message before hello")
    return peer
  }

  #noticed(name: NoticeName, socket: Socket, data: unknown): void {
    const peer = this.#peerOf(socket)
    const notice = { name, notice: take(notices[name], name, data) } as AnyNotice
    guarded(this.#log, name, () => this.#onNotice?.(notice, peer))
  }

  #asked(name: RequestName, socket: Socket, data: unknown): void {
    const peer = this.#peerOf(socket)
    const frame = take(requestFrame, name, data)
    const asks: Asks<RequestName> = take(requests[name].asks, name, frame.asks)
    if (peer.inFlight >= limits.inFlight) {
      this.#send(socket, "reply", { id: frame.id, failed: "busy" })
      return
    }
    peer.inFlight++
    void this.#answer(name, asks, peer).then((answer) => {
      peer.inFlight--
      this.#send(socket, "reply", { id: frame.id, ...answer })
    })
  }

  /** Never rejects: a handler that fails becomes `fault`, the cause goes to the log. */
  async #answer<N extends RequestName>(name: N, asks: unknown, peer: Peer): Promise<object> {
    try {
      const replies = await this.#handlers[name](asks as Asks<N>, peer)
      return { replies: give(requests[name].replies, name, replies) }
    } catch (error) {
      this.#log.error({ err: error, request: name }, "control channel: request failed")
      return { failed: "fault" }
    }
  }

  /** A peer that left, or does not read, is not an error of ours: node-ipc ends its connection. */
  #send(socket: Socket, type: string, data: object): void {
    if (socket.destroyed) return
    guarded(this.#log, type, () => this.#endpoint?.emit(socket, type, data))
  }

  broadcast<N extends NoticeName>(name: N, notice: Notice<N>): void {
    const checked = give(notices[name], name, notice)
    for (const [socket, peer] of this.#peers) if (peer.greeted) this.#send(socket, name, checked as object)
  }

  async close(): Promise<void> {
    const endpoint = this.#endpoint
    if (endpoint === undefined) return
    this.#endpoint = undefined
    await new Promise<void>((resolve) => {
      endpoint.server.once("close", () => resolve())
      endpoint.stop()
    })
  }
}

import { type Client, IPCModule } from "node-ipc"
import {
  type Asks,
  controlVersion,
  type Notice,
  type NoticeName,
  notices,
  type Replies,
  type RequestName,
  requests,
} from "./control.ts"
import {
  type AnyNotice,
  breach,
  type ControlLog,
  ControlUnreachable,
  configured,
  give,
  guarded,
  helloSchema,
  limits,
  noticeNames,
  replyFrame,
  requestNames,
  take,
} from "./control-frames.ts"
import { checkSocketPath } from "./control-socket.ts"

export type ControlClient = {
  /** @throws ControlUnreachable at once when disconnected, later on timeout or disconnect; ControlMisuse */
  request<N extends RequestName>(name: N, asks: Asks<N>, options?: { timeoutMs?: number }): Promise<Replies<N>>
  /** @returns false when disconnected: the notice is lost. @throws ControlMisuse */
  notify<N extends NoticeName>(name: N, notice: Notice<N>): boolean
  readonly connected: boolean
  /** Resolves when connected. @throws ControlUnreachable after `timeoutMs`, or on close */
  ready(timeoutMs: number): Promise<void>
  close(): Promise<void>
}

/**
 * Connects to the daemon and stays connected: after a loss it tries again, at once and then up to every 2 s.
 * Returns before the first connection stands; see `ready`.
 */
export function connectControl(options: ClientOptions): ControlClient {
  return new Connection(options)
}

export type ClientOptions = {
  socket: string
  log: ControlLog
  onNotice?: (notice: AnyNotice) => void
  /** Called after each change between connected and disconnected. */
  onState?: (connected: boolean) => void
}

type Pending = {
  name: RequestName
  resolve: (replies: never) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}

class Connection implements ControlClient {
  readonly #options: ClientOptions
  readonly #ipc = configured(new IPCModule())
  readonly #pending = new Map<number, Pending>()
  readonly #waiting = new Set<{ resolve: () => void; reject: (error: Error) => void }>()
  #lastId = 0
  #attempt = 0
  #connected = false
  #closed = false
  #retry: NodeJS.Timeout | undefined

  constructor(options: ClientOptions) {
    this.#options = options
    this.#connect()
  }

  get connected(): boolean {
    return this.#connected
  }

  #connect(): void {
    this.#retry = undefined
    const { log, socket } = this.#options
    try {
      checkSocketPath(socket)
      this.#ipc.connectTo("daemon", socket)
    } catch (error) {
      if (this.#attempt === 0) log.warn({ err: error }, "control channel: cannot connect")
      this.#again()
      return
    }
    const client = this.#ipc.of.daemon
    if (client !== undefined) this.#listenTo(client)
  }

  #listenTo(client: Client): void {
    const { log } = this.#options
    client.on("connect", () => guarded(log, "hello", () => client.emit("hello", { version: controlVersion })))
    client.on("disconnect", () => this.#lost())
    client.on("error", (error) => {
      if (this.#connected || this.#attempt === 0) log.warn({ err: error }, "control channel: connection failed")
    })
    client.on("hello", (data) => this.#greeted(data))
    client.on("reply", (data) => this.#replied(data))
    for (const name of noticeNames) client.on(name, (data) => this.#noticed(name, data))
    for (const name of requestNames)
      client.on(name, () => {
        throw breach("a request to a client")
      })
  }

  #greeted(data: unknown): void {
    take(helloSchema, "hello", data)
    if (this.#connected) return
    this.#connected = true
    this.#attempt = 0
    for (const waiting of this.#waiting) waiting.resolve()
    this.#waiting.clear()
    guarded(this.#options.log, "state", () => this.#options.onState?.(true))
  }

  #lost(): void {
    const wasConnected = this.#connected
    this.#connected = false
    this.#ipc.disconnect("daemon")
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer)
      pending.reject(new ControlUnreachable("disconnected"))
    }
    this.#pending.clear()
    if (wasConnected) guarded(this.#options.log, "state", () => this.#options.onState?.(false))
    this.#again()
  }

  #again(): void {
    if (this.#closed) return
    const delay = limits.retryMs[Math.min(this.#attempt++, limits.retryMs.length - 1)]
    this.#retry = setTimeout(() => this.#connect(), delay)
  }

  #noticed(name: NoticeName, data: unknown): void {
    if (!this.#connected) throw breach("a notice before hello")
    const notice = { name, notice: take(notices[name], name, data) } as AnyNotice
    guarded(this.#options.log, name, () => this.#options.onNotice?.(notice))
  }

  #replied(data: unknown): void {
    const frame = take(replyFrame, "reply", data)
    if (frame.id > this.#lastId) throw breach("a reply nobody asked for")
    const pending = this.#pending.get(frame.id)
    if (pending === undefined) return // its time had run out
    const replies = "failed" in frame ? undefined : take(requests[pending.name].replies, pending.name, frame.replies)
    this.#pending.delete(frame.id)
    clearTimeout(pending.timer)
    if ("failed" in frame) pending.reject(new ControlUnreachable(frame.failed))
    else pending.resolve(replies as never)
  }

  async request<N extends RequestName>(
    name: N,
    asks: Asks<N>,
    { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
  ): Promise<Replies<N>> {
    const checked = give(requests[name].asks, name, asks)
    if (!this.#connected) throw new ControlUnreachable("disconnected")
    if (this.#pending.size >= limits.inFlight) throw new ControlUnreachable("busy")
    const id = ++this.#lastId
    return new Promise<Replies<N>>((resolve, reject) => {
      const expire = () => {
        this.#pending.delete(id)
        reject(new ControlUnreachable("timeout"))
      }
      this.#pending.set(id, { name, resolve, reject, timer: setTimeout(expire, timeoutMs) })
      this.#ipc.of.daemon?.emit(name, { id, asks: checked })
    })
  }

  notify<N extends NoticeName>(name: N, notice: Notice<N>): boolean {
    const checked = give(notices[name], name, notice)
    if (!this.#connected) return false
    this.#ipc.of.daemon?.emit(name, checked)
    return this.#connected
  }

  async ready(timeoutMs: number): Promise<void> {
    if (this.#connected) return
    if (this.#closed) throw new ControlUnreachable("disconnected")
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        resolve: () => {
          clearTimeout(timer)
          resolve()
        },
        reject: (error: Error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting)
        reject(new ControlUnreachable("timeout"))
      }, timeoutMs)
      this.#waiting.add(waiting)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    for (const waiting of this.#waiting) waiting.reject(new ControlUnreachable("disconnected"))
    this.#waiting.clear()
    this.#lost()
  }
}

/** What `channel.ts` uses of node-ipc 14.0.0, which ships without types. */
declare module "node-ipc" {
  import type { Server, Socket } from "node:net"

  export class IPCProtocolError extends Error {
    constructor(code: string, message: string)
    readonly code: string
  }

  export class GuardedParser {
    constructor(config?: Config)
    validateType(type: unknown): void
  }

  export type Config = {
    parser: typeof GuardedParser
    socketRoot: string
    secureSocketRoot: boolean
    unlink: boolean
    silent: boolean
    logPayloads: boolean
    maxMessageSize: number
    maxPendingBytes: number
    maxEventNameLength: number
    messageTimeout: number
    maxConnections: number
    maxRetries: number
  }

  type Emitter = { on(type: string, handler: (...args: unknown[]) => void): unknown }

  export type Endpoint = Emitter & {
    readonly server: Server
    start(): void
    stop(): void
    emit(socket: Socket, type: string, data: unknown): boolean
  }

  export type Client = Emitter & {
    readonly socket: Socket
    emit(type: string, data: unknown): boolean
  }

  export class IPCModule {
    config: Config
    server: Endpoint
    of: Record<string, Client | undefined>
    serve(path: string, started: () => void): void
    connectTo(id: string, path: string): void
    disconnect(id: string): void
  }
}

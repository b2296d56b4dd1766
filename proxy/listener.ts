import { createServer, type ListenOptions, type Server } from "node:net"
import { claimSocketPath, withSocketMode } from "../daemon/contract/control-socket.ts"
import { Connection, type House } from "./connection.ts"

/** How long connections may take to say goodbye when the server stops. */
const closeMs = 2000

/** One address on which clients are accepted. */
export class Listener {
  readonly #server: Server
  readonly #connections: Set<Connection>
  /** `host:port` as bound (a port of 0 is replaced by the one the system chose), or the socket's path. */
  readonly address: string

  private constructor(server: Server, connections: Set<Connection>) {
    this.#server = server
    this.#connections = connections
    this.address = boundTo(server)
  }

  /**
   * @param address `host:port`, `[v6]:port` or the path of a Unix socket
   * @throws the error of listen (EADDRINUSE, EACCES, …), ControlSocketError for a path that is not free
   */
  static async open(address: string, implicitTls: boolean, house: House, socketPath: string): Promise<Listener> {
    const connections = new Set<Connection>()
    // Paused until somebody listens, so that nothing is lost before TLS; half-open because a client may
    // end its side and still read.
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
      const connection = new Connection(raw, house)
      connections.add(connection)
      void connection.serve(implicitTls).finally(() => connections.delete(connection))
    })
    if (address.includes("/")) await claimSocketPath(socketPath, 0o660)
    await listen(server, address.includes("/") ? { path: socketPath } : hostAndPort(address))
    // For example too many open files: the connection is lost, the listener is not.
    server.on("error", (error) => house.log.error({ err: error, address }, "cannot accept"))
    return new Listener(server, connections)
  }

  /** Stops accepting, tells every client, and cuts off who does not leave. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of this.#connections) connection.close()
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy()
    }, closeMs)
    await closed
    clearTimeout(timer)
  }
}

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    withSocketMode(0o660, () =>
      server.listen(where, () => {
        server.off("error", reject)
        resolve()
      }),
    )
  })
}

function hostAndPort(address: string): ListenOptions {
  const at = address.lastIndexOf(":")
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(address.slice(at + 1)) }
}

function boundTo(server: Server): string {
  const bound = server.address()
  if (bound === null || typeof bound === "string") return bound ?? ""
  return `${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`
}

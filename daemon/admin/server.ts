import { createServer, type IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import { z } from "zod"
import { claimSocketPath, withSocketMode } from "../contract/control-socket.ts"
import { DirectoryError } from "../directory/directory.ts"
import { AdminError, type AdminFault, type AdminHandlers, type AdminRequestName, adminRequests } from "./requests.ts"

const limits = {
  payloadBytes: 65_536,
  connections: 32,
  /** Requests of one connection that wait for their replies. */
  inFlight: 32,
  /** Replies that a client does not read. */
  unreadBytes: 67_108_864,
  closeMs: 1000,
} as const

/** Close codes of RFC 6455 §7.4.1. */
const closeCodes = { goingAway: 1001, unacceptableData: 1003, policy: 1008 } as const

/** pino's loggers fit. */
export type AdminLog = Record<"debug" | "info" | "warn" | "error", (fields: object, text: string) => void>

/** Closes all connections and removes the socket. */
export type AdminServer = { close(): Promise<void> }

const envelope = z.looseObject({ id: z.int().min(0), request: z.string().max(64) })

/**
 * The admin API on a Unix socket. Who may open the socket may do everything, so the socket has exactly
 * `mode` from its first moment, its directory is closed to others, and what looks like a browser is
 * refused: nobody shall be led to it by a web page.
 *
 * @throws ControlSocketError when the path cannot be used, or another process answers there
 */
export async function serveAdmin(given: {
  socketPath: string
  mode: number
  handlers: AdminHandlers
  log: AdminLog
}): Promise<AdminServer> {
  const { socketPath, mode, handlers, log } = given
  await claimSocketPath(socketPath, mode)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: limits.payloadBytes, perMessageDeflate: false })
  const http = createServer((_, response) => {
    response.writeHead(426, { "Content-Type": "text/plain", Connection: "close" })
    response.end("This is the admin API of mailkeep: a WebSocket at /v1.\n")
  })
  http.maxConnections = limits.connections
  http.on("upgrade", (request, socket, head) => {
    const refusal = refusalOf(request)
    if (refusal !== null) return refuseUpgrade(socket, refusal)
    sockets.handleUpgrade(request, socket, head, (client) => serveClient(client, handlers, log))
  })
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject)
    withSocketMode(mode, () => http.listen(socketPath, resolve))
  })
  http.on("error", (error) => log.error({ err: error }, "admin socket"))
  return { close: () => closeAll(http, sockets) }
}

function refusalOf(request: IncomingMessage): string | null {
  if (request.headers.origin !== undefined) return "403 Forbidden"
  return request.url === "/v1" ? null : "404 Not Found"
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on("error", () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

async function closeAll(http: ReturnType<typeof createServer>, sockets: WebSocketServer): Promise<void> {
  const closed = new Promise<void>((resolve) => http.close(() => resolve()))
  for (const client of sockets.clients) client.close(closeCodes.goingAway)
  http.closeAllConnections()
  const late = setTimeout(() => {
    for (const client of sockets.clients) client.terminate()
  }, limits.closeMs)
  await closed
  clearTimeout(late)
}

function serveClient(client: WebSocket, handlers: AdminHandlers, log: AdminLog): void {
  let inFlight = 0
  const send = (reply: object) => {
    if (client.bufferedAmount > limits.unreadBytes) return client.terminate()
    if (client.readyState === client.OPEN) client.send(JSON.stringify(reply))
  }
  client.on("error", (error) => log.debug({ err: error }, "admin connection"))
  client.on("message", (data, binary) => {
    if (binary) return client.close(closeCodes.unacceptableData, "JSON text expected")
    if (++inFlight > limits.inFlight) return client.close(closeCodes.policy, "too many requests at once")
    void answer(data, handlers, log).then((reply) => {
      inFlight--
      send(reply)
    })
  })
}

/** The reply to one message. Never rejects. */
async function answer(data: RawData, handlers: AdminHandlers, log: AdminLog): Promise<object> {
  let id: number | null = null
  let name = "unknown"
  try {
    const { id: given, request, ...asks } = envelopeOf(data)
    id = given
    if (!Object.hasOwn(adminRequests, request)) {
      throw new AdminError("unknown-request", `there is no request ${JSON.stringify(request)}`)
    }
    name = request
    return { id, ok: await handled(request as AdminRequestName, asks, handlers) }
  } catch (error) {
    const refusal = refusalFor(error)
    if (refusal.fault === "fault") log.error({ request: name, err: error }, "admin request failed")
    else log.debug({ request: name, fault: refusal.fault }, "admin request refused")
    return { id, error: refusal }
  }
}

function envelopeOf(data: RawData): z.infer<typeof envelope> {
  let message: unknown
  try {
    message = JSON.parse(data.toString())
  } catch (cause) {
    throw new AdminError("bad-request", "not JSON", { cause })
  }
  const checked = envelope.safeParse(message)
  if (!checked.success) throw new AdminError("bad-request", `not a request: ${firstProblem(checked.error)}`)
  return checked.data
}

async function handled(name: AdminRequestName, asks: object, handlers: AdminHandlers): Promise<unknown> {
  const checked = adminRequests[name].asks.safeParse(asks)
  if (!checked.success) throw new AdminError("bad-request", `${name}: ${firstProblem(checked.error)}`)
  // The name picks schema and handler of one row of the table, which the compiler cannot follow.
  const handler = handlers[name] as (asks: unknown) => Promise<unknown>
  return adminRequests[name].replies.parse(await handler(checked.data))
}

function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0]
  const where = issue?.path.join(".") ?? ""
  return where === "" ? (issue?.message ?? "") : `${where}: ${issue?.message}`
}

/** The one place where an exception becomes a reply; what was not foreseen says no more than that. */
function refusalFor(error: unknown): { fault: AdminFault; message: string } {
  if (error instanceof AdminError || error instanceof DirectoryError) {
    return { fault: error.fault, message: error.message }
  }
  return { fault: "fault", message: "the daemon could not do this: its log says why" }
}

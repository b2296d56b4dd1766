import { connect } from "node:net"
import { WebSocket } from "ws"
import { z } from "zod"
import { ControlSocketError, checkSocketPath } from "../contract/control-socket.ts"
import {
  type AdminAsksInput,
  AdminError,
  type AdminReplies,
  type AdminRequestName,
  adminFaults,
  adminRequests,
} from "./requests.ts"

const maxReplyBytes = 268_435_456
const defaultTimeoutMs = 120_000

/** Nobody answers on the admin socket, or not in time. `running` is false when there is no daemon at all. */
export class AdminUnreachable extends Error {
  readonly running: boolean

  constructor(running: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = "AdminUnreachable"
    this.running = running
  }
}

const replySchema = z.union([
  z.strictObject({ id: z.literal(1), ok: z.unknown() }),
  z.strictObject({
    id: z.literal(1).nullable(),
    error: z.strictObject({ fault: z.enum(adminFaults), message: z.string() }),
  }),
])

/**
 * One request to the daemon, on a connection of its own.
 *
 * @throws AdminError what the daemon refused
 * @throws AdminUnreachable
 */
export async function request<N extends AdminRequestName>(
  socketPath: string,
  name: N,
  asks: AdminAsksInput<N>,
  { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
): Promise<AdminReplies<N>> {
  checkSocket(socketPath)
  const text = await exchange(socketPath, JSON.stringify({ id: 1, request: name, ...asks }), timeoutMs)
  const reply = replySchema.safeParse(jsonOf(text)).data
  if (reply === undefined) throw foreign(socketPath)
  if ("error" in reply) throw new AdminError(reply.error.fault, reply.error.message)
  const checked = adminRequests[name].replies.safeParse(reply.ok)
  if (!checked.success) throw foreign(socketPath)
  return checked.data as AdminReplies<N>
}

/** Who answers here is trusted with the ways to the workers, and so with passwords. */
function checkSocket(socketPath: string): void {
  try {
    checkSocketPath(socketPath)
  } catch (cause) {
    throw unreachable(socketPath, cause as Error)
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function foreign(socketPath: string): AdminUnreachable {
  const text = `what answers on ${socketPath} is not this version of mailkeep: restart it with \`mailkeep up\``
  return new AdminUnreachable(true, text)
}

function exchange(socketPath: string, message: string, timeoutMs: number): Promise<string> {
  const socket = new WebSocket("ws://localhost/v1", {
    createConnection: () => connect(socketPath),
    maxPayload: maxReplyBytes,
    perMessageDeflate: false,
    followRedirects: false,
  })
  return new Promise<string>((resolve, reject) => {
    const late = () => reject(new AdminUnreachable(true, `mailkeep does not answer on ${socketPath}: see its log`))
    const timer = setTimeout(late, timeoutMs)
    socket.once("open", () => socket.send(message))
    socket.once("message", (data) => resolve(data.toString()))
    socket.once("error", (error) => reject(unreachable(socketPath, error)))
    socket.once("close", () =>
      reject(new AdminUnreachable(true, `mailkeep closed the connection on ${socketPath}: see its log`)),
    )
    socket.once("close", () => clearTimeout(timer))
  }).finally(() => socket.terminate())
}

function unreachable(socketPath: string, cause: Error): AdminUnreachable {
  const code = "code" in cause ? cause.code : undefined
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    const text = `mailkeep is not running (no answer on ${socketPath}): start it with \`mailkeep up\``
    return new AdminUnreachable(false, text, { cause })
  }
  if (code === "EACCES" || code === "EPERM") {
    const text = `you may not use ${socketPath}: run this as the user that runs mailkeep, or as root`
    return new AdminUnreachable(true, text, { cause })
  }
  const text = cause instanceof ControlSocketError ? cause.message : `${socketPath}: ${cause.message}`
  return new AdminUnreachable(true, `the admin socket cannot be used: ${text}`, { cause })
}

/** The frames of the control channel (see `channel.ts`), how they are checked, and how node-ipc is set up. */
import { type Config, GuardedParser, type IPCModule, IPCProtocolError } from "node-ipc"
import { z } from "zod"
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

export const limits = {
  frameBytes: 65_536,
  pendingBytes: 8_388_608,
  inFlight: 4096,
  connections: 256,
  unfinishedFrameMs: 10_000,
  retryMs: [50, 100, 250, 500, 1000, 2000],
} as const

/** pino's loggers fit. */
export type ControlLog = {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

/** The other side could not be asked, or did not answer. Asking again later may work. */
export class ControlUnreachable extends Error {
  readonly why: "disconnected" | "timeout" | "busy" | "fault"
  constructor(why: ControlUnreachable["why"]) {
    super(`control channel: ${why}`)
    this.name = "ControlUnreachable"
    this.why = why
  }
}

/** Our own message does not fit the contract; nothing was sent. Names fields, never values. */
export class ControlMisuse extends Error {
  constructor(name: string, error: z.ZodError) {
    super(`${name}: does not fit the contract at ${fieldsOf(error)}`)
    this.name = "ControlMisuse"
  }
}

/** One connection to the server; `id` is unique while the server lives. */
export type ControlPeer = { readonly id: number }

export type ControlHandlers = {
  [N in RequestName]: (asks: Asks<N>, peer: ControlPeer) => Promise<Replies<N>>
}

/** A notice with its name, so that a `switch` on `name` narrows `notice`. */
export type AnyNotice = { [N in NoticeName]: { name: N; notice: Notice<N> } }[NoticeName]

export const requestNames = Object.keys(requests) as RequestName[]
export const noticeNames = Object.keys(notices) as NoticeName[]
const allowed = new Set<unknown>([...requestNames, ...noticeNames, "hello", "reply"])

const id = z.int().min(1)
export const helloSchema = z.strictObject({ version: z.literal(controlVersion) })
export const requestFrame = z.strictObject({ id, asks: z.unknown() })
export const replyFrame = z.union([
  z.strictObject({ id, replies: z.unknown() }),
  z.strictObject({ id, failed: z.enum(["busy", "fault"]) }),
])

/** node-ipc's guarded parser with our allow-list. */
class ContractParser extends GuardedParser {
  override validateType(type: unknown): void {
    super.validateType(type)
    if (!allowed.has(type)) throw breach("a name outside the contract")
  }
}

/** Thrown inside a message handler, it makes node-ipc destroy the connection and drop what is buffered. */
export function breach(text: string): IPCProtocolError {
  return new IPCProtocolError("ERR_CONTROL_CONTRACT", text)
}

function fieldsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join(".") || "(top)"}: ${issue.code}`).join(", ")
}

/** Reads a message from the other side. Values stay out of the error: it is logged. */
export function take<S extends z.ZodType>(schema: S, name: string, data: unknown): z.infer<S> {
  const result = schema.safeParse(data)
  if (!result.success) throw breach(`${name}: ${fieldsOf(result.error)}`)
  return result.data
}

/** Checks a message of ours before it leaves. */
export function give<S extends z.ZodType>(schema: S, name: string, data: unknown): z.infer<S> {
  const result = schema.safeParse(data)
  if (!result.success) throw new ControlMisuse(name, result.error)
  return result.data
}

export function configured(ipc: IPCModule): IPCModule {
  const config: Partial<Config> = {
    parser: ContractParser,
    secureSocketRoot: false,
    unlink: false,
    silent: true,
    logPayloads: false,
    maxMessageSize: limits.frameBytes,
    maxPendingBytes: limits.pendingBytes,
    maxEventNameLength: 64,
    messageTimeout: limits.unfinishedFrameMs,
    maxConnections: limits.connections,
    maxRetries: 0,
  }
  Object.assign(ipc.config, config)
  return ipc
}

/** Runs code that must not throw into node-ipc, which would end the process. */
export function guarded(log: ControlLog, name: string, work: () => unknown): void {
  try {
    work()
  } catch (error) {
    log.error({ err: error, message: name }, "control channel: message not handled")
  }
}

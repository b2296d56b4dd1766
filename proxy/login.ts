import type { Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { type ControlClient, type ControlLog, ControlMisuse, ControlUnreachable } from "../daemon/contract/channel.ts"
import { ControlSocketError } from "../daemon/contract/control-socket.ts"
import type { ClientFacts, PrefaceAnswer } from "../daemon/contract/preface.ts"
import type { RefusalReason } from "../daemon/contract/worker-link.ts"
import { presentPreface, WorkerGone, WorkerUnreachable } from "../daemon/contract/worker-socket.ts"
import { overwriteStack } from "../daemon/keys/secret.ts"
import type { Credentials } from "./sasl.ts"

export type Attempt = Credentials & { facts: ClientFacts }

/** `reply` is what stands behind the tag; after `open` the worker writes the tagged OK itself. */
export type LoginResult = { kind: "open"; worker: Socket } | { kind: "refused"; reply: string }

export type LoginContext = {
  channel: ControlClient
  log: ControlLog
  /** Longer than the longest delay of the throttle. */
  ticketTimeoutMs: number
  /** A refusal is answered at a multiple of this time. */
  refusalMs: number
  /** The derivation, and waiting for its turn. */
  answerTimeoutMs: number
}

export const authenticationFailed = "NO [AUTHENTICATIONFAILED] Authentication failed"
const unavailable = "NO [UNAVAILABLE] Logins are not possible at the moment, please try again later"
const damaged = "NO [CORRUPTION] This mailbox is damaged, please tell the operator"
const newer = "NO [CONTACTADMIN] A newer version of this server wrote this mailbox, please tell the operator"
const fault = "NO [SERVERBUG] This mailbox cannot be opened, please tell the operator"

/** Complete by type: a new reason does not compile until it is answered here. Codes from RFC 5530 §3. */
const replies: Record<RefusalReason, string> = {
  credential: authenticationFailed,
  // Only a change of password can be answered so; for a login it is one more wrong password.
  "unusable-password": authenticationFailed,
  busy: unavailable,
  closing: unavailable,
  "damaged-slot": damaged,
  "damaged-database": damaged,
  "newer-database": newer,
  fault,
}

/** A worker that is closing is gone in a moment, and the next ticket is for a fresh one. */
const closingRetries = 3
const closingWaitMs = 300
/** How long a login waits for a daemon that is not there. */
const reconnectMs = 3000

/**
 * The login, step by step:
 * 1. ask the daemon for a ticket: the user's name, the client's address, no secret;
 * 2. the daemon answers with a worker's socket and the ticket, for unknown users as well;
 * 3. show the worker ticket and credential; the octets that were written are wiped;
 * 4. on ok the worker's socket is the IMAP stream; on refused the client may try again.
 *
 * `attempt.credential` is wiped on every path. Never rejects: what goes wrong on our side is UNAVAILABLE to
 * the client and a line in the log. When `signal` aborts (the client is gone) the result means nothing.
 */
export async function login(attempt: Attempt, context: LoginContext, signal: AbortSignal): Promise<LoginResult> {
  const begun = performance.now()
  const result = await decide(attempt, context, signal)
  if (result.kind === "refused" && context.refusalMs > 0) {
    await pause(context.refusalMs - ((performance.now() - begun) % context.refusalMs), signal)
  }
  return result
}

/**
 * A wrong password takes longer where a worker must be started than where the user has one open, which would
 * tell who is logged in, and so who exists.
 */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== "AbortError") throw error
  })
}

async function decide(attempt: Attempt, context: LoginContext, signal: AbortSignal): Promise<LoginResult> {
  try {
    for (let left = closingRetries; ; left -= 1) {
      const result = await tryOnce(attempt, context, signal).catch((error: unknown) => {
        // It was closing already when the ticket to it was given, and said nothing any more.
        if (error instanceof WorkerGone && left > 0) return { kind: "closing" } as const
        throw error
      })
      if (result.kind !== "closing") return result
      if (left === 0) return { kind: "refused", reply: replies.closing }
      await sleep(closingWaitMs, undefined, { signal })
    }
  } catch (error) {
    logFailure(error, context.log, signal)
    return { kind: "refused", reply: unavailable }
  } finally {
    attempt.credential.fill(0)
    overwriteStack()
  }
}

async function tryOnce(
  attempt: Attempt,
  context: LoginContext,
  signal: AbortSignal,
): Promise<LoginResult | { kind: "closing" }> {
  const { user, facts, credential } = attempt
  const asks = { user, remote: facts.remote, protocol: "imap", tls: facts.tls } as const
  // A daemon that is being restarted is back in a moment; a client that is told no may not ask again before a person does.
  if (!context.channel.connected) await context.channel.ready(reconnectMs)
  signal.throwIfAborted()
  const session = await context.channel.request("session.open", asks, { timeoutMs: context.ticketTimeoutMs })
  signal.throwIfAborted()
  if (session.kind === "unavailable") return { kind: "refused", reply: unavailable }
  const ticket = Buffer.from(session.ticket, "base64url")
  const { socket, answer } = await presentPreface(
    session.worker,
    { purpose: "imap", ticket, credential, second: new Uint8Array(0), facts },
    { timeoutMs: context.answerTimeoutMs, signal },
  )
  if (answer.status === "ok") return { kind: "open", worker: socket }
  socket.destroy()
  return refusal(answer)
}

function refusal(answer: PrefaceAnswer & { status: "refused" }): LoginResult | { kind: "closing" } {
  return answer.why === "closing" ? { kind: "closing" } : { kind: "refused", reply: replies[answer.why] }
}

function logFailure(error: unknown, log: ControlLog, signal: AbortSignal): void {
  if (signal.aborted) return
  const foreseen = [ControlUnreachable, ControlMisuse, ControlSocketError, WorkerUnreachable]
  if (foreseen.some((kind) => error instanceof kind)) log.warn({ err: error }, "login not possible")
  else log.error({ err: error }, "login failed for a reason that was not foreseen")
}

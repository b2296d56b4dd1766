import { connect, type Socket } from "node:net"
import { ControlSocketError, checkSocketPath } from "../../contract/control-socket.ts"
import { AnswerReader, encodePreface, type PrefaceAnswer, PrefaceError } from "../../contract/preface.ts"
import type { Purpose, RefusalReason } from "../../contract/worker-link.ts"
import { wipe } from "../../keys/secret.ts"
import type { AdmissionView } from "../requests.ts"
import { CliFailure } from "./failure.ts"

const timeoutMs = 120_000
const keyBytes = 32

type Errand = {
  purpose: Exclude<Purpose, "imap">
  admission: AdmissionView
  credential: Uint8Array
  second?: Uint8Array
}

/** The worker said no, in its own words. */
export class WorkerRefused extends CliFailure {
  readonly why: RefusalReason

  constructor(why: RefusalReason) {
    super(why, refusals[why])
    this.why = why
  }
}

const refusals: Record<RefusalReason, string> = {
  credential: "that is not this user's password",
  busy: "too many logins are being worked on: try again in a moment",
  "damaged-slot": "this user's key slot is damaged: restore the keys directory from a backup",
  "damaged-database": "this user's mailbox is damaged: restore it from a backup; the daemon's log says more",
  "newer-database": "this user's mailbox was written by a newer mailkeep: install that version again",
  "unusable-password": "that password cannot be used: take printable characters in UTF-8",
  closing: "the mailbox is just being closed: try again",
  fault: "the worker could not do this: the daemon's log says why",
}

/**
 * Hands the password to the user's worker and waits until the work is done. The daemon does not see it.
 *
 * @returns for `export` the raw database key, which the caller wipes; else nothing
 * @throws WorkerRefused, CliFailure
 */
export async function runErrand(errand: Errand): Promise<Buffer> {
  checkWorker(errand.admission.worker)
  const preface = encodePreface({
    purpose: errand.purpose,
    ticket: Buffer.from(errand.admission.ticket, "base64url"),
    credential: errand.credential,
    second: errand.second ?? new Uint8Array(0),
    facts: { remote: "cli", tls: false, tag: "", client: null },
  })
  const socket = connect(errand.admission.worker)
  try {
    const { answer, rest } = await converse(socket, preface, errand.purpose === "export" ? keyBytes : 0)
    if (answer.status === "refused") throw new WorkerRefused(answer.why)
    return rest
  } catch (error) {
    if (error instanceof CliFailure) throw error
    const cause = error instanceof PrefaceError ? error.message : String((error as NodeJS.ErrnoException).code ?? error)
    throw broken(cause, error)
  } finally {
    wipe(preface)
    socket.destroy()
  }
}

/** Nobody else may pose as the worker and be handed the password. */
function checkWorker(path: string): void {
  try {
    checkSocketPath(path)
  } catch (error) {
    throw broken(error instanceof ControlSocketError ? error.message : `no socket ${path}`, error)
  }
}

function broken(why: string, cause?: unknown): CliFailure {
  return new CliFailure("fault", `the worker broke off (${why}): the daemon's log says why`, 1, { cause })
}

function converse(socket: Socket, preface: Buffer, more: number): Promise<{ answer: PrefaceAnswer; rest: Buffer }> {
  const reader = new AnswerReader()
  let answer: PrefaceAnswer | null = null
  let rest: Buffer = Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeoutMs, () =>
      reject(new CliFailure("fault", "the worker does not answer: see the daemon's log")),
    )
    socket.once("error", reject)
    socket.once("connect", () => socket.write(preface))
    socket.once("close", () =>
      reject(new CliFailure("fault", "the worker went away before it was done: see the daemon's log")),
    )
    socket.on("data", (chunk) => {
      try {
        if (answer === null) {
          answer = reader.push(chunk)
          rest = Buffer.from(reader.rest)
        } else rest = joined(rest, chunk)
        wipe(chunk)
        if (answer !== null && (answer.status === "refused" || rest.length >= more)) resolve({ answer, rest })
      } catch (error) {
        reject(error)
      }
    })
  })
}

function joined(left: Buffer, right: Buffer): Buffer {
  const both = Buffer.alloc(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  wipe(left)
  return both
}

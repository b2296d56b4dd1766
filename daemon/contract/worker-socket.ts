import { connect, type Socket } from "node:net"
import { checkSocketPath } from "./control-socket.ts"
import { AnswerReader, encodePreface, type Preface, type PrefaceAnswer, PrefaceError } from "./preface.ts"

/** The worker went away, did not answer in time, or answered something else. */
export class WorkerUnreachable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`worker: ${why}`, options)
    this.name = new.target.name
  }
}

/** It is not there, or ended before it answered: whoever asks for a ticket again may be sent to another one. */
export class WorkerGone extends WorkerUnreachable {}

/**
 * Connects to a worker, shows the preface and reads the answer. The socket comes back paused, half-open
 * allowed, with whatever followed the answer pushed back into it. Only the encoded copy of the credential is
 * wiped here, on every path and at the moment the kernel has it; `preface` stays the caller's to wipe.
 *
 * @param options.signal aborts at any step; the socket is destroyed
 * @throws WorkerGone, WorkerUnreachable; ControlSocketError when the socket is not the daemon's
 */
export async function presentPreface(
  path: string,
  preface: Preface,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<{ socket: Socket; answer: PrefaceAnswer }> {
  checkSocketPath(path)
  const socket = connect({ path, allowHalfOpen: true })
  let given = false
  const giveUp = (why: string) => {
    given = true
    socket.destroy(new Error(why))
  }
  const timer = setTimeout(() => giveUp("no answer in time"), options.timeoutMs)
  const abort = () => giveUp("given up")
  if (options.signal?.aborted === true) abort()
  options.signal?.addEventListener("abort", abort, { once: true })
  const answer = answerOf(socket)
  try {
    // Both can fail with the same error; waiting for both leaves no promise unhandled.
    const [, received] = await Promise.all([send(socket, preface), answer])
    return { socket, answer: received }
  } catch (error) {
    socket.destroy()
    const isGone = !given && !(error instanceof PrefaceError)
    throw new (isGone ? WorkerGone : WorkerUnreachable)("no answer", { cause: error })
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener("abort", abort)
  }
}

/** Writes the preface and wipes its octets. */
async function send(socket: Socket, preface: Preface): Promise<void> {
  const wire = encodePreface(preface)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.write(wire, (error) => (error ? reject(error) : resolve()))
    })
  } finally {
    wire.fill(0)
  }
}

function answerOf(socket: Socket): Promise<PrefaceAnswer> {
  return new Promise((resolve, reject) => {
    const reader = new AnswerReader()
    const settle = (finish: () => void) => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd)
      socket.pause()
      finish()
    }
    const onEnd = () => settle(() => reject(new Error("closed without an answer")))
    const onData = (chunk: Buffer) => {
      try {
        const answer = reader.push(chunk)
        if (answer === null) return
        settle(() => resolve(answer))
        if (reader.rest.length > 0) socket.unshift(reader.rest)
      } catch (error) {
        settle(() => reject(error))
      }
    }
    // Stays for the life of the socket: without a listener a late error would end the process.
    socket.on("error", (error) => settle(() => reject(error)))
    socket.on("data", onData).on("end", onEnd).on("close", onEnd)
  })
}

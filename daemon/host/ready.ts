import { spawn } from "node:child_process"

/**
 * What a process tells those who started it. systemd: sd_notify(3) over NOTIFY_SOCKET. That socket takes
 * datagrams, which Node cannot send on a Unix socket, so `systemd-notify` sends them; the units therefore say
 * `NotifyAccess=all`. It waits until systemd has read the message, so none is lost when it exits. A supervisor
 * of ours (`mailkeep up`) is told over the channel of `fork`. Where neither is there, nothing happens.
 */
export type ReadyMessage = { kind: "ready"; component: string; listening: string[] }
export type StoppingMessage = { kind: "stopping"; component: string }
export type FailedMessage = { kind: "failed"; component: string; text: string }

/** Listening sockets are open and the first client will be served. */
export async function ready(facts: { component: string; listening?: string[] }): Promise<void> {
  const { component, listening = [] } = facts
  tellSupervisor({ kind: "ready", component, listening })
  await notify(["--ready", `--status=${listening.length > 0 ? `listening on ${listening.join(", ")}` : "ready"}`])
}

/** No new work is taken; what is running is being finished. */
export async function stopping(component: string): Promise<void> {
  tellSupervisor({ kind: "stopping", component })
  await notify(["STOPPING=1"])
}

/** It cannot start, and why. Without a supervisor of ours to say it, this line goes to standard error. */
export function failed(component: string, text: string): Promise<void> {
  const message: FailedMessage = { kind: "failed", component, text }
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, {}, () => resolve())
    else process.stderr.write(`mailkeep ${text}\n`, () => resolve())
  })
}

/**
 * Tells systemd that this process is alive, twice per WatchdogSec; nothing when the unit has none.
 *
 * @param failed told when systemd could not be; a process warning where nobody listens
 * @returns stops it
 */
export function startWatchdog(failed: (error: unknown) => void = warn): () => void {
  const periodUs = Number(process.env.WATCHDOG_USEC)
  const forUs = process.env.WATCHDOG_PID === undefined || process.env.WATCHDOG_PID === String(process.pid)
  if (!forUs || !Number.isFinite(periodUs) || periodUs <= 0) return () => undefined
  const timer = setInterval(() => void notify(["WATCHDOG=1"]).catch(failed), periodUs / 2000)
  timer.unref()
  return () => clearInterval(timer)
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}

/** A supervisor that has gone does not keep us from working. */
function tellSupervisor(message: ReadyMessage | StoppingMessage): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined)
}

function notify(words: string[]): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return Promise.resolve()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn("systemd-notify", [`--pid=${process.pid}`, ...words], { stdio: ["ignore", "ignore", "inherit"] })
  child.once("error", (cause) => reject(new Error("cannot run systemd-notify", { cause })))
  child.once("exit", (code) => {
    if (code === 0) resolve()
    else reject(new Error(`systemd-notify ended with ${code}`))
  })
  return promise
}

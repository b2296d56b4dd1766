import { type ChildProcess, fork } from "node:child_process"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { Logger } from "pino"
import {
  type Assignment,
  type CloseReason,
  type FromWorker,
  fromWorker,
  type Purpose,
  type ToWorker,
} from "../contract/worker-link.ts"
import type { Settings } from "../host/settings.ts"

/** The worker is started from the same tree as this file: TypeScript in a checkout, JavaScript in `dist`. */
const entry = new URL(`../worker/main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url)

/** How long a started process may take to say that it is ready. */
const startLimitMs = 15_000

export type WorkerEvents = {
  message: (message: FromWorker) => void
  exit: (how: { code: number | null; signal: NodeJS.Signals | null }) => void
}

/**
 * The daemon's end of one worker process. The channel carries names, tickets and salts, never a password
 * or a key; a worker whose daemon is gone closes itself.
 */
export class WorkerProcess {
  readonly socket: string
  readonly #child: ChildProcess
  readonly #log: Logger
  #events: WorkerEvents = { message: () => {}, exit: () => {} }
  #exited = false

  private constructor(child: ChildProcess, socket: string, log: Logger) {
    this.#child = child
    this.socket = socket
    this.#log = log
  }

  /** Forks and waits until the worker listens on its socket. */
  static start(settings: Settings, socketDirectory: string, log: Logger): Promise<WorkerProcess> {
    const socket = join(socketDirectory, `${randomBytes(8).toString("hex")}.sock`)
    // stderr carries the worker's own log lines. No argument and no extra environment: both are public.
    const child = fork(entry, [], {
      serialization: "advanced",
      execArgv: ["--disable-sigusr1"],
      // Signals of a terminal are for the daemon, which drains its workers.
      detached: true,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: workerEnvironment(),
    })
    const worker = new WorkerProcess(child, socket, log)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => fail(new Error(`worker ${child.pid} did not start in ${startLimitMs} ms`)),
        startLimitMs,
      )
      const fail = (error: Error) => {
        clearTimeout(timer)
        child.kill("SIGKILL")
        reject(error)
      }
      child.once("error", fail)
      child.once("exit", (code, signal) => fail(new Error(`worker ${child.pid} exited at start (${signal ?? code})`)))
      child.once("message", (message: FromWorker) => {
        if (message.kind !== "ready") return fail(new Error(`worker ${child.pid} said ${message.kind} before ready`))
        clearTimeout(timer)
        child.removeAllListeners()
        worker.#listen()
        resolve(worker)
      })
      worker.#send({ kind: "start", settings, socket })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get alive(): boolean {
    return !this.#exited
  }

  observe(events: WorkerEvents): void {
    this.#events = events
  }

  assign(assignment: Assignment): void {
    this.#send({ kind: "assign", assignment })
  }

  /** A ticket for one use, 32 random octets, base64url. The worker lets it expire. */
  admit(session: number, purpose: Purpose): string {
    const ticket = randomBytes(32)
    this.#send({ kind: "ticket", ticket, session, purpose })
    return ticket.toString("base64url")
  }

  answerKdf(request: number, granted: boolean): void {
    this.#send({ kind: "kdf", request, granted })
  }

  credentialsStored(stored: boolean): void {
    this.#send({ kind: "credentials-stored", stored })
  }

  flush(): void {
    this.#send({ kind: "flush" })
  }

  drop(connection: number, why: CloseReason): void {
    this.#send({ kind: "drop", connection, why })
  }

  /** At once; safe at any point. */
  kill(): void {
    this.#child.kill("SIGKILL")
  }

  /** Asks the worker to drain; what is still there after `limitMs` is killed, which is safe at any point. */
  close(why: CloseReason, limitMs: number): void {
    this.#send({ kind: "close", why })
    const timer = setTimeout(() => {
      if (this.#exited) return
      this.#log.warn({ worker: this.pid, why }, "worker did not drain in time: killed")
      this.#child.kill("SIGKILL")
    }, limitMs)
    timer.unref()
  }

  #listen(): void {
    this.#child.on("message", (message: unknown) => this.#hear(message))
    this.#child.on("error", (error) => this.#log.error({ worker: this.pid, err: error }, "worker channel failed"))
    this.#child.on("exit", (code, signal) => {
      this.#exited = true
      this.#events.exit({ code, signal })
    })
  }

  #hear(message: unknown): void {
    const checked = fromWorker.safeParse(message)
    try {
      if (!checked.success) throw new Error("a message outside the contract")
      this.#events.message(checked.data)
    } catch (error) {
      this.#log.error({ worker: this.pid, err: error }, "worker broke the contract: killed")
      this.kill()
    }
  }

  #send(message: ToWorker): void {
    if (!this.#child.connected) return
    this.#child.send(message, (error) => {
      // The worker went away between the check and the write; its exit is handled where exits are.
      if (error !== null && this.#child.connected)
        this.#log.warn({ worker: this.pid, err: error }, "message to worker was not delivered")
    })
  }
}

/** Argon2id and zstd run on libuv's threads; nothing of the daemon's environment is needed but these. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TZ, LANG } = process.env
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(TZ === undefined ? {} : { TZ }),
    ...(LANG === undefined ? {} : { LANG }),
  }
}

import { type ChildProcess, fork } from "node:child_process"
import type { ComponentOrder } from "./host/component.ts"
import { pathsOf } from "./host/paths.ts"
import type { FailedMessage, ReadyMessage, StoppingMessage } from "./host/ready.ts"
import type { Settings } from "./host/settings.ts"
import { wipe } from "./keys/secret.ts"
import { createUserOffline, hasUsersOffline, removeUserOffline } from "./offline.ts"
import { ensureCertificate } from "./setup/certificate.ts"
import { generatePassword } from "./setup/password.ts"
import { explainStartFailure, StartFailure } from "./setup/start-failure.ts"
import { welcome } from "./setup/welcome.ts"

/** Name of the user that the very first start makes. */
const firstUser = "me"

const entry = new URL(`./component${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url)
const components = ["daemon", "spool", "proxy"] as const

/** A component that fails is started again after this long, doubled up to the last while it goes on failing. */
const restartMs = { first: 200, last: 10_000 }

/**
 * Everything in the foreground: makes what is missing (data directory, boot secret, certificate, a first
 * user), starts the three components, starts again what dies, and on Ctrl-C drains and locks everything.
 *
 * @throws StartFailure when a component cannot start at all
 */
export async function runUp(settings: Settings): Promise<void> {
  process.title = "mailkeep-up"
  process.umask(0o007)
  const password = await prepare(settings)
  let shown = password === null
  const stopped = Promise.withResolvers<void>()
  let ending = false
  const end = () => {
    ending = true
    stopped.resolve()
  }
  process.on("SIGINT", end)
  process.on("SIGTERM", end)
  const kept = components.map((name) => new Kept(name, settings))
  process.on("SIGHUP", () => {
    // From a terminal it means that the terminal is gone; a service manager means "read the certificate again".
    if (process.stdin.isTTY || process.stdout.isTTY) return end()
    for (const component of kept) component.reload()
  })
  // The terminal's end must not keep anything from being locked.
  process.stdout.on("error", end)
  try {
    // A stop during the start is a stop, not a failure.
    await Promise.race([startInOrder(kept), stopped.promise])
    if (!ending) {
      process.stdout.write(welcome(settings, firstUser, password))
      shown = true
    }
    await stopped.promise
  } finally {
    if (password !== null) wipe(password)
    // The daemon first: its workers say BYE through the proxy, finish what runs and lock. Nobody gets in meanwhile.
    for (const component of kept) await component.stop()
    // Nobody knows this password: the next start makes the user again, with one that is shown.
    if (!shown) await removeUserOffline(settings, firstUser)
  }
  process.stdout.write("\nmailkeep: everything is locked.\n")
  process.exit(0)
}

/** The daemon first: the others connect to it. */
async function startInOrder(kept: Kept[]): Promise<void> {
  for (const component of kept) await component.start()
}

/** The password of the first user when one was made now, else null. */
async function prepare(settings: Settings): Promise<Buffer | null> {
  try {
    const hasUsers = await hasUsersOffline(settings)
    await ensureCertificate(pathsOf(settings), settings.host_name)
    if (hasUsers) return null
    const password = generatePassword()
    await createUserOffline(settings, firstUser, password, { addresses: [], quotaBytes: null, quotaMessages: null })
    return password
  } catch (error) {
    throw explainStartFailure(error, "up", settings)
  }
}

/** One component that is kept running. */
class Kept {
  readonly #order: ComponentOrder
  #child: ChildProcess | null = null
  #stopping = false
  #wasReady = false
  #delayMs = restartMs.first
  #restart: NodeJS.Timeout | null = null

  constructor(name: ComponentOrder["name"], settings: Settings) {
    this.#order = { name, settings }
  }

  /** Resolves when the component is ready. @throws StartFailure when it ends before it ever was */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const startedAt = Date.now()
      let why: string | null = null
      // A session of its own: Ctrl-C is for us, who end the others in order; they see it when we are gone.
      // SIGUSR1 would open a debugger's port, and a debugger reads memory.
      const child = fork(entry, [], {
        execArgv: ["--disable-sigusr1"],
        detached: true,
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      })
      this.#child = child
      child.on("message", (message: ReadyMessage | StoppingMessage | FailedMessage) => {
        if (message.kind === "failed") why = message.text
        if (message.kind !== "ready") return
        this.#wasReady = true
        resolve()
      })
      child.once("error", reject)
      child.once("exit", (code, signal) => {
        this.#child = null
        if (this.#stopping) return resolve()
        const how = why ?? `${this.#order.name}: ended by ${signal ?? `exit code ${code}`}`
        if (this.#wasReady) this.#again(how, Date.now() - startedAt)
        else reject(new StartFailure(how))
      })
      child.send(this.#order, (error) => error !== null && reject(error))
    })
  }

  /** Asks it to drain and waits until it has. */
  stop(): Promise<void> {
    this.#stopping = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    const child = this.#child
    if (child === null) return Promise.resolve()
    return new Promise((resolve) => {
      child.once("exit", () => resolve())
      child.kill("SIGTERM")
    })
  }

  reload(): void {
    this.#child?.kill("SIGHUP")
  }

  #again(how: string, livedMs: number): void {
    if (livedMs > restartMs.last) this.#delayMs = restartMs.first
    process.stderr.write(`mailkeep ${how}; started again in ${this.#delayMs} ms\n`)
    this.#restart = setTimeout(() => {
      this.start().catch((error: Error) => process.stderr.write(`mailkeep ${error.message}\n`))
    }, this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, restartMs.last)
  }
}

import { type ChildProcess, fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { request } from "../../daemon/admin/client.ts"
import type { AdminAsksInput, AdminReplies, AdminRequestName } from "../../daemon/admin/requests.ts"
import type { ComponentOrder } from "../../daemon/host/component.ts"
import { type Paths, pathsOf } from "../../daemon/host/paths.ts"
import type { FailedMessage, ReadyMessage, StoppingMessage } from "../../daemon/host/ready.ts"
import { type Settings, settingsSchema } from "../../daemon/host/settings.ts"
import { createUserOffline } from "../../daemon/offline.ts"
import { ensureCertificate } from "../../daemon/setup/certificate.ts"

type ComponentName = ComponentOrder["name"]
type Overrides = { [K in keyof Settings]?: Settings[K] extends object ? Partial<Settings[K]> : Settings[K] }

/** A test's context, or the `after` of a whole file. */
type Afterwards = { after(undo: () => Promise<void>): void }

/** The sources as they are, or, for figures, what is built from them. */
const entry = new URL(
  process.env.MAILKEEP_COMPILED === "1" ? "../../dist/daemon/component.js" : "../../daemon/component.ts",
  import.meta.url,
)

/** A whole mailkeep in a folder of its own: three real processes on free loopback ports. */
export class Mailkeep {
  readonly settings: Settings
  readonly paths: Paths
  readonly ports: { imaps: number; imap: number; lmtp: number }
  readonly #children = new Map<ComponentName, ChildProcess>()
  readonly log: string[] = []

  private constructor(settings: Settings, ports: Mailkeep["ports"]) {
    this.settings = settings
    this.paths = pathsOf(settings)
    this.ports = ports
  }

  /** Starts daemon, spool and proxy with these users; everything is gone after the test. */
  static async start(t: Afterwards, users: Record<string, string>, overrides: Overrides = {}): Promise<Mailkeep> {
    const mailkeep = await Mailkeep.prepare(t, users, overrides)
    for (const name of ["daemon", "spool", "proxy"] as const) await mailkeep.startComponent(name)
    return mailkeep
  }

  static async prepare(t: Afterwards, users: Record<string, string>, overrides: Overrides = {}): Promise<Mailkeep> {
    const folder = mkdtempSync(join(tmpdir(), "mailkeep-"))
    const [imaps, imap, lmtp] = await freePorts(3)
    if (imaps === undefined || imap === undefined || lmtp === undefined) throw new Error("no free ports")
    const settings = settingsSchema.parse({
      ...overrides,
      data_dir: join(folder, "var"),
      proxy: { imaps: [`127.0.0.1:${imaps}`], imap: [`127.0.0.1:${imap}`], ...overrides.proxy },
      spool: { lmtp: [`127.0.0.1:${lmtp}`, "run/lmtp.sock"], ...overrides.spool },
      keys: { argon2_time: 2, argon2_memory_kib: 19_456, ...overrides.keys },
      log: { level: "warn", ...overrides.log },
    })
    const mailkeep = new Mailkeep(settings, { imaps, imap, lmtp })
    await ensureCertificate(mailkeep.paths, settings.host_name)
    for (const [name, password] of Object.entries(users)) {
      await createUserOffline(settings, name, Buffer.from(password), {
        addresses: [],
        quotaBytes: null,
        quotaMessages: null,
      })
    }
    t.after(async () => {
      await mailkeep.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    return mailkeep
  }

  startComponent(name: ComponentName): Promise<void> {
    const child = fork(entry, [], { execArgv: [], stdio: ["ignore", "inherit", "pipe", "ipc"] })
    this.#children.set(name, child)
    child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => this.log.push(...text.split("\n").filter((line) => line !== "")))
    return new Promise((resolve, reject) => {
      child.once("exit", (code, signal) =>
        reject(new Error(`${name} ended at start (${signal ?? code}): ${this.log.slice(-5).join("\n")}`)),
      )
      child.on("message", (message: ReadyMessage | StoppingMessage | FailedMessage) => {
        if (message.kind === "failed") this.log.push(message.text)
        if (message.kind === "ready") resolve()
      })
      child.send({ name, settings: this.settings } satisfies ComponentOrder)
    })
  }

  pid(name: ComponentName): number {
    return this.#children.get(name)?.pid ?? 0
  }

  /** Sends a signal and waits until the process is gone. */
  async kill(name: ComponentName, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(name)
    this.#children.delete(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once("exit", resolve))
    child.kill(signal)
    await gone
  }

  async stop(): Promise<void> {
    for (const name of ["proxy", "spool", "daemon"] as const) await this.kill(name, "SIGTERM")
  }

  admin<N extends AdminRequestName>(name: N, asks: AdminAsksInput<N>): Promise<AdminReplies<N>> {
    return request(this.paths.admin, name, asks)
  }

  /** Process id of a user's worker, or null when nobody is logged in. */
  async workerPid(user: string): Promise<number | null> {
    const { sessions } = await this.admin("sessions.list", {})
    return sessions.find((session) => session.user === user)?.pid ?? null
  }
}

/** Ports of 127.0.0.1 that nobody uses now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Waits until something is true; fails with `what` after `limitMs`. */
export async function until(what: string, check: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

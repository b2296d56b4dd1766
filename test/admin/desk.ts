import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import { fileURLToPath } from "node:url"
import { type AdminHandlers, type AdminRequestName, adminRequests } from "../../daemon/admin/requests.ts"
import { serveAdmin } from "../../daemon/admin/server.ts"
import { encodeAnswer, type Preface, type PrefaceAnswer, PrefaceReader } from "../../daemon/contract/preface.ts"
import { answers } from "./answers.ts"

export const entry = fileURLToPath(new URL("../../daemon/admin/cli/main.ts", import.meta.url))

export type Ran = { code: number | null; stdout: string; stderr: string }

/** A folder with a configuration, a pretended daemon and a pretended worker, and the command line in front of them. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), "mailkeep-cli-"))
  readonly config = join(this.folder, "mailkeep.toml")
  readonly socketPath = join(this.folder, "admin.sock")
  readonly workerPath = join(this.folder, "worker.sock")
  /** Every request that the daemon got, as `name {asks}`. */
  readonly asked: string[] = []
  /** Every preface that the worker got. */
  readonly prefaces: Preface[] = []

  constructor(t: TestContext) {
    writeFileSync(this.config, 'admin.socket = "../admin.sock"\nkeys.argon2_memory_kib = 19456\nkeys.argon2_time = 2\n')
    t.after(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  async daemon(t: TestContext, handlers: Partial<AdminHandlers> = {}): Promise<void> {
    const admission = async () => ({ worker: this.workerPath, ticket: Buffer.alloc(32, 7).toString("base64url") })
    const all = { ...answers, "user.add": admission, "user.passwd": admission, "user.export": admission, ...handlers }
    const quiet = { debug() {}, info() {}, warn() {}, error() {} }
    const server = await serveAdmin({
      socketPath: this.socketPath,
      mode: 0o600,
      handlers: this.#recording(all),
      log: quiet,
    })
    t.after(() => server.close())
  }

  #recording(handlers: AdminHandlers): AdminHandlers {
    const recording = (name: AdminRequestName) => (asks: never) => {
      this.asked.push(`${name} ${JSON.stringify(asks)}`)
      return handlers[name](asks)
    }
    return Object.fromEntries(
      (Object.keys(adminRequests) as AdminRequestName[]).map((name) => [name, recording(name)]),
    ) as AdminHandlers
  }

  /** Answers every preface so, in two pieces; after "ok" come these bytes. */
  async worker(t: TestContext, answer: PrefaceAnswer | null, then: Buffer = Buffer.alloc(0)): Promise<void> {
    const server = createServer((socket) => {
      const reader = new PrefaceReader()
      socket.on("error", () => socket.destroy())
      socket.on("data", (chunk) => {
        const preface = reader.push(chunk)
        if (preface === null) return
        this.prefaces.push(preface)
        if (answer === null) {
          socket.destroy()
          return
        }
        const wire = Buffer.concat([encodeAnswer(answer), then])
        socket.write(wire.subarray(0, 4))
        setTimeout(() => socket.end(wire.subarray(4)), 10)
      })
    })
    await new Promise<void>((resolve) => server.listen(this.workerPath, resolve))
    t.after(() => server.close())
  }

  run(args: string[], input: string | Buffer = ""): Promise<Ran> {
    return mailkeep([...args, "--config", this.config], input)
  }
}

/** The command line as a process of its own, with this standard input. */
export function mailkeep(args: string[], input: string | Buffer = "", node = process.execPath): Promise<Ran> {
  // Node 24 strips types itself, which starts twice as fast as tsx.
  const loader = node === process.execPath ? [] : ["--import", "tsx"]
  return mailkeepProcess(node, [...loader, entry, ...args], input)
}

export function mailkeepProcess(command: string, args: string[], input: string | Buffer): Promise<Ran> {
  const child = spawn(command, args, {
    env: { ...process.env, TZ: "UTC", MAILKEEP_CONFIG: "" },
  })
  const output = { stdout: "", stderr: "" }
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk
  })
  // A command that does not read its input closes it first.
  child.stdin.on("error", () => {})
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, ...output }))
  })
}

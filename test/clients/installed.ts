import { spawn, spawnSync } from "node:child_process"

/** Debian packages that are not called as their program is. */
const packages: Record<string, string> = { mbsync: "isync", offlineimap: "offlineimap3", getmail: "getmail6" }

/**
 * Whether a client of this name is on the machine. In CI an absent client is a failure, not a skip: there
 * it is `.ci/run` that has to install it.
 */
export function absence(program: string): string | false {
  if (spawnSync("sh", ["-c", `command -v ${program}`]).status === 0) return false
  if (process.env.CI === "true") throw new Error(`${program} is not installed: CI must install it`)
  return `${program} is not installed on this machine (apt-get install ${packages[program] ?? program})`
}

/** The same for a module of a language: what has to run without an error, and the Debian packages that have it. */
export function absenceOfModule(program: string, args: string[], needed: string): string | false {
  const noProgram = absence(program)
  if (noProgram !== false || spawnSync(program, args).status === 0) return noProgram
  if (process.env.CI === "true") throw new Error(`${needed} is not installed: CI must install it`)
  return `${needed} is not installed on this machine (apt-get install ${needed})`
}

/** Runs a client to its end. */
export function run(
  program: string,
  args: string[],
  options: { cwd?: string; input?: string | Uint8Array; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 120_000,
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk))
    child.once("error", reject)
    child.once("close", (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    )
    child.stdin.on("error", () => child.kill())
    child.stdin.end(options.input ?? "")
  })
}

import assert from "node:assert/strict"
import { fork, spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./ready-program.ts", import.meta.url))

/** Runs a program that says ready, one watchdog period, stopping; with a systemd-notify that writes down what it is told. */
function environment(t: TestContext, exitCode = 0): { env: NodeJS.ProcessEnv; told: () => string[] } {
  const folder = mkdtempSync(join(tmpdir(), "mailkeep-ready-"))
  t.after(() => rmSync(folder, { recursive: true }))
  const told = join(folder, "told")
  writeFileSync(join(folder, "systemd-notify"), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${told}\nexit ${exitCode}\n`)
  chmodSync(join(folder, "systemd-notify"), 0o755)
  writeFileSync(told, "")
  return {
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
    told: () => readFileSync(told, "utf8").split("\n").slice(0, -1),
  }
}

test("systemd is told by systemd-notify", (t) => {
  const { env, told } = environment(t)
  const run = spawnSync(process.execPath, ["--import", "tsx", program], {
    env: { ...env, NOTIFY_SOCKET: "/run/systemd/notify", WATCHDOG_USEC: "200000" },
  })
  assert.equal(run.status, 0, run.stderr.toString())
  assert.match(told()[0] ?? "", /^--pid=\d+ --ready --status=listening on 127\.0\.0\.1:2424$/)
  assert.match(told()[1] ?? "", /^--pid=\d+ WATCHDOG=1$/)
  assert.match(told().at(-1) ?? "", /^--pid=\d+ STOPPING=1$/)
})

test("without NOTIFY_SOCKET nothing is run", (t) => {
  const { env, told } = environment(t)
  delete env.NOTIFY_SOCKET
  assert.equal(spawnSync(process.execPath, ["--import", "tsx", program], { env }).status, 0)
  assert.deepEqual(told(), [])
})

test("a systemd-notify that fails is an error", (t) => {
  const { env } = environment(t, 1)
  const run = spawnSync(process.execPath, ["--import", "tsx", program], { env: { ...env, NOTIFY_SOCKET: "/x" } })
  assert.match(run.stderr.toString(), /systemd-notify ended with 1/)
})

test("a supervisor is told over the channel", async () => {
  const messages: unknown[] = []
  const child = fork(program, { execArgv: ["--import", "tsx"] })
  child.on("message", (message) => messages.push(message))
  await new Promise((resolve) => child.once("exit", resolve))
  assert.deepEqual(messages, [
    { kind: "ready", component: "spool", listening: ["127.0.0.1:2424"] },
    { kind: "stopping", component: "spool" },
  ])
})

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"
import { readTable, unitFolder } from "./unit-file.ts"

const checkout = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "")

/** False skips the test, with a reason; in CI the program has to be there. */
function has(t: TestContext, program: string): boolean {
  if (spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0) return true
  assert.notEqual(process.env.CI, "true", `${program} is not installed`)
  t.skip(`${program} is not installed`)
  return false
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "mailkeep-systemd-"))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test("systemd finds nothing to say about the units", (t) => {
  if (!has(t, "systemd-analyze")) return
  const units = folder(t)
  const names = readdirSync(unitFolder).filter((name) => /\.(service|target)$/.test(name))
  for (const name of names) {
    // verify looks at the program that would be started: this checkout's.
    writeFileSync(join(units, name), readFileSync(join(unitFolder, name), "utf8").replaceAll("/opt/mailkeep", checkout))
  }
  const { status, stderr } = spawnSync(
    "systemd-analyze",
    ["--man=no", "verify", ...names.map((name) => join(units, name))],
    { encoding: "utf8" },
  )
  const ours = stderr.split("\n").filter((line) => line.includes("mailkeep"))
  assert.deepEqual(ours, [])
  assert.equal(status, 0, stderr)
})

test("users and directories come out as written", (t) => {
  if (!has(t, "systemd-sysusers") || !has(t, "systemd-tmpfiles")) return
  if (process.getuid?.() !== 0) return t.skip("only root can give directories to other users")
  const root = folder(t)
  for (const [name, place] of [
    ["mailkeep.sysusers", "usr/lib/sysusers.d"],
    ["mailkeep.tmpfiles", "usr/lib/tmpfiles.d"],
  ] as const) {
    mkdirSync(join(root, place), { recursive: true })
    copyFileSync(join(unitFolder, name), join(root, place, "mailkeep.conf"))
  }
  mkdirSync(join(root, "etc"))
  run("systemd-sysusers", `--root=${root}`)
  run("systemd-tmpfiles", "--create", `--root=${root}`, "mailkeep.conf")
  const ids = idsOf(root)
  for (const [, path = "", mode = "", user = "", group = ""] of readTable("mailkeep.tmpfiles")) {
    const found = statSync(join(root, path))
    const expected = [mode.replace(/^0/, ""), ids(user, "passwd"), ids(group, "group")]
    assert.deepEqual([(found.mode & 0o7777).toString(8), found.uid, found.gid], expected, path)
  }
})

function run(program: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8" })
  assert.equal(status, 0, `${program}: ${stderr}`)
}

function idsOf(root: string): (name: string, file: "passwd" | "group") => number {
  return (name, file) => {
    if (name === "root") return 0
    const lines = readFileSync(join(root, "etc", file), "utf8").split("\n")
    return Number(lines.find((line) => line.startsWith(`${name}:`))?.split(":")[2])
  }
}

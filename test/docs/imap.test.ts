import assert from "node:assert/strict"
import { existsSync, globSync, readFileSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { registered } from "../../daemon/worker/commands/table.ts"
import { Preauth, type PreauthOptions } from "../../proxy/preauth.ts"
import { startHome } from "../worker/harness.ts"

const checkout = fileURLToPath(new URL("../..", import.meta.url))
const page = readFileSync(join(checkout, "docs/imap.md"), "utf8")

type Row = { rfc: number; capability: string; where: string[]; since: string; tests: string[] }

const rows = [...page.matchAll(/^\| (\d+) \| `([^`]+)` \| ([a-z, ]+) \| (\S+) \| (`[^|]+`) \| .*\|$/gm)].map(
  ([, rfc, capability = "", where = "", since = "", tests = ""]): Row => ({
    rfc: Number(rfc),
    capability,
    where: where.split(", "),
    since,
    tests: codes(tests),
  }),
)

function codes(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code)
}

const named = (where: string) => rows.filter((row) => row.where.includes(where)).map(({ capability }) => capability)

/** `APPENDLIMIT=52428800` as the table has it. */
const general = (name: string) => name.replace(/=\d+$/, "=n")

test("what CAPABILITY answers after login is what the table says", async (t) => {
  const client = await startHome(t).connect()
  const [answer = ""] = await client.ok("CAPABILITY")
  assert.deepEqual(answer.split(" ").slice(2).map(general).toSorted(), named("after").toSorted())
})

test("each capability stands with the RFC that its commands cite", () => {
  const rfcOf = new Map(rows.map(({ capability, rfc }) => [capability.replace(/=n$/, ""), rfc]))
  const wrong = registered.filter(({ name, rfc }) => rfcOf.get(name) !== rfc)
  assert.deepEqual(
    wrong.map(({ name, rfc }) => `${name}: RFC ${rfc}`),
    [],
  )
})

test("what CAPABILITY answers before login is what the table says", () => {
  const offered = new Set<string>()
  for (const secure of [true, false]) {
    for (const mayLogIn of [true, false]) {
      for (const name of preauth({ secure, mayLogIn }).capabilities.split(" ")) offered.add(name)
    }
  }
  assert.deepEqual([...offered].toSorted(), named("before").toSorted())
})

test("the transcripts of an RFC are named in its rows, and each says which part of the RFC it is from", () => {
  const folders = globSync("test/transcripts/rfc*", { cwd: checkout })
  const unnamed = folders.filter((folder) => {
    const own = rows.filter(({ rfc, where }) => folder === `test/transcripts/rfc${rfc}` && where.includes("after"))
    const named = own.length > 0 ? own.every(({ tests }) => tests.includes(`${folder}/`)) : page.includes(`${folder}/`)
    return !named
  })
  assert.deepEqual(unnamed, [])
  const silent = globSync("test/transcripts/rfc*/*.imap", { cwd: checkout }).filter((file) => {
    const [, rfc] = /rfc(\d+)\//.exec(file) ?? []
    return !new RegExp(`^# RFC ${rfc}\\b`).test(readFileSync(join(checkout, file), "latin1"))
  })
  assert.deepEqual(silent, [])
})

test("versions are those of the changelog, and files that test exist", () => {
  const changelog = readFileSync(join(checkout, "CHANGELOG.md"), "utf8")
  const versions = new Set([...changelog.matchAll(/^## \[([^\]]+)\]/gm)].map(([, version]) => version))
  const wrong = rows.filter(({ since, tests }) => {
    const missing = tests.some((file) => !existsSync(join(checkout, file)))
    return !versions.has(since) || missing || tests.length === 0
  })
  assert.deepEqual(wrong, [])
})

function preauth(state: Pick<PreauthOptions, "secure" | "mayLogIn">): Preauth {
  return new Preauth(new Socket(), {
    ...state,
    remote: "192.0.2.1",
    hostName: "localhost",
    limits: { max_line_bytes: 8192, max_literal_bytes: 4096, max_bad_commands: 3 },
    faults: { inARow: 0 },
    login: () => Promise.reject(new Error("nobody logs in here")),
  })
}

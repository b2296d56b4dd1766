import assert from "node:assert/strict"
import { fileURLToPath } from "node:url"
import { run } from "../clients/installed.ts"
import type { Seen } from "./seen.ts"

const program = fileURLToPath(new URL("python.py", import.meta.url))

/** Messages as Python's `email` package reads them. */
export async function seenByPython(messages: readonly Uint8Array[]): Promise<Seen[]> {
  const input = messages.map((bytes) => `${Buffer.from(bytes).toString("base64")}\n`).join("")
  const { code, stdout, stderr } = await run("python3", [program], { input })
  assert.equal(code, 0, stderr)
  const lines = stdout.toString("utf8").trimEnd().split("\n")
  assert.equal(lines.length, messages.length)
  return lines.map((line) => new Map(Object.entries(JSON.parse(line) as Record<string, unknown>)))
}

import assert from "node:assert/strict"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { run } from "../clients/installed.ts"

const program = fileURLToPath(new URL("traps.ts", import.meta.url))

/** Of the JavaScript heap; messages themselves lie outside of it. */
const heapMiB = 160

test("no message takes more than linear time, or more memory than its limits", async () => {
  const ran = await run(process.execPath, [`--max-old-space-size=${heapMiB}`, "--import", "tsx", program])
  assert.equal(ran.code, 0, `${ran.stdout}${ran.stderr}`)
  const lines = ran.stdout.toString().trimEnd().split("\n")
  assert.ok(lines.length > 50)
  assert.deepEqual(
    lines.filter((line) => !line.endsWith(": true")),
    [],
  )
})

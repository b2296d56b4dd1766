import assert from "node:assert/strict"
import { test } from "node:test"
import { makeLog } from "../../daemon/host/log.ts"

function capture(level: "info" | "debug" | "silent") {
  const lines: Record<string, unknown>[] = []
  return { lines, log: makeLog("spool", level, { write: (line) => void lines.push(JSON.parse(line)) }) }
}

test("a line is JSON with level, time, pid and component", () => {
  const { lines, log } = capture("info")
  log.info({ mailbox: "abc" }, "stored")
  const [{ time, ...line } = {}] = lines
  assert.deepEqual(line, { level: "info", pid: process.pid, component: "spool", mailbox: "abc", msg: "stored" })
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test("the level of the settings decides", () => {
  const { lines, log } = capture("info")
  log.debug("no")
  log.warn("yes")
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ["yes"],
  )
  const silent = capture("silent")
  silent.log.fatal("no")
  assert.deepEqual(silent.lines, [])
})

test("an error keeps its type, message and stack", () => {
  const { lines, log } = capture("info")
  log.error({ err: new TypeError("broken") }, "failed")
  assert.deepEqual(Object.keys(lines[0]?.err ?? {}).slice(0, 2), ["type", "message"])
})

for (const name of ["credential", "password", "ticket", "key", "rootKey", "passphrase"]) {
  test(`${name} is never written, at any depth that we log`, () => {
    const { lines, log } = capture("info")
    const secret = Buffer.from("hunter2hunter2")
    log.info({ [name]: "hunter2", nested: { [name]: secret, deeper: { [name]: "hunter2" } } }, "oops")
    assert.doesNotMatch(JSON.stringify(lines), /hunter2|104,117,110/)
  })
}

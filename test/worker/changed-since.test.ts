import assert from "node:assert/strict"
import { test } from "node:test"
import { id } from "../store/harness.ts"
import { fill, letter, startHome } from "./harness.ts"

const messages = 1200

/** How many each tells of those that changed: 1:400, 601:1000, 1101:1200. */
const cases: [command: string, told: number][] = [
  ["UID FETCH 1:* (FLAGS) (CHANGEDSINCE {})", 900],
  ["FETCH 1:300,700:* FLAGS (CHANGEDSINCE {})", 701],
  ["UID FETCH 300:899,901:* (ENVELOPE) (CHANGEDSINCE {})", 600],
  ["UID FETCH 1:* (FLAGS) (PARTIAL -1:-500 CHANGEDSINCE {})", 400],
]

test("which messages have changed is read once for a command, and nothing of the others", async (t) => {
  const home = startHome(t)
  await fill(
    home,
    id(home.store, "INBOX"),
    Array.from({ length: messages }, (_, n) => Buffer.from(letter(`letter ${n}`))),
  )
  const client = await home.connect()
  await client.ok("SELECT INBOX (CONDSTORE)")
  const [status = ""] = await client.ok("STATUS INBOX (HIGHESTMODSEQ)")
  const modseq = /HIGHESTMODSEQ (\d+)/.exec(status)?.[1] ?? assert.fail(status)
  await client.ok("UID STORE 1:400,601:1000,1101:* +FLAGS.SILENT (\\Seen)")
  const { messages: read } = home.store
  const uids = t.mock.method(read, "changedUids")
  const ranges = [t.mock.method(read, "rows"), t.mock.method(read, "marks")]
  for (const [command, told] of cases) {
    for (const mock of [uids, ...ranges]) mock.mock.resetCalls()
    const answers = await client.ok(command.replace("{}", modseq))
    assert.equal(answers.length, told, command)
    assert.equal(uids.mock.callCount(), 1, command)
    const asked = ranges.flatMap(({ mock }) => mock.calls.flatMap((call) => call.arguments[1]))
    assert.equal(
      asked.reduce((sum, [from, to]) => sum + to - from + 1, 0),
      told,
      command,
    )
  }
})

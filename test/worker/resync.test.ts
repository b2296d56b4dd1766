import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { letter, startHome, type TestClient } from "./harness.ts"

/*
 * A client that remembers what it saw goes away, another changes the mailbox at random, and SELECT (QRESYNC …)
 * must bring the memory up to date: afterwards it is what FETCH says.
 */

type Memory = { validity: string; modseq: string; flags: Map<number, string> }

const step = fc.oneof(
  fc.record({ do: fc.constant("append" as const) }),
  fc.record({ do: fc.constant("delete" as const), at: fc.nat({ max: 9 }) }),
  fc.record({
    do: fc.constant("flag" as const),
    at: fc.nat({ max: 9 }),
    flag: fc.constantFrom("\\Seen", "\\Flagged", "$Kw"),
  }),
)
const absences = fc.array(fc.array(step, { maxLength: 8 }), { minLength: 1, maxLength: 5 })

for (const parameters of ["", " 1:99", " 1:99 (1:99 1:99)"] as const) {
  test(`QRESYNC${parameters} leaves no difference`, async (t) => {
    const home = startHome(t)
    const [away, busy] = [await home.connect(), await home.connect()]
    await away.ok("ENABLE QRESYNC")
    let box = 0
    await fc.assert(
      fc.asyncProperty(absences, async (rounds) => {
        box += 1
        await busy.ok(`CREATE box${box}`)
        await busy.ok(`SELECT box${box}`)
        const memory: Memory = { validity: "", modseq: "", flags: new Map() }
        listen(memory, await away.ok(`SELECT box${box}`))
        for (const steps of rounds) {
          await away.ok("UNSELECT")
          for (const each of steps) await change(busy, box, each)
          listen(memory, await away.ok(`SELECT box${box} (QRESYNC (${memory.validity} ${memory.modseq}${parameters}))`))
          assert.deepEqual(sorted(memory), await truth(away))
        }
      }),
      { numRuns: 25 },
    )
  })
}

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function change(client: TestClient, box: number, each: Step): Promise<void> {
  if (each.do === "append") {
    await client.append(`box${box}`, letter("x"))
    return
  }
  const [search = ""] = await client.ok("UID SEARCH ALL")
  const uids = search.split(" ").slice(2)
  const uid = uids[each.at % (uids.length || 1)]
  if (uid === undefined) return
  await client.ok(`UID STORE ${uid} +FLAGS.SILENT (${each.do === "flag" ? each.flag : "\\Deleted"})`)
  if (each.do === "delete") await client.ok("EXPUNGE")
}

function listen(memory: Memory, lines: string[]): void {
  for (const line of lines) {
    memory.validity = /UIDVALIDITY (\d+)/.exec(line)?.[1] ?? memory.validity
    memory.modseq = /HIGHESTMODSEQ (\d+)/.exec(line)?.[1] ?? memory.modseq
    for (const uid of vanished(line)) memory.flags.delete(uid)
    const [, uid, flags] = /UID (\d+) FLAGS \(([^)]*)\)/.exec(line) ?? []
    if (uid !== undefined && flags !== undefined) memory.flags.set(Number(uid), flags)
  }
}

function vanished(line: string): number[] {
  const ranges = /^\* VANISHED \(EARLIER\) (.+)$/.exec(line)?.[1]?.split(",") ?? []
  return ranges.flatMap((range) => {
    const [from = 0, to = from] = range.split(":").map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

const sorted = ({ flags }: Memory) => [...flags].sort(([a], [b]) => a - b)

async function truth(client: TestClient): Promise<[number, string][]> {
  const memory: Memory = { validity: "", modseq: "", flags: new Map() }
  listen(memory, await client.ok("UID FETCH 1:* (FLAGS)"))
  return sorted(memory)
}

test("a log of billions of UIDs is told as a range, and costs no more than one", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  await client.ok("APPEND INBOX {}", Buffer.from(letter("one")))
  await client.ok("ENABLE QRESYNC")
  await client.ok("SELECT INBOX")
  t.mock.method(home.store.messages, "expungedSince", () => [[2, 4_000_000_000]])
  const told = await client.ok("UID FETCH 1:4294967295 FLAGS (CHANGEDSINCE 100 VANISHED)")
  assert.deepEqual(told, ["* VANISHED (EARLIER) 2:4000000000"])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { letter, startHome, type TestClient } from "./harness.ts"
import { KeptResults, numbersIn } from "./kept-results.ts"

/** What a client makes of ADDTO and REMOVEFROM, as RFC 5267 §4.3.3 and §4.3.4 tell it: a list in the order of its SORT. */
class SortedResults extends KeptResults {
  list: number[] = []

  protected take(line: string): void {
    const [, all] = / ALL ([\d:,]+)/.exec(line) ?? []
    if (all !== undefined) this.list = numbersIn(all)
    for (const [, verb, pairs = ""] of line.matchAll(/(ADDTO|REMOVEFROM) \(([^)]+)\)/g)) {
      for (const [, position, set = ""] of pairs.matchAll(/(\d+) ([\d:,]+)/g)) {
        const [index, numbers] = [Number(position) - 1, numbersIn(set)]
        if (verb === "ADDTO") this.list.splice(index, 0, ...numbers)
        else assert.deepEqual(this.list.splice(index, numbers.length), numbers, line)
      }
    }
  }

  protected shift(expunged: number): void {
    assert.ok(!this.list.includes(expunged), `${expunged} was expunged as a result`)
    this.list = this.list.map((number) => (number > expunged ? number - 1 : number))
  }
}

const orders = ["(ARRIVAL)", "(REVERSE ARRIVAL)", "(SUBJECT REVERSE ARRIVAL)", "(REVERSE SIZE)"]
const programs = ["ALL", "UNSEEN", "OR FLAGGED SUBJECT b", "UNDELETED UID 2:*"]
const subjects = ["b", "a", "C", "a", "d"]

const steps = fc.array(
  fc.record({
    who: fc.constantFrom(0, 1),
    what: fc.constantFrom("flag", "flag", "append", "expunge"),
    uid: fc.integer({ min: 1, max: 12 }),
    flag: fc.constantFrom("\\Seen", "\\Flagged", "\\Deleted"),
    sign: fc.constantFrom("+", "-"),
    day: fc.integer({ min: 10, max: 28 }),
    subject: fc.constantFrom(...subjects),
  }),
  { maxLength: 20 },
)

async function append(client: TestClient, mailbox: string, subject: string, day: number): Promise<string[]> {
  return client.ok(`APPEND ${mailbox} "${day}-Jan-2020 00:00:00 +0000" {}`, Buffer.from(letter(subject)))
}

test("a sorted result that is kept up to date is what SORT would give, whoever changes what", async (t) => {
  const home = startHome(t)
  const clients: [TestClient, TestClient] = [await home.connect(), await home.connect()]
  const [watcher] = clients
  let made = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...orders),
      fc.constantFrom(...programs),
      steps,
      async (order, program, script) => {
        made += 1
        const mailbox = `M${made}`
        await watcher.ok(`CREATE ${mailbox}`)
        for (const [at, subject] of subjects.entries()) await append(watcher, mailbox, subject, 20 - at)
        for (const client of clients) await client.ok(`SELECT ${mailbox}`)
        const results = [new SortedResults("u1", true), new SortedResults("n1", false)]
        const hear = (lines: string[]) => {
          for (const line of lines) for (const result of results) result.hear(line)
        }
        for (const [tag, command] of Object.entries({ u1: "UID SORT", n1: "SORT" })) {
          watcher.send(`${tag} ${command} RETURN (UPDATE ALL) ${order} UTF-8 ${program}\r\n`)
          const { status, untagged } = await watcher.answer(tag)
          assert.match(status, /^OK/)
          hear(untagged.map(({ text }) => text))
        }
        for (const { who, what, uid, flag, sign, day, subject } of script) {
          const client = clients[who === 0 ? 0 : 1]
          const lines =
            what === "append"
              ? await append(client, mailbox, subject, day)
              : await client.ok(
                  what === "expunge" ? "EXPUNGE" : `UID STORE ${uid}:${uid + 2} ${sign}FLAGS.SILENT (${flag})`,
                )
          if (client === watcher) hear(lines)
          hear(await watcher.ok("NOOP"))
          for (const [index, sort] of ["UID SORT", "SORT"].entries()) {
            const [line = ""] = (await watcher.ok(`${sort} ${order} UTF-8 ${program}`)).slice(-1)
            assert.deepEqual(results[index]?.list, line.split(" ").slice(2).map(Number), `${sort} ${order} ${program}`)
          }
        }
      },
    ),
    { numRuns: 40 },
  )
})

test("a sorted result that is longer than the setting says is not kept", async (t) => {
  const client = await startHome(t, { limits: { max_sorted_context: 1 } }).connect()
  await client.ok("SELECT INBOX")
  await append(client, "INBOX", "a", 10)
  const kept = await client.ok("UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL")
  assert.equal(kept.length, 1)
  await append(client, "INBOX", "b", 11)
  const [, refusal = ""] = await client.ok("UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL")
  assert.match(refusal, /^\* NO \[NOUPDATE "/)
  // RFC 5267 §4.3.1: that says nothing of SEARCH.
  assert.equal((await client.ok("UID SEARCH RETURN (UPDATE COUNT) ALL")).length, 1)
})

/** How room comes back that a kept result took. */
const endings: [what: string, leave: (client: TestClient) => Promise<unknown>][] = [
  ["CANCELUPDATE", (client) => client.ok('CANCELUPDATE "c3"')],
  ["UNSELECT", (client) => client.ok("UNSELECT")],
  ["SELECT", (client) => client.ok("SELECT INBOX")],
  ["LOGOUT", (client) => client.ok("LOGOUT").then(() => client.gone())],
]
for (const [what, leave] of endings) {
  test(`results of a user that take too much are not kept, until ${what} makes room`, async (t) => {
    const home = startHome(t, { limits: { max_contexts_bytes: 1000 } })
    const [first, second] = [await home.connect(), await home.connect()]
    for (const client of [first, second]) await append(client, "Archive", "x".repeat(300), 10)
    for (const client of [first, second]) await client.ok("SELECT Archive")
    const sort = (client: TestClient, keys: string) =>
      client.ok(`UID SORT RETURN (UPDATE COUNT) (${keys}) UTF-8 1`).then(({ length }) => length)
    assert.equal(await sort(first, "SUBJECT"), 1)
    assert.equal(await sort(second, "SUBJECT"), 2)
    assert.equal(await sort(second, "DATE"), 1)
    await leave(first)
    assert.equal(await sort(second, "SUBJECT"), 1)
  })
}

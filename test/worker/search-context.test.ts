import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { SearchKey } from "../../daemon/imap/ast.ts"
import { Pace } from "../../daemon/worker/pace.ts"
import { lastingKey, rangesIn, SearchContext } from "../../daemon/worker/search-context.ts"
import { View } from "../../daemon/worker/view.ts"
import { letter, startHome, type TestClient } from "./harness.ts"
import { KeptResults, numbersIn } from "./kept-results.ts"

test("numbers that are kept are ranges, however many messages there are", () => {
  const uids = Array.from({ length: 1000 }, (_, index) => index + 1)
  const state = { mailbox: 1, readOnly: true, uids, uidNext: 1001, toldChanges: 1, toldExpunges: 1, keywords: 0 }
  const view = new View({ ...state, recent: [] })
  const everything: SearchKey = { key: "set", uid: false, set: { kind: "ranges", ranges: [[1, Infinity]] } }
  const kept = { key: "set", uid: true, set: { kind: "ranges", ranges: [[1, 1000]] } }
  assert.deepEqual(lastingKey(everything, view), kept)
  view.saved = [1, 3, 5]
  const saved: SearchKey = { key: "set", uid: true, set: { kind: "saved" } }
  const lasting = lastingKey({ key: "or", left: { key: "not", not: saved }, right: saved }, view)
  assert.equal(lasting === null ? null : rangesIn(lasting), 6)
})

/** What a client knows of its search: UIDs or numbers, as the answers change them (RFC 5267 §4.3). */
class Results extends KeptResults {
  readonly members = new Set<number>()

  protected take(line: string): void {
    for (const [, verb, set = ""] of line.matchAll(/(ADDTO|REMOVEFROM|ALL) (?:\(0 )?([\d:,]+)/g)) {
      for (const number of numbersIn(set)) {
        if (verb === "REMOVEFROM") assert.ok(this.members.delete(number), `${line}: ${number} was no result`)
        else assert.equal(this.members.size, this.members.add(number).size - 1, `${line}: ${number} was one already`)
      }
    }
  }

  protected shift(expunged: number): void {
    assert.ok(!this.members.has(expunged), `${expunged} was expunged as a result`)
    const moved = [...this.members].map((number) => (number > expunged ? number - 1 : number))
    this.members.clear()
    for (const number of moved) this.members.add(number)
  }
}

const programs = [
  "UNSEEN",
  "OR FLAGGED KEYWORD x",
  "NOT DELETED SUBJECT even",
  "UID 3:* TEXT even",
  "UID 1:4",
  "2:3",
  "BODY hello",
]

type Step = { what: string; uid: number; flag: string; sign: string }

const steps = fc.array(
  fc.record({
    who: fc.constantFrom(0, 1),
    what: fc.constantFrom("flag", "flag", "append", "expunge", "noop"),
    uid: fc.integer({ min: 1, max: 12 }),
    flag: fc.constantFrom("\\Seen", "\\Flagged", "\\Deleted", "x"),
    sign: fc.constantFrom("+", "-", ""),
  }),
  { maxLength: 25 },
)

function commandOf({ what, uid, flag, sign }: Step, mailbox: string): string {
  if (what === "flag") return `UID STORE ${uid}:${uid + 2} ${sign}FLAGS.SILENT (${flag})`
  if (what === "append") return `APPEND ${mailbox} {}`
  return what === "expunge" ? "EXPUNGE" : "NOOP"
}

test("what ADDTO and REMOVEFROM leave is what the search would find, whoever changes what", async (t) => {
  const home = startHome(t)
  const clients: [TestClient, TestClient] = [await home.connect(), await home.connect()]
  let made = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...programs), steps, async (program, script) => {
      made += 1
      const mailbox = `M${made}`
      const [watcher] = clients
      await watcher.ok(`CREATE ${mailbox}`)
      for (let at = 0; at < 5; at += 1)
        await watcher.append(mailbox, letter(at % 2 === 0 ? "even" : "odd", at === 3 ? "bye\r\n" : "hello\r\n"))
      for (const client of clients) await client.ok(`SELECT ${mailbox}`)
      const results = [new Results("u1", true), new Results("n1", false)]
      const hear = (lines: string[]) => {
        for (const line of lines) for (const result of results) result.hear(line)
      }
      const run = async (client: TestClient, tag: string, command: string) => {
        client.send(`${tag} ${command}\r\n`)
        const { status, untagged } = await client.answer(tag)
        assert.match(status, /^OK/)
        return untagged.map(({ text }) => text)
      }
      // Numbers mean what they meant when the search was given, so what it finds later is asked for by UID.
      const lasting = program === "2:3" ? "UID 2:3" : program
      hear(await run(watcher, "u1", `UID SEARCH RETURN (UPDATE ALL) ${program}`))
      hear(await run(watcher, "n1", `SEARCH RETURN (UPDATE ALL) ${program}`))
      for (const step of script) {
        const client = clients[step.who === 0 ? 0 : 1]
        const literals = step.what === "append" ? [Buffer.from(letter("even"))] : []
        const lines = await client.ok(commandOf(step, mailbox), ...literals)
        if (client === watcher) hear(lines)
        hear(await watcher.ok("NOOP"))
        for (const [index, search] of ["UID SEARCH", "SEARCH"].entries()) {
          const [line = ""] = (await watcher.ok(`${search} ${lasting}`)).slice(-1)
          const found = line.split(" ").slice(2).map(Number)
          assert.deepEqual(
            [...(results[index]?.members ?? [])].sort((a, b) => a - b),
            found,
            `${search} ${program}`,
          )
        }
      }
    }),
    { numRuns: 25 },
  )
})

test("as many contexts as the setting says; one more is answered with NOUPDATE", async (t) => {
  const client = await startHome(t, { limits: { max_contexts: 2 } }).connect()
  await client.ok("SELECT INBOX")
  assert.equal((await client.ok("SEARCH RETURN (UPDATE) ALL")).length, 1)
  assert.equal((await client.ok("SEARCH RETURN (UPDATE) ALL")).length, 1)
  const [, refusal = ""] = await client.ok("SEARCH RETURN (UPDATE) ALL")
  assert.match(refusal, /^\* NO \[NOUPDATE "c4"\] /)
  await client.ok('CANCELUPDATE "c2"')
  assert.equal((await client.ok("SEARCH RETURN (UPDATE) ALL")).length, 1)
})

/** What is told of kept searches by a NOOP, and what another session does before. */
const turns: [what: string, change: string, tells: "tellExpunged" | "tellTurnover"][] = [
  ["an expunge", "UID EXPUNGE 1", "tellExpunged"],
  ["a change", "UID STORE 2 +FLAGS (\\Flagged)", "tellTurnover"],
]
for (const [what, change, tells] of turns) {
  test(`others have their turn between two kept searches that are told of ${what}`, async (t) => {
    const home = startHome(t)
    const [watcher, other] = [await home.connect(), await home.connect()]
    for (const subject of ["a", "b"]) await other.append("INBOX", letter(subject), "(\\Deleted)")
    for (const client of [watcher, other]) await client.ok("SELECT INBOX")
    for (let n = 0; n < 3; n += 1) await watcher.ok("UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 ALL")
    await other.ok(change)

    const heard: string[] = []
    const { rest } = Pace.prototype
    const { [tells]: tell } = SearchContext.prototype
    t.mock.getter(Pace.prototype, "due", () => true)
    t.mock.method(Pace.prototype, "rest", function (this: Pace) {
      heard.push("rest")
      return rest.call(this)
    })
    t.mock.method(SearchContext.prototype, tells, function (this: SearchContext, ...given: never[]) {
      heard.push("told")
      return Reflect.apply(tell, this, given)
    })
    await watcher.ok("NOOP")
    assert.match(heard.join(" "), /told rest told rest told rest/)
  })
}

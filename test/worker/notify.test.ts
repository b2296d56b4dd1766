import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { Conversation } from "../../daemon/worker/conversation.ts"
import { Interest } from "../../daemon/worker/interest.ts"
import { Notices } from "../../daemon/worker/notices.ts"
import { letter, startHome, type TestClient } from "./harness.ts"

test("too much for one NOTIFY is refused, and changes nothing", async (t) => {
  const home = startHome(t, { limits: { max_notify_groups: 2, max_notify_mailboxes: 3 } })
  const [client, other] = [await home.connect(), await home.connect()]
  await client.ok("NOTIFY SET (mailboxes (a b c) (MailboxName)) (inboxes (MessageNew MessageExpunge))")
  const refusal = /^NO \[NOTIFICATIONOVERFLOW\] At most 2 event groups and 3 mailboxes$/
  const group = "(personal (MailboxName))"
  assert.match((await client.command(`NOTIFY SET ${group} ${group} ${group}`)).status, refusal)
  assert.match((await client.command("NOTIFY SET (subtree (a b) NONE) (mailboxes (c d) NONE)")).status, refusal)
  await other.append("INBOX", letter("one"))
  assert.equal(await client.line(), "* STATUS INBOX (UIDNEXT 2 MESSAGES 1)")
})

test("a new NOTIFY tells a last time what the one before was for, and is heard from then on", async (t) => {
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
  const home = startHome(t, { settle: () => settled })
  const [client, other] = [await home.connect(), await home.connect()]
  await client.ok("NOTIFY SET (mailboxes Sent (MessageNew MessageExpunge)) (personal (SubscriptionChange))")
  // The next one waits for the spool, and is told nothing meanwhile.
  client.send("n NOTIFY SET STATUS (mailboxes (INBOX Drafts) (MessageNew MessageExpunge))\r\n")
  await new Promise((resolve) => setImmediate(resolve))
  await other.append("Sent", letter("one"))
  await other.append("Drafts", letter("one"))
  home.store.mailboxes.subscribe("x", true)
  settle()
  const { status, untagged } = await client.answer("n")
  assert.match(status, /^OK/)
  assert.deepEqual(
    untagged.map(({ text }) => text.replace(/ UIDVALIDITY \d+/, "")),
    [
      '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" x',
      "* STATUS Sent (UIDNEXT 2 MESSAGES 1)",
      "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)",
      "* STATUS Drafts (MESSAGES 1 UIDNEXT 2)",
    ],
  )
  await other.append("Sent", letter("one"))
  await other.append("Drafts", letter("one"))
  assert.equal(await client.line(), "* STATUS Drafts (UIDNEXT 3 MESSAGES 2)")
  assert.deepEqual(await client.ok("NOOP"), [])
})

test("more changes than may wait: NOTIFICATIONOVERFLOW, and from then on as after NOTIFY NONE", async (t) => {
  const home = startHome(t, { limits: { max_notices: 10 } })
  const [client, other] = [await home.connect(), await home.connect()]
  await client.ok("SELECT INBOX")
  await client.ok(
    "NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (SubscriptionChange MessageNew MessageExpunge))",
  )
  // In one transaction all wait together, as they would for a client that reads too slowly.
  home.store.transaction(() => {
    for (let at = 0; at < 10; at += 1) home.store.mailboxes.subscribe(`n${at}`, true)
  })
  for (let at = 0; at < 10; at += 1) assert.match(await client.line(), /^\* LIST \(\\NonExistent /)
  home.store.transaction(() => {
    for (let at = 0; at < 11; at += 1) home.store.mailboxes.subscribe(`n${at}`, at > 9)
  })
  assert.match(await client.line(), /^\* OK \[NOTIFICATIONOVERFLOW\] /)
  await other.append("INBOX", letter("one"))
  await other.append("Sent", letter("one"))
  assert.deepEqual(await client.ok("NOOP"), [])
  assert.deepEqual(await client.ok("NOTIFY SET (personal (SubscriptionChange))"), ["* 1 EXISTS", "* 1 RECENT"])
  home.store.mailboxes.subscribe("n1", true)
  assert.match(await client.line(), /^\* LIST \(\\NonExistent .* n1$/)
})

test("of mailboxes that came and went nothing waits", (t) => {
  const { account } = startHome(t)
  const notices = new Notices({ account } as unknown as Conversation, Interest.nothing)
  for (let mailbox = 10; mailbox < 20; mailbox += 1) {
    const name = `gone/${mailbox}`
    notices.add([{ what: "created", mailbox, name }])
    notices.add([{ what: "added", mailbox, uids: [1] }])
    assert.equal(notices.waiting, true)
    notices.add([{ what: "deleted", mailbox, name }])
    assert.equal(notices.waiting, false)
  }
})

test("any number of messages in a mailbox waits as one STATUS", async (t) => {
  const home = startHome(t, { limits: { max_notices: 10 } })
  const [client, other] = [await home.connect(), await home.connect()]
  await client.ok("NOTIFY SET (personal (MessageNew MessageExpunge))")
  for (let at = 0; at < 30; at += 1) await other.append("Drafts", letter("one"))
  for (let at = 0; at < 30; at += 1) assert.match(await client.line(), /^\* STATUS Drafts /)
  await other.ok("SELECT Drafts")
  await other.ok("MOVE 1:30 Sent")
  assert.deepEqual([await client.line(), await client.line()].toSorted(), [
    "* STATUS Drafts (UIDNEXT 31 MESSAGES 0)",
    "* STATUS Sent (UIDNEXT 31 MESSAGES 30)",
  ])
  assert.deepEqual(await client.ok("NOOP"), [])
})

test("what is pushed never stands inside an invitation for a literal, nor in the middle of another answer", async (t) => {
  const home = startHome(t)
  const [client, other] = [await home.connect(), await home.connect()]
  await client.ok("SELECT INBOX")
  await client.ok("NOTIFY SET (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge))")
  const big = letter("big", "x".repeat(70).concat("\r\n").repeat(20_000))
  client.pause()
  await other.append("INBOX", big)
  client.send("x1 APPEND Sent {5}\r\n")
  await other.append("INBOX", big)
  client.resume()
  const heard: string[] = []
  const literals: number[] = []
  while (literals.length < 2 || !heard.some((text) => text.startsWith("+"))) {
    const response = await client.response()
    heard.push(response.text)
    for (const literal of response.literals) literals.push(literal.length)
  }
  assert.deepEqual(literals, [big.length, big.length])
  client.send("a: b\n\r\n")
  assert.match((await client.answer("x1")).status, /^OK/)
})

test("who does not read what it asked for is cut off in the end, between commands too", async (t) => {
  const home = startHome(t, { limits: { autologout_s: 1 } })
  const [client, other] = [await home.connect(), await home.connect()]
  await client.ok("SELECT INBOX")
  await client.ok("NOTIFY SET (selected (MessageNew (BODY.PEEK[]) MessageExpunge))")
  client.pause()
  await other.append("INBOX", letter("big", "x".repeat(70).concat("\r\n").repeat(20_000)))
  // Its own deadline is never reached: what closes is the limit on silence.
  await home.connections[0]?.bye("Not heard", 600_000)
})

/** What a client believes of every mailbox from STATUS alone. */
type Belief = Map<string, Map<string, number>>

function believe(belief: Belief, line: string): void {
  const [, name = "", items = ""] = /^\* STATUS (\S+) \((.*)\)$/.exec(line) ?? assert.fail(line)
  const known = belief.get(name) ?? new Map()
  for (const [, item = "", value] of items.matchAll(/([A-Z]+) (\d+)/g)) known.set(item, Number(value))
  belief.set(name, known)
}

const boxes = fc.constantFrom("INBOX", "Drafts", "Sent")
const steps = fc.array(
  fc.record({
    what: fc.constantFrom("append", "append", "flag", "expunge", "move", "copy"),
    from: boxes,
    to: boxes,
    flag: fc.constantFrom("\\Seen", "\\Deleted", "x"),
    sign: fc.constantFrom("+", "-"),
    own: fc.constantFrom(false, false, false, false, true),
  }),
  { maxLength: 15 },
)

test("STATUS tells a client all that others do in mailboxes that it has not selected, and nothing that is not so", async (t) => {
  const home = startHome(t)
  const [watcher, other] = [await home.connect(), await home.connect()]
  await watcher.ok("ENABLE CONDSTORE")
  const items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ"]
  const wanted = "(personal (MessageNew MessageExpunge FlagChange))"
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const belief: Belief = new Map()
      for (const line of await watcher.ok(`NOTIFY SET STATUS ${wanted}`)) believe(belief, line)
      const own = new Set<string>()
      for (const { what, from, to, flag, sign, own: mine } of script) {
        const client = mine ? watcher : other
        if (mine) own.add(what === "append" ? to : from).add(to)
        if (what === "append") await client.append(to, letter("one"))
        else await client.ok(`SELECT ${from}`)
        if (what === "flag") await client.ok(`UID STORE 1:* ${sign}FLAGS.SILENT (${flag})`)
        if (what === "expunge") await client.ok("EXPUNGE")
        if (what === "move" || what === "copy") await client.ok(`UID ${what} 1:* ${to}`)
        if (what !== "append") await client.ok("UNSELECT")
        await listen(watcher, belief)
      }
      for (const name of ["INBOX", "Drafts", "Sent"]) {
        if (own.has(name)) continue
        const truth: Belief = new Map()
        for (const line of await other.ok(`STATUS ${name} (${items.join(" ")})`)) believe(truth, line)
        for (const item of items)
          assert.equal(belief.get(name)?.get(item), truth.get(name)?.get(item), `${name} ${item}`)
      }
    }),
    { numRuns: 20 },
  )
})

/** Everything that was pushed until now. */
async function listen(client: TestClient, belief: Belief): Promise<void> {
  for (const line of await client.ok("NOOP")) believe(belief, line)
}

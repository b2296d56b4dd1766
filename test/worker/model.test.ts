import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { letter, startHome, type TestClient } from "./harness.ts"

/*
 * Three clients of one mailbox do random things; beside each stands a model of what it must believe, which is
 * changed only by what the server says to it: EXISTS, EXPUNGE, VANISHED, FETCH. One client is as it is, one
 * enabled IMAP4rev2, one QRESYNC. After every step the beliefs must fit
 * the truth as far as the client was told of it, and at the end, after NOOP, they must be the truth.
 */

type Belief = { uid: number | null; flags: string | null }
type Player = { client: TestClient; messages: Belief[]; vanishes: boolean }
type Truth = Map<number, Set<string>>

const systemFlags = ["\\Seen", "\\Flagged", "\\Deleted", "$Kw"]

type Step =
  | { do: "append"; flags: string[] }
  | {
      do: "store"
      uid: boolean
      first: number
      last: number
      operation: "+" | "-" | ""
      silent: boolean
      flags: string[]
    }
  | { do: "copy" | "move"; first: number; last: number }
  | { do: "fetch"; uid: boolean; body: boolean; first: number; last: number }
  | { do: "expunge" | "noop" | "search" | "reselect" }

/** Few messages, so that the clients are often at the same one. */
const index = fc.nat({ max: 4 })
const flags = fc.subarray(systemFlags)
const span = { first: index, last: index }
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("append" as const), flags }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("store" as const),
      uid: fc.boolean(),
      operation: fc.constantFrom("+" as const, "-" as const, "" as const),
      silent: fc.boolean(),
      flags,
      ...span,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("copy" as const, "move" as const), ...span }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("fetch" as const), uid: fc.boolean(), body: fc.boolean(), ...span }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("expunge" as const, "noop" as const, "search" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reselect" as const) }) },
)
const game = fc.array(fc.tuple(fc.nat({ max: 2 }), steps), { minLength: 20, maxLength: 80 })

test("three clients always believe what the server told them, and it is true", async (t) => {
  const home = startHome(t)
  const players: Player[] = []
  for (const extension of ["X-NONE", "IMAP4rev2", "QRESYNC"]) {
    const client = await home.connect()
    await client.ok(`ENABLE ${extension}`)
    players.push({ client, messages: [], vanishes: extension === "QRESYNC" })
  }
  let round = 0
  await fc.assert(
    fc.asyncProperty(game, async (moves) => {
      round += 1
      const truth: Truth = new Map()
      await players[0]?.client.ok(`CREATE box${round}`)
      for (const player of players) await reselect(player, round)
      let uidNext = 1
      for (const [who, step] of moves) {
        const player = players[who] ?? assert.fail()
        uidNext = await play(player, step, truth, uidNext, round)
      }
      for (const player of players) {
        await hear(player, "NOOP", "yes")
        assert.deepEqual(
          await learn(player),
          [...truth].map(([uid, set]) => [uid, sorted(set)]),
        )
      }
    }),
    { numRuns: 60 },
  )
})

async function play(player: Player, step: Step, truth: Truth, uidNext: number, round: number): Promise<number> {
  const count = player.messages.length
  switch (step.do) {
    case "append": {
      await hear(player, `APPEND box${round} (${step.flags.join(" ")}) {}`, "yes", Buffer.from(letter("m")))
      truth.set(uidNext, new Set(step.flags))
      return uidNext + 1
    }
    case "noop":
      await hear(player, "NOOP", "yes")
      return uidNext
    case "reselect":
      await reselect(player, round)
      return uidNext
    case "search":
      await hear(player, "SEARCH ALL", "no")
      return uidNext
    case "expunge":
      for (const [uid, set] of truth) if (set.has("\\Deleted")) truth.delete(uid)
      await hear(player, "EXPUNGE", "yes")
      return uidNext
  }
  if (count === 0) return uidNext
  const [first, last] = [(step.first % count) + 1, (step.last % count) + 1]
  const uids = await uidsOf(player, Math.min(first, last), Math.max(first, last))
  if (step.do === "fetch") {
    const set = step.uid ? uids.join(",") || "999999" : `${first}:${last}`
    if (step.body) for (const uid of uids) truth.get(uid)?.add("\\Seen")
    await hear(
      player,
      `${step.uid ? "UID " : ""}FETCH ${set} (UID FLAGS${step.body ? " BODY[TEXT]" : ""})`,
      step.uid ? "yes" : "no",
    )
    return uidNext
  }
  if (step.do === "store") {
    const set = step.uid ? uids.join(",") || "999999" : `${first}:${last}`
    const before = beliefsOf(player, uids)
    for (const uid of uids) change(truth.get(uid), step.operation, step.flags)
    const name = `${step.operation}FLAGS${step.silent ? ".SILENT" : ""}`
    await hear(
      player,
      `${step.uid ? "UID " : ""}STORE ${set} ${name} (${step.flags.join(" ")})`,
      step.uid ? "yes" : "no",
    )
    if (step.silent) for (const belief of before) believe(belief, step.operation, step.flags)
    return uidNext
  }
  const present = uids.filter((uid) => truth.has(uid))
  const { status } = await hear(player, `UID ${step.do} ${uids.join(",") || "999999"} box${round}`, "yes")
  assert.match(status, /^OK/)
  for (const uid of present) {
    truth.set(uidNext, new Set(truth.get(uid)))
    if (step.do === "move") truth.delete(uid)
    uidNext += 1
  }
  return uidNext
}

/** What this client, told of other changes first, must believe after its own silent one. */
function believe(belief: Belief, operation: string, changed: string[]): void {
  if (belief.flags === null) return
  const set = new Set(belief.flags.split(" ").filter(Boolean))
  change(set, operation, changed)
  belief.flags = sorted(set)
}

function beliefsOf(player: Player, uids: number[]): Belief[] {
  return player.messages.filter(({ uid }) => uid !== null && uids.includes(uid))
}

function change(set: Set<string> | undefined, operation: string, changed: string[]): void {
  if (set === undefined) return
  if (operation === "") set.clear()
  for (const flag of changed) {
    if (operation === "-") set.delete(flag)
    else set.add(flag)
  }
}

const sorted = (set: Iterable<string>) => [...set].sort().join(" ")

/** UIDs of a range of numbers, asked for only when the client does not know them; it may not know that one is gone. */
async function uidsOf(player: Player, first: number, last: number): Promise<number[]> {
  const unknown = player.messages.slice(first - 1, last).some(({ uid }) => uid === null)
  if (unknown) await hear(player, `FETCH ${first}:${last} (UID)`, "no")
  return player.messages
    .slice(first - 1, last)
    .map(({ uid }) => uid)
    .filter((uid) => uid !== null)
}

async function reselect(player: Player, round: number): Promise<void> {
  player.messages = []
  await hear(player, `SELECT box${round}`, "yes")
}

/** Sends a command, and lets everything that comes change what the client believes. */
async function hear(
  player: Player,
  command: string,
  expunges: "yes" | "no",
  ...literals: Uint8Array[]
): Promise<{ status: string }> {
  const { status, untagged } = await player.client.command(command, ...literals)
  assert.match(status, /^(OK|NO \[EXPUNGEISSUED\])/, command)
  for (const { text } of untagged) {
    const [, number = "", what] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)/.exec(text) ?? []
    const gone = /^\* VANISHED ([\d:,]+)$/.exec(text)?.[1]
    if (gone !== undefined) vanished(player, gone, `${command} answered by ${text}`, expunges)
    if (what === "EXISTS") exists(player, Number(number), text)
    if (what === "EXPUNGE") {
      assert.ok(expunges === "yes" && !player.vanishes, `${command} answered by ${text}`)
      assert.equal(player.messages.splice(Number(number) - 1, 1).length, 1, text)
    }
    if (what === "FETCH") fetched(player.messages[Number(number) - 1] ?? assert.fail(text), text)
  }
  // Who is told UIDs has to know them.
  if (player.vanishes && player.messages.some(({ uid }) => uid === null)) await hear(player, "FETCH 1:* (UID)", "no")
  return { status }
}

/** RFC 7162 §3.2.10.2: only messages that this client counts. */
function vanished(player: Player, set: string, what: string, expunges: "yes" | "no"): void {
  assert.ok(expunges === "yes" && player.vanishes, what)
  for (const range of set.split(",")) {
    const [from = 0, to = from] = range.split(":").map(Number)
    for (let uid = from; uid <= to; uid += 1) {
      const at = player.messages.findIndex((belief) => belief.uid === uid)
      assert.notEqual(at, -1, what)
      player.messages.splice(at, 1)
    }
  }
}

function exists(player: Player, count: number, text: string): void {
  assert.ok(count >= player.messages.length, `${text} of ${player.messages.length}`)
  while (player.messages.length < count) player.messages.push({ uid: null, flags: null })
}

function fetched(belief: Belief, text: string): void {
  const uid = /UID (\d+)/.exec(text)?.[1]
  if (uid !== undefined) {
    assert.ok(belief.uid === null || belief.uid === Number(uid), `${text}: this number was UID ${belief.uid}`)
    belief.uid = Number(uid)
  }
  const told = /FLAGS \(([^)]*)\)/.exec(text)?.[1]
  if (told !== undefined) belief.flags = sorted(told.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent"))
}

/** What the client believes after NOOP must be what FETCH says; then it is compared with the truth. */
async function learn(player: Player): Promise<[number | null, string | null][]> {
  const believed = player.messages.map((belief) => ({ ...belief }))
  if (believed.length > 0) await hear(player, "FETCH 1:* (UID FLAGS)", "no")
  for (const [at, belief] of believed.entries()) {
    const now = player.messages[at] ?? assert.fail()
    if (belief.uid !== null) assert.equal(belief.uid, now.uid)
    if (belief.flags !== null) assert.equal(belief.flags, now.flags, `UID ${now.uid}`)
  }
  return player.messages.map(({ uid, flags }) => [uid, flags])
}

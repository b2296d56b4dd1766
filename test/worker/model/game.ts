import { setImmediate as nextTurn } from "node:timers/promises"
import type { Home, TestClient } from "../harness.ts"
import { type Cache, cacheOf } from "./cache.ts"
import { type Command, octets } from "./command.ts"
import { explain, type Part, waiting } from "./explain.ts"
import type { Game, Habit, Move, Round } from "./moves.ts"
import { resolve, sightOf } from "./resolve.ts"
import { make } from "./truth.ts"
import { newClient, type Scene } from "./view.ts"
import { type Line, lineOf, words } from "./wire.ts"

/** Plays games, one after the other, with one home. */
export class Table {
  readonly #home: Home
  /** Commands that were answered. */
  steps = 0
  /** How often each command was answered with what. */
  readonly answers = new Map<string, number>()
  /** Rounds that more than one order of what happened explains. */
  ambiguous = 0

  constructor(home: Home) {
    this.#home = home
  }

  async play({ habits, rounds }: Game): Promise<void> {
    const match = new Match(this.#home, habits)
    try {
      await match.begin()
      for (const round of rounds) await match.play(round)
      await match.audit()
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      throw new Error(`${text}\n\n${match.transcript.join("\n")}\n`, { cause: error })
    } finally {
      match.leave()
      this.steps += match.steps
      this.ambiguous += match.ambiguous
      for (const answer of match.answers) this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
    }
  }
}

/** The fourth client comes when the game is over, and looks at everything. */
const auditor = 3
const keptCaches = 12
const fewTurns = 50
const manyTurns = 10_000

type Seat = Habit & { client: TestClient | null }

class Match {
  readonly transcript: string[] = []
  readonly answers: string[] = []
  steps = 0
  ambiguous = 0
  readonly #home: Home
  readonly #seats: Seat[]
  /** What may be: more than one only while nothing that was said tells which. */
  #scenes: Scene[] = []
  readonly #caches: Cache[] = []

  constructor(home: Home, habits: readonly Habit[]) {
    this.#home = home
    this.#seats = [...habits, { enables: ["QRESYNC"], selects: false }].map((habit) => ({ ...habit, client: null }))
  }

  /** Other games were here before: INBOX keeps its UIDVALIDITY, and its numbers grow on. */
  async begin(): Promise<void> {
    const client = await this.#home.connect()
    const names = (await client.ok('LIST "" *')).map((text) => words(text).at(-1) ?? "")
    for (const name of names.sort().reverse()) await client.command(`DELETE ${name}`)
    await client.ok("SELECT INBOX")
    await client.ok("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
    await client.ok("CLOSE")
    const [text = ""] = await client.ok("STATUS INBOX (UIDVALIDITY UIDNEXT HIGHESTMODSEQ)")
    client.leave()
    const [validity = 0, uidNext = 0, modseq = 0] = (text.match(/\d+/g) ?? []).map(Number)
    const account = { mailboxes: [], nextId: 1, past: {} }
    Object.assign(make(account, "INBOX", true), { validity, uidNext, modseq, firstModseq: modseq, recentFrom: uidNext })
    this.#scenes = [{ account, clients: this.#seats.map(newClient) }]
  }

  get #scene(): Scene {
    const [scene] = this.#scenes
    if (scene === undefined) throw new Error("the game is over")
    return scene
  }

  async play({ players, lag }: Round): Promise<void> {
    for (const { who } of players) await this.#sit(who)
    const arrivals = new Map<string, number>()
    await this.#run(
      players.map(({ who, moves }) => ({ who, commands: this.#commands(who, moves, arrivals) })),
      lag,
    )
    for (const { who } of players) this.#keep(who)
  }

  /** A client that is not there, or was thrown out, logs in and does what it always does. */
  async #sit(who: number): Promise<void> {
    const seat = this.#seats[who]
    const gone = seat?.client === null || this.#scene.clients[who]?.closed === true
    if (seat === undefined || !gone) return
    seat.client?.leave()
    seat.client = await this.#home.connect()
    for (const scene of this.#scenes) scene.clients[who] = newClient()
    this.transcript.push(`# client ${who + 1} logs in`)
    const greetings: Command[] = []
    if (seat.enables.length > 0) greetings.push({ name: "ENABLE", extensions: seat.enables })
    if (who === 0) greetings.push({ name: "CREATE", mailbox: "a" })
    if (seat.selects) greetings.push({ name: "SELECT", mailbox: "INBOX", condstore: false, resync: null })
    if (greetings.length > 0) await this.#run([{ who, commands: greetings }], 0)
  }

  /** Nothing may come behind IDLE but DONE, and nothing behind LOGOUT. */
  #commands(who: number, moves: readonly Move[], arrivals: Map<string, number>): Command[] {
    const client = this.#scene.clients[who] ?? newClient()
    const sight = sightOf(this.#scene, client, this.#caches, arrivals)
    const commands: Command[] = client.idling === null ? [] : [{ name: "DONE" }]
    for (const [index, move] of moves.entries()) {
      commands.push(resolve(move, this.#scene, sight))
      if (move.do === "LOGOUT") break
      if (move.do === "IDLE" && index < moves.length - 1) commands.push({ name: "DONE" })
    }
    return commands
  }

  /** What the client would know if it left now; some of that is kept for others to come back with. */
  #keep(who: number): void {
    const client = this.#scene.clients[who]
    if (client === undefined || client.idling !== null || this.#scenes.length > 1) return
    const cache = cacheOf(client)
    if (cache === null) return
    if (this.#caches.length < keptCaches) this.#caches.push(cache)
    else this.#caches[this.steps % keptCaches] = cache
  }

  /** All send at once; then everything that was said must have an explanation. */
  async #run(players: { who: number; commands: Command[] }[], lag: number): Promise<void> {
    const parts = players.map(({ who, commands }): Part => {
      const sent = commands.map((command) => ({ tag: this.#nextTag(), command }))
      return { who, sent, heard: [] }
    })
    for (const part of parts) {
      this.#send(part)
      for (let turn = 0; turn < lag; turn += 1) await nextTurn()
    }
    for (const part of parts) await this.#hear(part)
    const idle = this.#scene.clients.flatMap(({ idling }, who) =>
      idling === null || parts.some((part) => part.who === who) ? [] : [{ who, sent: [], heard: [] as Line[] }],
    )
    await this.#settle([...parts, ...idle])
  }

  /**
   * Clients in IDLE hear of everything without asking, a little later. So what cannot be explained yet may only lack
   * what is on its way; the event loop brings that in a few turns.
   */
  async #settle(parts: readonly Part[]): Promise<void> {
    for (;;) {
      const { scenes, mismatch } = explain(this.#scenes, await this.#listen(parts))
      if (scenes.some((scene) => waiting(scene).length === 0)) {
        this.#scenes = scenes
        if (scenes.length > 1) this.ambiguous += 1
        return
      }
      const arrived = await this.#somethingArrives(parts, scenes.length === 0 ? fewTurns : manyTurns)
      if (!arrived) throw new Error(scenes.length === 0 ? mismatch : "a client in IDLE is not told what happened")
    }
  }

  /** All that has come in. */
  async #listen(parts: readonly Part[]): Promise<readonly Part[]> {
    for (const part of parts) while (this.#client(part.who).hasResponse) await this.#hearOne(part)
    return parts
  }

  async #somethingArrives(parts: readonly Part[], turns: number): Promise<boolean> {
    for (let turn = 0; turn < turns; turn += 1) {
      if (parts.some(({ who }) => this.#client(who).hasResponse)) return true
      await nextTurn()
    }
    return false
  }

  #client(who: number): TestClient {
    const client = this.#seats[who]?.client ?? null
    if (client === null) throw new Error("this seat is empty")
    return client
  }

  #nextTag(): string {
    this.steps += 1
    return `c${this.steps}`
  }

  #send({ who, sent }: Part): void {
    const text = sent.map(({ tag, command }) => octets(tag, command)).join("")
    for (const line of text.trimEnd().split("\r\n")) this.transcript.push(`C${who + 1}: ${line}`)
    this.#client(who).send(text)
  }

  async #hear(part: Part): Promise<void> {
    const isLast = lastLineOf(part, this.#scene.clients[part.who]?.idling ?? null)
    for (;;) {
      const line = await this.#hearOne(part)
      if (line.kind === "tagged") this.answers.push(`${nameOf(part, line.tag)} ${line.status}`)
      if (isLast(line)) return
    }
  }

  async #hearOne(part: Part): Promise<Line> {
    const response = await this.#client(part.who).response()
    this.transcript.push(`S${part.who + 1}: ${response.text}`)
    const line = lineOf(response)
    part.heard.push(line)
    return line
  }

  /** A fresh client must find exactly what the model holds; and everybody who once left, can come back. */
  async audit(): Promise<void> {
    this.transcript.push("# the game is over, somebody else looks at everything")
    await this.#sit(auditor)
    const ask = (...commands: Command[]) => this.#run([{ who: auditor, commands }], 0)
    const fetch = {
      name: "FETCH",
      uid: true,
      set: [[1, Infinity]] as [number, number][],
      since: null,
      vanished: null,
    } as const
    for (const { name, selectable } of this.#scene.account.mailboxes) {
      if (!selectable) continue
      const items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "RECENT", "SIZE", "HIGHESTMODSEQ"]
      await ask(
        { name: "STATUS", mailbox: name, items },
        { name: "EXAMINE", mailbox: name, condstore: false, resync: null },
      )
      await ask({ ...fetch, items: ["FLAGS", "MODSEQ", "RFC822.SIZE", "BODY.PEEK[]"] })
    }
    for (const cache of this.#caches) {
      const box = this.#scene.account.mailboxes.find(({ id }) => id === cache.mailbox)
      if (box === undefined) continue
      await ask({ name: "EXAMINE", mailbox: box.name, condstore: false, resync: { cache, known: false, match: false } })
    }
  }

  leave(): void {
    for (const { client } of this.#seats) client?.leave()
  }
}

/**
 * The last command has its tagged answer, or its "+" if it is IDLE; or the server said BYE. `idling` is the tag of an
 * IDLE that was begun before.
 */
function lastLineOf({ sent }: Part, idling: string | null): (line: Line) => boolean {
  const idles = sent.filter(({ command }) => command.name === "IDLE")
  const last = sent.at(-1)
  const tag = last?.command.name === "DONE" ? (idles.at(-1)?.tag ?? idling) : last?.tag
  let begun = 0
  return (line) => {
    if (line.kind === "continue") begun += 1
    if (line.kind === "bye") return !line.text.includes("Logging out")
    if (last?.command.name === "IDLE") return begun === idles.length
    return line.kind === "tagged" && line.tag === tag
  }
}

function nameOf({ sent }: Part, tag: string): string {
  return sent.find((each) => each.tag === tag)?.command.name ?? "IDLE"
}

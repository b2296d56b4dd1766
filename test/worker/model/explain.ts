import type { Command } from "./command.ts"
import { perform } from "./perform.ts"
import { Lines, Mismatch, Parted, type Steps, Turn } from "./turn.ts"
import type { Scene } from "./view.ts"
import type { Line } from "./wire.ts"

/** What one client sent in a round, and all that was said to it meanwhile. */
export type Part = { who: number; sent: { tag: string; command: Command }[]; heard: Line[] }

export type Explanation = { scenes: Scene[]; mismatch: string }

/**
 * Which states the account and its clients can be in after these parts were played at the same time: one for each
 * order of their steps that fits all that was said. None means that the server did something it may not do.
 */
export function explain(before: readonly Scene[], parts: readonly Part[]): Explanation {
  const search: Search = { parts, seen: new Set(), found: new Map(), numbers: new Map(), deepest: -1, mismatch: "" }
  const [only] = before
  const [part] = parts
  const idles = part?.sent.at(-1)?.command.name === "IDLE"
  if (only !== undefined && before.length === 1 && parts.length === 1 && !idles) {
    // One that plays alone, and has all its answers, has one order; the state before it is not looked at again.
    const alone = replay(search, only, [])
    return { scenes: alone === null ? [] : [only], mismatch: search.mismatch }
  }
  for (const scene of before) {
    search.seen.clear()
    explore(search, JSON.stringify(scene), [], new Array(parts.length).fill([]))
  }
  return { scenes: [...search.found.values()], mismatch: search.mismatch }
}

type Search = {
  parts: readonly Part[]
  /** Nodes that were looked at already. */
  seen: Set<string>
  found: Map<string, Scene>
  /** A number for each state, to write keys with. */
  numbers: Map<string, number>
  deepest: number
  mismatch: string
}

/** `pasts` are the states that each player met at its steps: they, and what was said, decide what it does next. */
function explore(search: Search, before: string, order: readonly number[], pasts: readonly number[][]): void {
  const scene = JSON.parse(before) as Scene
  const players = replay(search, scene, order)
  if (players === null) return
  const open = players.filter(({ done }) => !done)
  if (open.length === 0) return void search.found.set(JSON.stringify(scene), scene)
  const state = numberOf(search, scene)
  const key = JSON.stringify([state, players.map(({ lines }) => lines.at), pasts])
  if (search.seen.has(key)) return
  search.seen.add(key)
  for (const { index } of open) {
    const met = pasts.map((past, each) => (each === index ? [...past, state] : past))
    explore(search, before, [...order, index], met)
  }
}

type Player = { index: number; lines: Lines; progress: Steps; done: boolean }

/** Plays in this order, from a state which becomes what it is then; the last one that is left plays to its end. */
function replay(search: Search, scene: Scene, order: readonly number[]): Player[] | null {
  const players = search.parts.map((part, index): Player => {
    const lines = new Lines(part.heard)
    return { index, lines, progress: playing(scene, part, lines), done: false }
  })
  try {
    for (const player of players) advance(player)
    for (const index of order) advance(players[index] as Player)
    const open = players.filter(({ done }) => !done)
    const [last] = open
    while (open.length === 1 && last !== undefined && !last.done) advance(last)
    return players
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    const depth = players.reduce((sum, { lines }) => sum + lines.at, 0)
    if (depth > search.deepest) Object.assign(search, { deepest: depth, mismatch: error.message })
    return null
  }
}

function numberOf({ numbers }: Search, scene: Scene): number {
  const text = JSON.stringify(scene)
  const known = numbers.get(text) ?? numbers.size
  numbers.set(text, known)
  return known
}

function advance(player: Player): void {
  player.done = player.progress.next().done === true
}

function* playing(scene: Scene, { who, sent }: Part, lines: Lines): Steps {
  for (const { tag, command } of sent) {
    const turn = new Turn(scene, who, command.name === "DONE" ? (scene.clients[who]?.idling ?? tag) : tag, lines)
    yield* perform(turn, command)
    if (turn.client.closed) break
  }
  const turn = new Turn(scene, who, "", lines)
  if (turn.client.idling !== null && !turn.client.closed) yield* idly(turn)
  turn.check(lines.left === 0, "nothing more may be said")
}

function* idly(turn: Turn): Steps {
  try {
    yield* turn.tellOn(true)
  } catch (error) {
    if (!(error instanceof Parted)) throw error
  }
}

/** Clients in IDLE, in a state, which have something still to be told. */
export function waiting({ account, clients }: Scene): number[] {
  return clients.flatMap((client, who) => {
    if (client.idling === null || client.closed) return []
    return new Turn({ account, clients }, who, "", new Lines([])).isCurrent ? [] : [who]
  })
}

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
  const search: Search = {
    parts,
    seen: new Set(),
    found: new Map(),
    numbers: new Map(),
    deepest: -1,
    mismatch: "nothing was possible",
  }
  for (const scene of before) {
    search.seen.clear()
    explore(search, scene, [])
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

function explore(search: Search, before: Scene, order: readonly number[]): void {
  const state = replay(search, before, order)
  if (state === null) return
  const { scene, players } = state
  const open = players.filter(({ done }) => !done)
  if (open.length === 0) return void search.found.set(JSON.stringify(scene), scene)
  const key = JSON.stringify([numberOf(search, scene), players.map(({ lines, past }) => [lines.at, past])])
  if (search.seen.has(key)) return
  search.seen.add(key)
  for (const { index } of open) explore(search, before, [...order, index])
}

/** `past` are the states that the player met: they, and what was said, decide what it does next. */
type Player = { index: number; lines: Lines; progress: Steps; past: number[]; done: boolean }

/** Plays from the start in this order; the last one that is left plays to its end. */
function replay(search: Search, before: Scene, order: readonly number[]): { scene: Scene; players: Player[] } | null {
  const scene = structuredClone(before)
  const players = search.parts.map((part, index): Player => {
    const lines = new Lines(part.heard)
    return { index, lines, progress: playing(scene, part, lines), past: [], done: false }
  })
  try {
    for (const player of players) advance(player)
    for (const index of order) {
      const player = players[index] as Player
      player.past.push(numberOf(search, scene))
      advance(player)
    }
    const open = players.filter(({ done }) => !done)
    const [last] = open
    while (open.length === 1 && last !== undefined && !last.done) advance(last)
    return { scene, players }
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

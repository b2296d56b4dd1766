import { type CommandNamed, type Key, letters } from "./command.ts"
import { has } from "./flags.ts"
import { type Message, message } from "./truth.ts"
import type { Steps, Turn } from "./turn.ts"
import { type View, within } from "./view.ts"
import { numbersIn } from "./wire.ts"

/** RFC 3501 §6.4.4, ESEARCH (RFC 4731), SEARCHRES (RFC 5182), MODSEQ (RFC 7162 §3.1.5); SORT (RFC 5256). */
export function* performSearch(turn: Turn, command: CommandNamed<"SEARCH" | "SORT">): Steps {
  const { name, uid, key } = command
  yield
  if (mentions(key, "modseq")) turn.enableCondstore()
  const found = hitsOf(turn, key)
  const hits = name === "SORT" ? yield* inOrder(turn, found) : found
  const returns = command.returns ?? (turn.client.rev2 && name === "SEARCH" ? ["ALL"] : null)
  if (returns === null) hearSearch(turn, command, hits)
  else if (returns.length !== 1 || returns[0] !== "SAVE")
    hearExtended(turn, command, returns.length === 0 ? ["ALL"] : returns, hits)
  if (returns?.includes("SAVE") === true) turn.view.saved = chosen(returns, hits).map((hit) => hit.uid)
  // RFC 7162 §3.2.10.2: not while numbers are in the command.
  yield* turn.tellAll(uid && !namesNumbers(key), uid)
  turn.end("OK", ["", "EXPUNGEISSUED"])
}

function hitsOf({ box, view }: Turn, key: Key): Message[] {
  return view.messages.flatMap(({ uid }) => {
    const found = box === undefined ? undefined : message(box, uid)
    return found !== undefined && matches(key, found, view) ? [{ ...found }] : []
  })
}

function matches(key: Key, found: Message, view: View): boolean {
  switch (key.key) {
    case "all":
      return true
    case "recent":
      return view.recent.includes(found.uid)
    case "old":
      return !view.recent.includes(found.uid)
    case "new":
      return view.recent.includes(found.uid) && !has(found.flags, "\\Seen")
    case "flag":
      return has(found.flags, key.flag) === key.on
    case "set":
      return within(view, key.set, key.uid).includes(found.uid)
    case "modseq":
      return found.modseq >= key.from
    case "larger":
      return sizeOf(found) > key.octets
    case "smaller":
      return sizeOf(found) < key.octets
    case "not":
      return !matches(key.not, found, view)
    case "or":
      return matches(key.left, found, view) || matches(key.right, found, view)
    case "and":
      return matches(key.left, found, view) && matches(key.right, found, view)
  }
}

/** To be compared messages are read again, and another session may have expunged one by then. */
function* inOrder({ box }: Turn, found: readonly Message[]): Steps<Message[]> {
  yield
  const there = found.filter(({ uid }) => box !== undefined && message(box, uid) !== undefined)
  return there.sort(bySize)
}

/** RFC 5256 §3: the largest first, those of one size in the order of the mailbox, REVERSE or not. */
function bySize(a: Message, b: Message): number {
  return sizeOf(b) - sizeOf(a) || a.uid - b.uid
}

function sizeOf({ letter }: Message): number {
  return letters[letter]?.length ?? 0
}

function mentions(key: Key, name: Key["key"]): boolean {
  if (key.key === "not") return mentions(key.not, name)
  if (key.key === "or" || key.key === "and") return mentions(key.left, name) || mentions(key.right, name)
  return key.key === name
}

export function namesNumbers(key: Key): boolean {
  if (key.key === "not") return namesNumbers(key.not)
  if (key.key === "or" || key.key === "and") return namesNumbers(key.left) || namesNumbers(key.right)
  return key.key === "set" && !key.uid && key.set !== "$"
}

function numbersOf(turn: Turn, uid: boolean, hits: readonly Message[]): number[] {
  if (uid) return hits.map((hit) => hit.uid)
  return hits.map((hit) => turn.view.messages.findIndex((each) => each.uid === hit.uid) + 1)
}

function highest(hits: readonly Message[]): number | null {
  return hits.length === 0 ? null : Math.max(...hits.map(({ modseq }) => modseq))
}

/** RFC 7162 §3.1.6: the highest mod-sequence of what was found. */
function hearSearch(turn: Turn, { name, uid, key }: CommandNamed<"SEARCH" | "SORT">, hits: readonly Message[]): void {
  const { numbers, modseq } = turn.take(name === "SORT" ? "sort" : "search")
  const expected = numbersOf(turn, uid, hits)
  const right = numbers.join() === expected.join() && modseq === (mentions(key, "modseq") ? highest(hits) : null)
  if (!right) turn.lines.at -= 1
  turn.check(right, `SEARCH ${expected.join(" ")} is expected`)
}

/** RFC 4731 §3.1: MIN, MAX and ALL are left out when nothing was found; §3.2 for MODSEQ. */
function hearExtended(
  turn: Turn,
  { uid, key }: CommandNamed<"SEARCH" | "SORT">,
  returns: readonly string[],
  hits: readonly Message[],
): void {
  const line = turn.take("esearch")
  const numbers = numbersOf(turn, uid, hits)
  const expected = new Map<string, string>()
  if (returns.includes("MIN") && numbers.length > 0) expected.set("MIN", String(numbers[0]))
  if (returns.includes("MAX") && numbers.length > 0) expected.set("MAX", String(numbers.at(-1)))
  if (returns.includes("ALL") && numbers.length > 0) expected.set("ALL", numbers.join())
  if (returns.includes("COUNT")) expected.set("COUNT", String(numbers.length))
  const modseq = mentions(key, "modseq") ? highest(chosen(returns, hits)) : null
  if (modseq !== null) expected.set("MODSEQ", String(modseq))
  const heard = new Map(line.data)
  const all = heard.get("ALL")
  if (all !== undefined) heard.set("ALL", numbersIn(all).join())
  const right = line.tag === turn.tag && line.uid === uid && sorted(heard) === sorted(expected)
  if (!right) turn.lines.at -= 1
  turn.check(right, `ESEARCH ${sorted(expected)} is expected`)
}

/** RFC 4731 §3.2, RFC 5182 §2.4: with MIN and MAX alone only these messages count. */
function chosen(returns: readonly string[], hits: readonly Message[]): readonly Message[] {
  const [min, max] = [returns.includes("MIN"), returns.includes("MAX")]
  if (returns.includes("ALL") || returns.includes("COUNT") || !(min || max)) return hits
  return [...(min ? hits.slice(0, 1) : []), ...(max ? hits.slice(-1) : [])]
}

function sorted(data: Map<string, string>): string {
  return [...data]
    .map(([name, value]) => `${name} ${value}`)
    .sort()
    .join(" ")
}

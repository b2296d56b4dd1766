import assert from "node:assert/strict"

/*
 * A model of two copies of one account that a program keeps the same, for programs of which each keeps its
 * promises in its own way: what is on neither side deleted must be on both, once and with all its octets; what
 * one side deletes goes; flags follow the program's rule.
 */

/** What lies in one account: `folder/letter` and the flags that the letter has there. */
export type Content = ReadonlyMap<string, ReadonlySet<string>>

export type Change =
  | { do: "add"; at: string; flags: string[] }
  | { do: "flags"; at: string; flags: string[] }
  | { do: "delete"; at: string }
  | { do: "copy"; at: string; to: string }
  | { do: "move"; at: string; to: string }

/** One of the two: makes a change by its own means, and tells what lies there. */
export type Side = { change(change: Change): Promise<void>; content(): Promise<Content> }

export type FlagRule = (base: boolean, one: boolean, other: boolean, bothChanged: boolean) => boolean

/** Each flag by itself: who changes it has his way. */
export const flagByFlag: FlagRule = (base, one, other) => (one !== base ? one : other)

/** Where both sides changed a letter's flags, it has those of either. */
export const union: FlagRule = (base, one, other, bothChanged) =>
  bothChanged ? one || other : flagByFlag(base, one, other, false)

export const place = (folder: string, letter: string): string => `${folder}/${letter}`
export const folderOf = (at: string): string => at.slice(0, at.lastIndexOf("/"))
export const letterOf = (at: string): string => at.slice(at.lastIndexOf("/") + 1)

/** What both sides have before the conflicts, made on one of them. */
export const sixLetters: readonly Change[] = [1, 2, 3, 4, 5, 6].map((n) => ({
  do: "add",
  at: `INBOX/letter${n}`,
  flags: [],
}))

/** Changes of `sixLetters` on both sides at once: other flags, flags and a deletion either way, two deletions, a move. */
export const conflicts: { readonly one: readonly Change[]; readonly other: readonly Change[] } = {
  one: [
    { do: "flags", at: "INBOX/letter1", flags: ["\\Seen", "\\Flagged"] },
    { do: "delete", at: "INBOX/letter2" },
    { do: "flags", at: "INBOX/letter3", flags: ["\\Answered"] },
    { do: "delete", at: "INBOX/letter4" },
    { do: "move", at: "INBOX/letter5", to: "Both/letter5" },
    { do: "add", at: "INBOX/letter7", flags: ["\\Draft"] },
  ],
  other: [
    { do: "flags", at: "INBOX/letter1", flags: ["\\Answered", "$Forwarded"] },
    { do: "flags", at: "INBOX/letter2", flags: ["\\Flagged"] },
    { do: "delete", at: "INBOX/letter3" },
    { do: "delete", at: "INBOX/letter4" },
    { do: "flags", at: "INBOX/letter5", flags: ["\\Seen"] },
  ],
}

export function after(content: Content, changes: Change[]): Content {
  const next = new Map(content)
  for (const change of changes) {
    const flags = next.get(change.at)
    if (change.do === "add" || change.do === "flags") next.set(change.at, new Set(change.flags))
    else if (change.do === "delete") next.delete(change.at)
    else {
      next.set(change.to, flags ?? assert.fail(`nothing at ${change.at}`))
      if (change.do === "move") next.delete(change.at)
    }
  }
  return next
}

/** What both sides hold when they have been brought together. */
export function merged(base: Content, one: Content, other: Content, rule: FlagRule): Content {
  const result = new Map<string, ReadonlySet<string>>()
  for (const at of new Set([...one.keys(), ...other.keys()])) {
    const [was, here, there] = [base.get(at), one.get(at), other.get(at)]
    const only = here ?? there
    if (was !== undefined && here !== undefined && there !== undefined)
      result.set(at, mergedFlags(was, here, there, rule))
    else if (was === undefined && only !== undefined) result.set(at, only)
  }
  return result
}

type Flags = ReadonlySet<string>

function mergedFlags(base: Flags, one: Flags, other: Flags, rule: FlagRule): Flags {
  const bothChanged = !same(base, one) && !same(base, other)
  const all = new Set([...base, ...one, ...other])
  return new Set([...all].filter((flag) => rule(base.has(flag), one.has(flag), other.has(flag), bothChanged)))
}

const same = (a: Flags, b: Flags): boolean => a.size === b.size && [...a].every((flag) => b.has(flag))

export const listing = (content: Content): string[] =>
  [...content].map(([at, flags]) => `${at} (${[...flags].toSorted().join(" ")})`).toSorted()

/** Numbers that look random and come again with the same seed (xorshift). */
export function dice(seed: number): (sides: number) => number {
  let state = seed | 1
  return (sides) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % sides
  }
}

type Round = { roll: (sides: number) => number; folders: string[]; flags: string[]; newLetter: () => string }

/** What happens on both sides between two meetings. A letter comes into a folder on one side only. */
export function changesOfRound(content: Content, { roll, folders, flags, newLetter }: Round): [Change[], Change[]] {
  const taken = new Set(content.keys())
  const changesOfOne = (): Change[] => {
    let now = content
    const changes: Change[] = []
    for (let n = 1 + roll(5); n > 0; n--) {
      const change = oneChange(now)
      if (change === undefined) continue
      now = after(now, [change])
      changes.push(change)
    }
    return changes
  }
  const someFlags = () => flags.filter(() => roll(3) === 0)
  const folder = () => folders[roll(folders.length)] ?? assert.fail()
  const oneChange = (now: Content): Change | undefined => {
    // Only what the meeting knew: a letter that came in this round is left as it came.
    const known = [...now.keys()].filter((at) => content.has(at))
    const at = known[roll(Math.max(1, known.length))]
    const kind = roll(10)
    if (at === undefined || kind < 3) return { do: "add", at: place(folder(), newLetter()), flags: someFlags() }
    if (kind < 7) {
      const chosen = someFlags()
      // Once, and to something else: a program may take a change and its way back for a change.
      const was = now.get(at) === content.get(at) && now.get(at)
      return was && !same(was, new Set(chosen)) ? { do: "flags", at, flags: chosen } : undefined
    }
    if (kind === 7) return { do: "delete", at }
    const to = place(folder(), letterOf(at))
    if (taken.has(to)) return undefined
    taken.add(to)
    return { do: kind === 8 ? "copy" : "move", at, to }
  }
  return [changesOfOne(), changesOfOne()]
}

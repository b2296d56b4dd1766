import { Refused } from "../refusal.ts"

/** More patterns in one LIST than any client needs; each costs time for every mailbox. */
const maxPatterns = 100

/**
 * Whether a name matches one of the patterns, each taken after the reference (RFC 3501 §6.3.8): "*" stands
 * for anything, "%" for anything within one level.
 *
 * @throws Refused for too many patterns
 */
export function matcherFor(reference: string, patterns: readonly string[]): (name: string) => boolean {
  const distinct = [...new Set(patterns.map((pattern) => canonical(reference + pattern)))]
  if (distinct.length > maxPatterns)
    throw new Refused({ status: "NO", code: "LIMIT", text: `At most ${maxPatterns} patterns` })
  return (name) => distinct.some((pattern) => matches(pattern, name))
}

/** Each run of wildcards as the one that means the same. */
function canonical(pattern: string): string {
  return pattern.replace(/[*%]+/g, (run) => (run.includes("*") ? "*" : "%"))
}

/**
 * INBOX is the same in any case (RFC 3501 §5.1), alone and where it is the first level of a name, as far as the
 * pattern spells it out: "inb%" means it, "%o%" does not.
 */
function matches(pattern: string, name: string): boolean {
  if (reaches(pattern, name)) return true
  if (name !== "INBOX" && !name.startsWith("INBOX/")) return false
  return reaches(
    pattern.replace(/^[inbox]{1,5}/i, (spelled) => spelled.toUpperCase()),
    name,
  )
}

/** Steps through the name once with the set of positions in the pattern that are possible: never exponential. */
function reaches(pattern: string, name: string): boolean {
  if (pattern.replace(/[*%]/g, "").length > name.length) return false
  let possible = skipWildcards(pattern, new Uint8Array(pattern.length + 1).fill(1, 0, 1))
  for (const character of name.split("")) possible = skipWildcards(pattern, step(pattern, possible, character))
  return possible[pattern.length] === 1
}

function step(pattern: string, possible: Uint8Array, character: string): Uint8Array {
  const next = new Uint8Array(pattern.length + 1)
  for (let at = 0; at < pattern.length; at += 1) {
    if (possible[at] !== 1) continue
    const wanted = pattern[at]
    if (wanted === "*" || (wanted === "%" && character !== "/")) next[at] = 1
    else if (wanted === character) next[at + 1] = 1
  }
  return next
}

/** A wildcard may stand for nothing. */
function skipWildcards(pattern: string, possible: Uint8Array): Uint8Array {
  for (let at = 0; at < pattern.length; at += 1) {
    if (possible[at] === 1 && (pattern[at] === "*" || pattern[at] === "%")) possible[at + 1] = 1
  }
  return possible
}

/** "a", "a/b" of "a/b/c". */
export function superiors(name: string): string[] {
  const levels = name.split("/")
  return levels.slice(1).map((_, index) => levels.slice(0, index + 1).join("/"))
}

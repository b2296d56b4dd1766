import { keywordText } from "./keywords.ts"
import { type Marked, StoreError } from "./types.ts"

/** What STORE asks for; `keywords` in any case. `unchangedSince` is RFC 7162's UNCHANGEDSINCE. */
export type FlagChange = {
  operation: "replace" | "add" | "remove"
  flags: number
  keywords: string[]
  unchangedSince: number | null
}

/** Whether only flags can change: then one statement does for many messages. */
export function keepsKeywords({ operation, keywords }: FlagChange): boolean {
  return keywords.length === 0 && operation !== "replace"
}

/**
 * Flags and stored keywords after the change, null for keywords that stay; null when nothing changes. `names`
 * are the change's keywords in the mailbox's spelling.
 *
 * @throws StoreError `too-many-keywords` when there would be more than `most` and more than there were
 */
export function flagsAfter(
  message: Marked,
  change: FlagChange,
  names: readonly string[],
  most: number,
): { flags: number; keywords: string | null } | null {
  const flags = bitsAfter(message.flags, change)
  const keywords = keepsKeywords(change) ? null : keywordsAfter(message.keywords, change, names, most)
  const same = keywords === null || keywords === message.keywords.join(" ")
  return flags === message.flags && same ? null : { flags, keywords }
}

/** Of a change that keeps keywords: flags after it are `(before | set) & ~cleared`. */
export function bitsOf(change: FlagChange): { set: number; cleared: number } {
  return { set: bitsAfter(0, change), cleared: change.operation === "remove" ? change.flags : 0 }
}

export function bitsAfter(present: number, { operation, flags }: FlagChange): number {
  if (operation === "replace") return flags
  return operation === "add" ? present | flags : present & ~flags
}

function keywordsAfter(
  present: readonly string[],
  { operation }: FlagChange,
  names: readonly string[],
  most: number,
): string {
  const after = new Set(namesAfter(present, operation, names))
  if (after.size > most && after.size > present.length) throw new StoreError("too-many-keywords")
  return keywordText(after)
}

function namesAfter(
  present: readonly string[],
  operation: FlagChange["operation"],
  names: readonly string[],
): readonly string[] {
  if (operation === "replace") return names
  return operation === "add" ? [...present, ...names] : present.filter((name) => !names.includes(name))
}

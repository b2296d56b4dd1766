import { keywordText } from "./keywords.ts"
import type { Message } from "./types.ts"

/** What STORE asks for; `keywords` in any case. `unchangedSince` is RFC 7162's UNCHANGEDSINCE. */
export type FlagChange = {
  operation: "replace" | "add" | "remove"
  flags: number
  keywords: string[]
  unchangedSince: number | null
}

/** Flags and stored keywords after the change, or null when it changes nothing. `names` are its keywords in the mailbox's spelling. */
export function flagsAfter(
  message: Message,
  change: FlagChange,
  names: readonly string[],
): { flags: number; keywords: string } | null {
  const flags = bitsAfter(message.flags, change)
  const keywords = keywordText(namesAfter(message.keywords, change.operation, names))
  return flags === message.flags && keywords === message.keywords.join(" ") ? null : { flags, keywords }
}

function bitsAfter(present: number, { operation, flags }: FlagChange): number {
  if (operation === "replace") return flags
  return operation === "add" ? present | flags : present & ~flags
}

function namesAfter(
  present: readonly string[],
  operation: FlagChange["operation"],
  names: readonly string[],
): readonly string[] {
  if (operation === "replace") return names
  return operation === "add" ? [...present, ...names] : present.filter((name) => !names.includes(name))
}

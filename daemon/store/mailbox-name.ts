import { StoreError, type StoreLimits } from "./types.ts"

/** C0, DEL, C1 and the two Unicode line ends: RFC 5198 §2, as RFC 6855 §3 asks of mailbox names. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const refused = /[\0-\x1f\x7f-\x9f\u2028\u2029]/

/**
 * The stored form of a new name: NFC, no trailing "/", first level INBOX in capitals (RFC 3501 §5.1).
 *
 * @throws StoreError `bad-name`: empty, an empty level, control characters, lone surrogates; `name-too-long`
 */
export function mailboxName(given: string, limits: Pick<StoreLimits, "nameBytes" | "nameLevels">): string {
  const name = canonicalName(given.replace(/\/$/, ""))
  const levels = name.split("/")
  if (levels.some((level) => level === "")) throw new StoreError("bad-name", "an empty level")
  if (refused.test(name) || !name.isWellFormed())
    throw new StoreError("bad-name", "a character that names may not have")
  if (Buffer.byteLength(name) > limits.nameBytes || levels.length > limits.nameLevels)
    throw new StoreError("name-too-long")
  return name
}

/** The form in which any name is looked up; nothing is refused. Case is that of US-ASCII: "ı" in capitals is "I", too. */
export function canonicalName(given: string): string {
  return given.normalize("NFC").replace(/^inbox(?=\/|$)/i, "INBOX")
}

/** Names above this one, highest first: "a/b/c" has "a" and "a/b". */
export function superiors(name: string): string[] {
  const levels = name.split("/")
  return levels.slice(1).map((_, index) => levels.slice(0, index + 1).join("/"))
}

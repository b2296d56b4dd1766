import { BACKSLASH, type Cursor, type GrammarContext, latin1, parenthesised, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { atom } from "./strings.ts"

const systemFlags = new Map(
  ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"].map((flag) => [flag.toUpperCase(), flag]),
)

/**
 * flag           = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
 * flag-keyword   = atom
 * flag-extension = "\" atom
 *
 * RFC 3501 §9: "Does not include \Recent". System flags come out in the RFC's spelling, others as written.
 */
export function flag(cursor: Cursor): string {
  const start = cursor.at
  if (!tryByte(cursor, BACKSLASH)) return flagKeyword(cursor)
  const written = `\\${latin1(atom(cursor, "flag"))}`
  const upper = written.toUpperCase()
  if (upper === "\\RECENT") throw new ParseError("flag other than \\Recent", start)
  return systemFlags.get(upper) ?? written
}

/** flag-keyword = atom */
export function flagKeyword(cursor: Cursor): string {
  return latin1(atom(cursor, "flag"))
}

/**
 * flag-list = "(" [flag *(SP flag)] ")"
 *
 * RFC 3501 §9.
 */
export function flagList(cursor: Cursor, context: GrammarContext): string[] {
  return parenthesised(cursor, context, flag, true)
}

import type { SearchReturn } from "./ast.ts"
import { type Cursor, keyword, parenthesised, space } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { partialRange } from "./numbers.ts"

type PlainReturn = Extract<SearchReturn, string>

const returnNames: ReadonlySet<string> = new Set<PlainReturn>([
  "MIN",
  "MAX",
  "ALL",
  "COUNT",
  "SAVE",
  "CONTEXT",
  "UPDATE",
])

/**
 * search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
 * search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE" / "CONTEXT" / "UPDATE" /
 *                      "PARTIAL" SP partial-range
 *
 * RFC 4731 §3.1 and §4, RFC 5182 §3, RFC 5267 §5, RFC 9394 §4. The cursor is behind "RETURN" and its space; the space behind
 * the list is taken too. "RETURN ()" means ALL; each option counts once.
 */
export function searchReturns(cursor: Cursor): SearchReturn[] {
  const start = cursor.at
  const returns = parenthesised(cursor, searchReturn, true)
  space(cursor)
  refuseTwoLists(returns, start)
  return returns.length === 0 ? ["ALL"] : [...new Set(returns)]
}

/** RFC 9394 §3.1: either one PARTIAL, one ALL, or neither. */
function refuseTwoLists(returns: readonly SearchReturn[], at: number): void {
  const partials = returns.filter((each) => typeof each === "object").length
  if (partials > 1 || (partials === 1 && returns.includes("ALL"))) throw new ParseError("one of PARTIAL and ALL", at)
}

function searchReturn(cursor: Cursor): SearchReturn {
  const start = cursor.at
  const word = keyword(cursor, "search-return-opt")
  if (word === "PARTIAL") {
    space(cursor)
    return { partial: partialRange(cursor) }
  }
  if (!isPlainReturn(word)) throw new ParseError("search-return-opt", start)
  return word
}

function isPlainReturn(word: string): word is PlainReturn {
  return returnNames.has(word)
}

import type { FetchItem, SearchReturn } from "./ast.ts"
import { type Cursor, type GrammarContext, keyword, OPEN, parenthesised, peek, SP, space } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { fetchItems } from "./fetch.ts"
import { partialRange } from "./numbers.ts"

type PlainReturn = Extract<SearchReturn, string>

const returnNames: ReadonlySet<string> = new Set<PlainReturn>(["MIN", "MAX", "ALL", "COUNT", "SAVE", "CONTEXT"])

/**
 * search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")"
 * search-return-opt  = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE" / "CONTEXT" / modifier-update /
 *                      "PARTIAL" SP partial-range
 *
 * RFC 4731 §3.1 and §4, RFC 5182 §3, RFC 5267 §5, RFC 5465 §8, RFC 9394 §4. The cursor is behind "RETURN" and its space; the space behind
 * the list is taken too. "RETURN ()" means ALL; each option counts once.
 */
export function searchReturns(cursor: Cursor, context: GrammarContext): SearchReturn[] {
  const start = cursor.at
  const returns = parenthesised(cursor, context, (inner) => searchReturn(inner, context), true)
  space(cursor)
  refuseTwoLists(returns, start)
  return returns.length === 0 ? ["ALL"] : [...new Set(returns)]
}

/** RFC 9394 §3.1: either one PARTIAL, one ALL, or neither. */
function refuseTwoLists(returns: readonly SearchReturn[], at: number): void {
  const lists = returns.filter((each) => each === "ALL" || (typeof each === "object" && "partial" in each))
  if (lists.length > 1) throw new ParseError("one of PARTIAL and ALL", at)
}

function searchReturn(cursor: Cursor, context: GrammarContext): SearchReturn {
  const start = cursor.at
  const word = keyword(cursor, "search-return-opt")
  if (word === "PARTIAL") {
    space(cursor)
    return { partial: partialRange(cursor) }
  }
  if (word === "UPDATE") return { update: updateItems(cursor, context) }
  if (!isPlainReturn(word)) throw new ParseError("search-return-opt", start)
  return word
}

/**
 * modifier-update = "UPDATE" ["(" fetch-att *(SP fetch-att) ")"]
 *
 * RFC 5465 §8; the example of §7 has a space before the list.
 */
function updateItems(cursor: Cursor, context: GrammarContext): FetchItem[] {
  if (peek(cursor) === SP && cursor.bytes[cursor.at + 1] === OPEN) space(cursor)
  return peek(cursor) === OPEN ? fetchItems(cursor, context) : []
}

function isPlainReturn(word: string): word is PlainReturn {
  return returnNames.has(word)
}

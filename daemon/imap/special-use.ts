import {
  BACKSLASH,
  type Cursor,
  type GrammarContext,
  keyword,
  latin1,
  parenthesised,
  space,
  tryByte,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { atom } from "./strings.ts"

/**
 * create-params = SP "(" create-param *(SP create-param) ")"
 * create-param  = "USE" SP "(" [use-attr *(SP use-attr)] ")"
 * use-attr      = "\" atom
 *
 * RFC 4466 §3, RFC 6154 §6. Spelled as in the RFC where it is one of its attributes.
 */
export function createUses(cursor: Cursor, context: GrammarContext): string[] {
  return [...new Set(parenthesised(cursor, context, (inner) => createParameter(inner, context)).flat())]
}

function createParameter(cursor: Cursor, context: GrammarContext): string[] {
  const start = cursor.at
  if (keyword(cursor, "create-param") !== "USE") throw new ParseError("USE", start)
  space(cursor)
  return parenthesised(cursor, context, useAttribute, true)
}

const spellings = new Map(
  ["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"].map((use) => [use.toLowerCase(), use]),
)

function useAttribute(cursor: Cursor): string {
  const start = cursor.at
  if (!tryByte(cursor, BACKSLASH)) throw new ParseError("use-attr", start)
  const given = `\\${latin1(atom(cursor, "use-attr"))}`
  return spellings.get(given.toLowerCase()) ?? given
}

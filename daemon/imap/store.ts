import type { CommandBody } from "./ast.ts"
import {
  CLOSE,
  type Cursor,
  expectByte,
  type GrammarContext,
  keyword,
  MINUS,
  OPEN,
  PLUS,
  peek,
  space,
  spaced,
  tryByte,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { flag, flagList } from "./flags.ts"
import type { CommandFamily } from "./grammar.ts"
import { modSequenceOrZero, sequenceSet } from "./numbers.ts"

export const storeCommands: CommandFamily = {
  STORE: (cursor, context) => store(cursor, context, false),
  "UID STORE": (cursor, context) => store(cursor, context, true),
}

/**
 * store           = "STORE" SP sequence-set [store-modifiers] SP store-att-flags
 * store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
 *
 * RFC 3501 §9, RFC 4466 §3.
 */
function store(cursor: Cursor, context: GrammarContext, uid: boolean): CommandBody {
  space(cursor)
  const set = sequenceSet(cursor, context.maxSequenceRanges)
  space(cursor)
  const unchangedSince = peek(cursor) === OPEN ? storeModifiers(cursor) : null
  const operation = storeOperation(cursor)
  const silent = flagsItem(cursor)
  space(cursor)
  const flags = peek(cursor) === OPEN ? flagList(cursor, context) : spaced(cursor, context, flag)
  return { name: "STORE", uid, set, unchangedSince, operation, silent, flags }
}

/**
 * store-modifiers = SP "(" store-modifier *(SP store-modifier) ")"
 * store-modifier  = "UNCHANGEDSINCE" SP mod-sequence-valzer
 *
 * RFC 7162 §7: "Only a single UNCHANGEDSINCE may be specified", so there is one modifier.
 */
function storeModifiers(cursor: Cursor): number {
  expectByte(cursor, OPEN, "(")
  const start = cursor.at
  if (keyword(cursor, "store-modifier") !== "UNCHANGEDSINCE") throw new ParseError("UNCHANGEDSINCE", start)
  space(cursor)
  const modseq = modSequenceOrZero(cursor)
  expectByte(cursor, CLOSE, ")")
  space(cursor)
  return modseq
}

function storeOperation(cursor: Cursor): "replace" | "add" | "remove" {
  if (tryByte(cursor, PLUS)) return "add"
  return tryByte(cursor, MINUS) ? "remove" : "replace"
}

/** "FLAGS" [".SILENT"]: whether it is silent. */
function flagsItem(cursor: Cursor): boolean {
  const start = cursor.at
  const word = keyword(cursor, "FLAGS")
  if (word !== "FLAGS" && word !== "FLAGS.SILENT") throw new ParseError("FLAGS or FLAGS.SILENT", start)
  return word === "FLAGS.SILENT"
}

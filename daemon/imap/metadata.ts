import type { AnnotationChange, CommandBody, MetadataOptions } from "./ast.ts"
import {
  type Cursor,
  type GrammarContext,
  keyword,
  latin1,
  OPEN,
  parenthesised,
  peek,
  space,
  spaced,
  TILDE,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { mailbox } from "./mailbox-name.ts"
import { number } from "./numbers.ts"
import { astring, literalOctets, nstring } from "./strings.ts"

/** RFC 5464 §5. The empty mailbox name stands for the whole account. */
export const metadataCommands: CommandFamily = {
  GETMETADATA: (cursor, context) => getMetadata(cursor, context),
  /** setmetadata = "SETMETADATA" SP mailbox SP "(" entry-value *(SP entry-value) ")" */
  SETMETADATA: (cursor, context) => {
    space(cursor)
    const name = mailbox(cursor, context)
    space(cursor)
    return { name: "SETMETADATA", mailbox: name, changes: parenthesised(cursor, context, entryValue) }
  },
}

/**
 * getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
 * entries     = entry / "(" entry *(SP entry) ")"
 *
 * RFC 5464 §5. Its examples have the options behind the mailbox, so both places are taken; those of §4.4.1 have no
 * parentheses around many entries.
 */
function getMetadata(cursor: Cursor, context: GrammarContext): CommandBody {
  space(cursor)
  const options: MetadataOptions = { maxSize: null, depth: 0 }
  if (peek(cursor) === OPEN) {
    metadataOptions(cursor, context, options)
    space(cursor)
  }
  const name = mailbox(cursor, context)
  space(cursor)
  if (beginsOptions(cursor)) {
    metadataOptions(cursor, context, options)
    space(cursor)
  }
  const entry = options.depth > 0 ? entryOrScope : entryName
  const entries = peek(cursor) === OPEN ? parenthesised(cursor, context, entry) : spaced(cursor, context, entry)
  return { name: "GETMETADATA", mailbox: name, options, entries }
}

/** An entry begins with "/", or is a string. */
function beginsOptions(cursor: Cursor): boolean {
  return peek(cursor) === OPEN && /[a-z]/i.test(String.fromCharCode(cursor.bytes[cursor.at + 1] ?? 0))
}

/** getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")" */
function metadataOptions(cursor: Cursor, context: GrammarContext, options: MetadataOptions): void {
  parenthesised(cursor, context, (inner) => metadataOption(inner, options))
}

/**
 * maxsize-opt = "MAXSIZE" SP number
 * scope-opt   = "DEPTH" SP ("0" / "1" / "infinity")
 */
function metadataOption(cursor: Cursor, options: MetadataOptions): void {
  const start = cursor.at
  const word = keyword(cursor, "getmetadata-option")
  if (word !== "MAXSIZE" && word !== "DEPTH") throw new ParseError("MAXSIZE or DEPTH", start)
  space(cursor)
  if (word === "MAXSIZE") options.maxSize = number(cursor)
  else options.depth = depth(cursor)
}

function depth(cursor: Cursor): number {
  const start = cursor.at
  const word = keyword(cursor, "scope-opt")
  if (word === "0" || word === "1") return Number(word)
  if (word !== "INFINITY") throw new ParseError("0, 1 or infinity", start)
  return Number.POSITIVE_INFINITY
}

/** Longest name of an entry; the RFC sets none. */
const maxEntryBytes = 1024

/** Components of printable US-ASCII without "/", "*" and "%". */
const wellFormed = /^\/(private|shared)(\/[ -$&-)+-.0-~]+)*$/

/** What all entries are below, and no entry is. */
const scopes = ["/private", "/shared"]

/** What stands above the entries of vendors and has no value itself. */
const aboveVendorEntries = /^\/[^/]+\/vendor(\/[^/]+)?$/

/**
 * RFC 5464 §3.2: at least two components, the first "/private" or "/shared"; invalid names are BAD. Case does not
 * matter, and lower case is what everybody writes, so that is what we keep and tell.
 */
function entryName(cursor: Cursor): string {
  const start = cursor.at
  const entry = entryOrScope(cursor)
  if (scopes.includes(entry)) throw new ParseError("entry", start)
  return entry
}

/** With a DEPTH, all of a scope can be asked for: clients have no other way to list what there is. */
function entryOrScope(cursor: Cursor): string {
  const start = cursor.at
  const entry = latin1(astring(cursor, "entry")).toLowerCase()
  if (!wellFormed.test(entry) || entry.length > maxEntryBytes) throw new ParseError("entry", start)
  return entry
}

/** entry-value = entry SP (nstring / literal8); entries of vendors have at least four components (RFC 5464 §3.2). */
function entryValue(cursor: Cursor): AnnotationChange {
  const start = cursor.at
  const entry = entryName(cursor)
  if (aboveVendorEntries.test(entry)) throw new ParseError("entry of a vendor, with four components", start)
  space(cursor)
  const value = peek(cursor) === TILDE ? binaryValue(cursor) : nstring(cursor)
  return { entry, value: value === null ? null : Uint8Array.from(value) }
}

function binaryValue(cursor: Cursor): Uint8Array {
  const start = cursor.at
  const { octets } = literalOctets(cursor)
  if (!(octets instanceof Uint8Array)) throw new ParseError("literal8 that is not a message", start)
  return octets
}

/** "METADATA" SP "(" entry *(SP entry) ")": what follows the word in RETURN (RFC 9590 §5). */
export function metadataReturn(cursor: Cursor, context: GrammarContext): string[] {
  space(cursor)
  return parenthesised(cursor, context, entryName)
}

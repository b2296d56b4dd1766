import type { CommandBody, FetchItem, FetchModifiers, OctetRange, Section } from "./ast.ts"
import {
  CLOSE,
  CLOSE_SQUARE,
  type Cursor,
  DOT,
  expectByte,
  GREATER,
  type GrammarContext,
  keyword,
  LESS,
  latin1,
  OPEN,
  OPEN_SQUARE,
  parenthesised,
  peek,
  SP,
  space,
  tryByte,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { exactNumber64, modSequenceOrZero, nzNumber, nzNumber64, partialRange, sequenceSet } from "./numbers.ts"
import { astring } from "./strings.ts"

export const fetchCommands: CommandFamily = {
  FETCH: (cursor, context) => fetch(cursor, context, false),
  "UID FETCH": (cursor, context) => fetch(cursor, context, true),
}

type PlainItem = Exclude<FetchItem["item"], "BODY[]" | "BINARY[]" | "BINARY.SIZE" | "PREVIEW">

const fast: readonly PlainItem[] = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]

/** RFC 3501 §6.4.5: each stands alone, never inside parentheses. */
const macros: Readonly<Record<string, readonly PlainItem[]>> = {
  FAST: fast,
  ALL: [...fast, "ENVELOPE"],
  FULL: [...fast, "ENVELOPE", "BODY"],
}

const plainItems: ReadonlySet<string> = new Set<PlainItem>([
  "FLAGS",
  "INTERNALDATE",
  "UID",
  "ENVELOPE",
  "BODY",
  "BODYSTRUCTURE",
  "RFC822",
  "RFC822.HEADER",
  "RFC822.TEXT",
  "RFC822.SIZE",
  "MODSEQ", // RFC 7162 §7
  "EMAILID", // RFC 8474 §7
  "THREADID", // RFC 8474 §7
  "SAVEDATE", // RFC 8514 §5
])

/**
 * fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
 *         [SP fetch-modifiers]
 *
 * RFC 4466 §3. Macros come out as the items they stand for.
 */
function fetch(cursor: Cursor, context: GrammarContext, uid: boolean): CommandBody {
  space(cursor)
  const set = sequenceSet(cursor, context.maxSequenceRanges)
  space(cursor)
  const items = peek(cursor) === OPEN ? fetchItems(cursor, context) : macroOrItem(cursor, context)
  return { name: "FETCH", uid, set, items, ...fetchModifiers(cursor, context, uid) }
}

/** "(" fetch-att *(SP fetch-att) ")" */
export function fetchItems(cursor: Cursor, context: GrammarContext): FetchItem[] {
  return parenthesised(cursor, context, (inner) => fetchItem(inner, context))
}

function macroOrItem(cursor: Cursor, context: GrammarContext): FetchItem[] {
  const start = cursor.at
  const macro = macros[keyword(cursor, "fetch-att")]
  if (macro !== undefined) return macro.map((item) => ({ item }))
  cursor.at = start
  return [fetchItem(cursor, context)]
}

/**
 * fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
 *             "BODY" ["STRUCTURE"] / "UID" /
 *             "BODY" section [partial] /
 *             "BODY.PEEK" section [partial] /
 *             "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary /
 *             "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]
 *
 * RFC 3501 §9, RFC 3516 §7, RFC 8970 §6.
 */
function fetchItem(cursor: Cursor, context: GrammarContext): FetchItem {
  const start = cursor.at
  const word = keyword(cursor, "fetch-att")
  const withSection = peek(cursor) === OPEN_SQUARE
  if (withSection && (word === "BODY" || word === "BODY.PEEK"))
    return bodySection(cursor, context, word === "BODY.PEEK")
  if (withSection && word === "BINARY.SIZE") return { item: word, parts: binarySection(cursor, context) }
  if (withSection && (word === "BINARY" || word === "BINARY.PEEK"))
    return binary(cursor, context, word === "BINARY.PEEK")
  if (word === "PREVIEW") return { item: word, lazy: previewModifiers(cursor) }
  if (!isPlainItem(word)) throw new ParseError("fetch-att", start)
  return { item: word }
}

function isPlainItem(word: string): word is PlainItem {
  return plainItems.has(word)
}

function binary(cursor: Cursor, context: GrammarContext, peeks: boolean): FetchItem {
  return { item: "BINARY[]", peek: peeks, parts: binarySection(cursor, context), partial: partial(cursor) }
}

/** section-binary = "[" [section-part] "]" (RFC 3516 §7) */
function binarySection(cursor: Cursor, context: GrammarContext): number[] {
  const start = cursor.at
  const { parts, what } = section(cursor, context)
  if (what.text !== "ALL") throw new ParseError("section-binary", start)
  return parts
}

/**
 * "(" preview-mod *(SP preview-mod) ")", with preview-mod = "LAZY"
 *
 * RFC 8970 §6. Where it is none of these, as in `FETCH 1 PREVIEW (CHANGEDSINCE 5)`, the parenthesis belongs to
 * the command.
 */
function previewModifiers(cursor: Cursor): boolean {
  if (peek(cursor) !== SP || cursor.bytes[cursor.at + 1] !== OPEN) return false
  const start = cursor.at
  cursor.at += 2
  if (keyword(cursor, "preview-mod") !== "LAZY") {
    cursor.at = start
    return false
  }
  while (tryByte(cursor, SP)) {
    if (keyword(cursor, "preview-mod") !== "LAZY") throw new ParseError("preview-mod", start)
  }
  expectByte(cursor, CLOSE, "SP or )")
  return true
}

function bodySection(cursor: Cursor, context: GrammarContext, peeks: boolean): FetchItem {
  return { item: "BODY[]", peek: peeks, section: section(cursor, context), partial: partial(cursor) }
}

/**
 * partial = "<" number64 "." nz-number64 ">"
 *
 * First octet and how many; none is refused by nz-number64 (RFC 9051 §9; RFC 3501 has 32 bits).
 */
function partial(cursor: Cursor): OctetRange | null {
  if (!tryByte(cursor, LESS)) return null
  const offset = exactNumber64(cursor)
  expectByte(cursor, DOT, ".")
  const length = nzNumber64(cursor)
  expectByte(cursor, GREATER, ">")
  return { offset, length }
}

/** Part numbers in one section; no message that we parse is nested as deep. */
const maxParts = 1000

/**
 * section      = "[" [section-spec] "]"
 * section-spec = section-msgtext / (section-part ["." section-text])
 * section-part = nz-number *("." nz-number)
 *
 * RFC 3501 §9.
 */
export function section(cursor: Cursor, context: GrammarContext): Section {
  expectByte(cursor, OPEN_SQUARE, "[")
  const parts: number[] = []
  let more = peek(cursor) !== CLOSE_SQUARE
  while (more && isDigit(peek(cursor))) {
    if (parts.length === maxParts) throw new ParseError(`at most ${maxParts} part numbers`, cursor.at)
    parts.push(nzNumber(cursor))
    more = tryByte(cursor, DOT)
  }
  const what: Section["what"] = more ? sectionText(cursor, context, parts.length > 0) : { text: "ALL" }
  expectByte(cursor, CLOSE_SQUARE, "]")
  return { parts, what }
}

/**
 * section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
 * section-text    = section-msgtext / "MIME"
 *
 * RFC 3501 §9: MIME only behind a part number.
 */
function sectionText(cursor: Cursor, context: GrammarContext, hasPart: boolean): Section["what"] {
  const start = cursor.at
  const word = keyword(cursor, "section-text")
  if (word === "HEADER" || word === "TEXT") return { text: word }
  if (word === "MIME" && hasPart) return { text: word }
  if (word === "HEADER.FIELDS" || word === "HEADER.FIELDS.NOT")
    return { text: word, fields: headerList(cursor, context) }
  throw new ParseError(hasPart ? "section-text" : "section-msgtext", start)
}

/** header-list = "(" header-fld-name *(SP header-fld-name) ")", with header-fld-name = astring. */
function headerList(cursor: Cursor, context: GrammarContext): string[] {
  space(cursor)
  return parenthesised(cursor, context, (inner) => latin1(astring(inner, "header-fld-name")))
}

/**
/**
 * fetch-modifiers = SP "(" fetch-modifier *(SP fetch-modifier) ")"
 *
 * RFC 4466 §3; each modifier once. VANISHED stands beside CHANGEDSINCE in a UID FETCH only (RFC 7162 §3.2.6).
 */
function fetchModifiers(cursor: Cursor, context: GrammarContext, uid: boolean): FetchModifiers {
  const modifiers: FetchModifiers = { changedSince: null, vanished: false }
  if (!tryByte(cursor, SP)) return modifiers
  const start = cursor.at
  if (peek(cursor) !== OPEN) throw new ParseError("fetch-modifiers", start)
  const names = parenthesised(cursor, context, (inner) => fetchModifier(inner, modifiers))
  if (new Set(names).size < names.length) throw new ParseError("each fetch-modifier once", start)
  if (modifiers.vanished && (!uid || modifiers.changedSince === null))
    throw new ParseError("VANISHED only in UID FETCH with CHANGEDSINCE", start)
  return modifiers
}

/**
 * fetch-modifier      = chgsince-fetch-mod / rexpunges-fetch-mod / modifier-partial
 * chgsince-fetch-mod  = "CHANGEDSINCE" SP mod-sequence-value
 * rexpunges-fetch-mod = "VANISHED"
 * modifier-partial    = "PARTIAL" SP partial-range
 *
 * RFC 7162 §7. PARTIAL is described for UID FETCH (RFC 9394 §3.3); its grammar (§4) gives it to FETCH as well, and so
 * do other servers. CHANGEDSINCE 0 is what Thunderbird says for a mailbox whose mod-sequence it does not know yet; it
 * means all messages.
 */
function fetchModifier(cursor: Cursor, modifiers: FetchModifiers): string {
  const start = cursor.at
  const name = keyword(cursor, "fetch-modifier")
  if (name === "VANISHED") modifiers.vanished = true
  else if (name === "CHANGEDSINCE") {
    space(cursor)
    modifiers.changedSince = modSequenceOrZero(cursor)
  } else if (name === "PARTIAL") {
    space(cursor)
    modifiers.partial = partialRange(cursor)
  } else throw new ParseError("fetch-modifier", start)
  return name
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

import type { CommandBody, SearchField, SearchKey } from "./ast.ts"
import { type Decode, decoderFor } from "./charset.ts"
import {
  ASTERISK,
  byteClass,
  CLOSE,
  type Cursor,
  DOLLAR,
  DQUOTE,
  expectByte,
  type GrammarContext,
  keyword,
  latin1,
  OPEN,
  peek,
  SP,
  space,
  takeWhile,
  tryByte,
} from "./cursor.ts"
import { date } from "./dates.ts"
import { BadCharset, ParseError } from "./errors.ts"
import { flagKeyword } from "./flags.ts"
import type { CommandFamily } from "./grammar.ts"
import { modSequenceOrZero, number64, nzNumber, sequenceSet } from "./numbers.ts"
import { searchReturns } from "./search-return.ts"
import { astring, quoted } from "./strings.ts"

export const searchCommands: CommandFamily = {
  SEARCH: (cursor, context) => search(cursor, context, false),
  "UID SEARCH": (cursor, context) => search(cursor, context, true),
}

/**
 * search         = "SEARCH" [search-return-opts] SP search-program
 * search-program = ["CHARSET" SP charset SP] search-key *(SP search-key)
 *
 * RFC 4466 §3. Several keys are one "and".
 */
function search(cursor: Cursor, context: GrammarContext, uid: boolean): CommandBody {
  space(cursor)
  const returns = tryWord(cursor, "RETURN") ? searchReturns(cursor, context) : null
  return { name: "SEARCH", uid, returns, ...searchProgram(cursor, context, returns?.includes("SAVE") === true) }
}

/** search-program (RFC 4466 §3); `saves` says whose result "$" was to become. @throws ParseError, BadCharset */
export function searchProgram(
  cursor: Cursor,
  context: GrammarContext,
  saves: boolean,
): { charset: string | null; key: SearchKey } {
  const charset = tryWord(cursor, "CHARSET") ? searchCharset(cursor) : null
  return { charset, key: searchKeysIn(cursor, context, charset, saves) }
}

/** search-key *(SP search-key), with strings in this charset. @throws ParseError, BadCharset */
export function searchKeysIn(
  cursor: Cursor,
  context: GrammarContext,
  charset: string | null,
  saves: boolean,
): SearchKey {
  return searchKeys({ cursor, context, decode: decoderOf(charset, saves), keys: 0 })
}

function decoderOf(charset: string | null, saves: boolean): Decode {
  try {
    return decoderFor(charset)
  } catch (error) {
    if (error instanceof BadCharset) error.saves = saves
    throw error
  }
}

/** Takes `word SP` in any case, or nothing. */
export function tryWord(cursor: Cursor, word: string): boolean {
  const end = cursor.at + word.length
  if (latin1(cursor.bytes.subarray(cursor.at, end)).toUpperCase() !== word) return false
  if (cursor.bytes[end] !== SP) return false
  cursor.at = end + 1
  return true
}

/** charset = atom / quoted (RFC 4466 §3); RFC 3501 §9 says astring, which contains both. */
export function searchCharset(cursor: Cursor): string {
  const charset = latin1(astring(cursor, "charset"))
  space(cursor)
  return charset
}

/** What the search keys of one command are read with. */
type Searching = { cursor: Cursor; context: GrammarContext; decode: Decode; keys: number }

type KeyParser = (searching: Searching, depth: number) => SearchKey

/** search-key *(SP search-key) */
function searchKeys(searching: Searching, depth = 0): SearchKey {
  const first = searchKey(searching, depth)
  if (peek(searching.cursor) !== SP) return first
  const keys = [first]
  while (tryByte(searching.cursor, SP)) keys.push(searchKey(searching, depth))
  return { key: "and", keys }
}

/** search-key (RFC 3501 §9): a name of the table below, a sequence-set, or a list in parentheses. */
function searchKey(searching: Searching, depth: number): SearchKey {
  const { cursor, context } = searching
  if (depth > context.maxNesting) throw new ParseError(`at most ${context.maxNesting} levels`, cursor.at)
  if (++searching.keys > context.maxItems)
    throw new ParseError(`at most ${context.maxItems} search keys in one command`, cursor.at)
  const byte = peek(cursor)
  if (byte === OPEN) return nested(searching, depth)
  if (byte === ASTERISK || byte === DOLLAR || (byte >= 0x30 && byte <= 0x39)) return sequence(searching, false)
  const start = cursor.at
  const parser = keys[keyword(cursor, "search-key")]
  if (parser === undefined) throw new ParseError("search-key", start)
  return parser(searching, depth)
}

/** "(" search-key *(SP search-key) ")" */
function nested(searching: Searching, depth: number): SearchKey {
  expectByte(searching.cursor, OPEN, "(")
  const key = searchKeys(searching, depth + 1)
  expectByte(searching.cursor, CLOSE, "SP or )")
  return key
}

function sequence({ cursor, context }: Searching, uid: boolean): SearchKey {
  return { key: "set", uid, set: sequenceSet(cursor, context.maxSequenceRanges) }
}

const flagged =
  (flag: string, on: boolean): KeyParser =>
  () => ({ key: "flag", flag, on })

/** "KEYWORD" SP flag-keyword */
const keywordKey =
  (on: boolean): KeyParser =>
  ({ cursor }) => {
    space(cursor)
    return { key: "flag", flag: flagKeyword(cursor), on }
  }

/** SP date */
const dated =
  (key: "internal-date" | "sent-date" | "save-date", compare: "before" | "on" | "since"): KeyParser =>
  ({ cursor }) => {
    space(cursor)
    return { key, compare, day: date(cursor) }
  }

/** SP objectid, with objectid = 1*255(ALPHA / DIGIT / "_" / "-") (RFC 8474 §7). */
const identified =
  (key: "email-id" | "thread-id"): KeyParser =>
  ({ cursor }) => {
    space(cursor)
    const start = cursor.at
    const id = takeWhile(cursor, objectIdChars)
    if (id.length === 0 || id.length > 255) throw new ParseError("objectid", start)
    return { key, id: latin1(id) }
  }

const objectIdChars = byteClass((byte) => /[A-Za-z0-9_-]/.test(String.fromCharCode(byte)))

const highestUid = 0xffff_ffff

/** SP uniqueid (RFC 9738 §5); there may be no UID beyond it. */
const bounded =
  (beyond: (uid: number) => [from: number, to: number]): KeyParser =>
  ({ cursor }) => {
    space(cursor)
    const [from, to] = beyond(nzNumber(cursor))
    return { key: "set", uid: true, set: { kind: "ranges", ranges: from <= to ? [[from, to]] : [] } }
  }

/** SP nz-number (RFC 5032 §3). */
const within =
  (compare: "older" | "younger"): KeyParser =>
  ({ cursor }) => {
    space(cursor)
    return { key: "within", compare, seconds: nzNumber(cursor) }
  }

/** SP number64: RFC 9051 §9; RFC 3501 has 32 bits. */
const sized =
  (compare: "larger" | "smaller"): KeyParser =>
  ({ cursor }) => {
    space(cursor)
    return { key: "size", compare, octets: number64(cursor) }
  }

/** SP astring, decoded by CHARSET. */
function text({ cursor, decode }: Searching): string {
  space(cursor)
  const start = cursor.at
  return decode(astring(cursor), start)
}

const field =
  (name: SearchField): KeyParser =>
  (searching) => ({ key: "field", field: name, text: text(searching) })

/** "HEADER" SP header-fld-name SP astring */
const namedHeader: KeyParser = (searching) => {
  space(searching.cursor)
  const field = latin1(astring(searching.cursor, "header-fld-name"))
  return { key: "header", field, text: text(searching) }
}

/** "NOT" SP search-key */
const not: KeyParser = (searching, depth) => {
  space(searching.cursor)
  return { key: "not", not: searchKey(searching, depth + 1) }
}

/** "OR" SP search-key SP search-key */
const or: KeyParser = (searching, depth) => {
  space(searching.cursor)
  const left = searchKey(searching, depth + 1)
  space(searching.cursor)
  return { key: "or", left, right: searchKey(searching, depth + 1) }
}

/**
 * search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer
 * entry-name         = DQUOTE "/flags/" attr-flag DQUOTE
 * entry-type-req     = "priv" / "shared" / "all"
 *
 * RFC 7162 §7. We keep one mod-sequence per message, so the entry is checked and dropped (§3.1.5).
 */
const modseq: KeyParser = ({ cursor }) => {
  space(cursor)
  if (peek(cursor) === DQUOTE) modseqEntry(cursor)
  return { key: "modseq", atLeast: modSequenceOrZero(cursor) }
}

function modseqEntry(cursor: Cursor): void {
  const start = cursor.at
  if (!/^\/flags\/\\?[^\\\s]+$/i.test(latin1(quoted(cursor)))) throw new ParseError("entry-name", start)
  space(cursor)
  const typeAt = cursor.at
  if (!["PRIV", "SHARED", "ALL"].includes(keyword(cursor, "entry-type-req")))
    throw new ParseError("entry-type-req", typeAt)
  space(cursor)
}

/** Every search-key that begins with a name: RFC 3501 §6.4.4, RFC 7162 §3.1.5, RFC 8474 §6, RFC 8514 §4.3, RFC 5032, RFC 9738. */
const keys: Readonly<Record<string, KeyParser | undefined>> = {
  ALL: () => ({ key: "all" }),
  ANSWERED: flagged("\\Answered", true),
  UNANSWERED: flagged("\\Answered", false),
  DELETED: flagged("\\Deleted", true),
  UNDELETED: flagged("\\Deleted", false),
  DRAFT: flagged("\\Draft", true),
  UNDRAFT: flagged("\\Draft", false),
  FLAGGED: flagged("\\Flagged", true),
  UNFLAGGED: flagged("\\Flagged", false),
  SEEN: flagged("\\Seen", true),
  UNSEEN: flagged("\\Seen", false),
  KEYWORD: keywordKey(true),
  UNKEYWORD: keywordKey(false),
  RECENT: () => ({ key: "recent", on: true }),
  OLD: () => ({ key: "recent", on: false }),
  /** "functionally equivalent to (RECENT UNSEEN)" */
  NEW: () => ({
    key: "and",
    keys: [
      { key: "recent", on: true },
      { key: "flag", flag: "\\Seen", on: false },
    ],
  }),
  BEFORE: dated("internal-date", "before"),
  ON: dated("internal-date", "on"),
  SINCE: dated("internal-date", "since"),
  SENTBEFORE: dated("sent-date", "before"),
  SENTON: dated("sent-date", "on"),
  SENTSINCE: dated("sent-date", "since"),
  SAVEDBEFORE: dated("save-date", "before"),
  SAVEDON: dated("save-date", "on"),
  SAVEDSINCE: dated("save-date", "since"),
  SAVEDATESUPPORTED: () => ({ key: "save-date-supported" }),
  EMAILID: identified("email-id"),
  THREADID: identified("thread-id"),
  LARGER: sized("larger"),
  SMALLER: sized("smaller"),
  OLDER: within("older"),
  YOUNGER: within("younger"),
  FROM: field("from"),
  TO: field("to"),
  CC: field("cc"),
  BCC: field("bcc"),
  SUBJECT: field("subject"),
  HEADER: namedHeader,
  BODY: (searching) => ({ key: "body", text: text(searching) }),
  TEXT: (searching) => ({ key: "text", text: text(searching) }),
  UID: (searching) => {
    space(searching.cursor)
    return sequence(searching, true)
  },
  /** RFC 9738 §3.2: "UID <uid>+1:*" without the meaning that "*" has beyond the last message. */
  UIDAFTER: bounded((uid) => [uid + 1, highestUid]),
  UIDBEFORE: bounded((uid) => [1, uid - 1]),
  NOT: not,
  OR: or,
  MODSEQ: modseq,
}

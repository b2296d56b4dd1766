import type { CommandBody, DateTime, StoredLiteral } from "./ast.ts"
import {
  atEnd,
  CLOSE,
  type Cursor,
  DQUOTE,
  expectByte,
  type GrammarContext,
  keyword,
  OPEN,
  OPEN_CURLY,
  peek,
  space,
  TILDE,
} from "./cursor.ts"
import { dateTime } from "./dates.ts"
import { ParseError } from "./errors.ts"
import { flagList } from "./flags.ts"
import type { CommandFamily } from "./grammar.ts"
import { commandName, tag } from "./head.ts"
import { mailbox } from "./mailbox-name.ts"
import { literalOctets } from "./strings.ts"

export const appendCommands: CommandFamily = {
  APPEND: (cursor, context) => {
    const options = appendOptions(cursor, context)
    return { name: "APPEND", ...options, message: appendMessage(cursor) } satisfies CommandBody
  },
}

/** What an APPEND says before its message. */
export type AppendOptions = { mailbox: string; flags: string[]; internalDate: DateTime | null }

/**
 * append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal
 *
 * RFC 3501 §9. This reads up to the literal.
 */
function appendOptions(cursor: Cursor, context: GrammarContext): AppendOptions {
  space(cursor)
  const name = mailbox(cursor, context)
  space(cursor)
  const flags = peek(cursor) === OPEN ? flagList(cursor) : null
  if (flags !== null) space(cursor)
  const internalDate = peek(cursor) === DQUOTE ? dateTime(cursor) : null
  if (internalDate !== null) space(cursor)
  return { mailbox: name, flags: flags ?? [], internalDate }
}

/**
 * append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"
 *
 * RFC 3501 §9, RFC 4466 §3, RFC 6855 §4. A message that was not streamed is its own handle.
 */
function appendMessage(cursor: Cursor): StoredLiteral {
  const utf8 = tryUtf8(cursor)
  const start = cursor.at
  const { size, binary, octets } = literalOctets(cursor)
  if (utf8 && !binary) throw new ParseError("literal8", start)
  if (utf8) expectByte(cursor, CLOSE, ")")
  return octets instanceof Uint8Array ? { size, binary, handle: octets } : octets
}

/**
 * For a literal policy: what an APPEND says before its message, so that it can be refused before the
 * message is sent. Null when the literal that `soFar` ends with (`{n}` without its line end) is not the
 * message of a well-formed APPEND; it may be the name of the mailbox.
 */
export function appendHead(soFar: Uint8Array, context: GrammarContext): ({ tag: string } & AppendOptions) | null {
  const cursor: Cursor = { bytes: soFar, at: 0 }
  try {
    const found = tag(cursor)
    space(cursor)
    if (commandName(cursor) !== "APPEND") return null
    const options = appendOptions(cursor, context)
    return startsLastLiteral(cursor) ? { tag: found, ...options } : null
  } catch (error) {
    if (error instanceof ParseError) return null
    throw error
  }
}

/** "UTF8" SP "(", or nothing. */
function tryUtf8(cursor: Cursor): boolean {
  if (peek(cursor) === OPEN_CURLY || peek(cursor) === TILDE) return false
  const start = cursor.at
  if (keyword(cursor, "literal") !== "UTF8") throw new ParseError("literal", start)
  space(cursor)
  expectByte(cursor, OPEN, "(")
  return true
}

function startsLastLiteral(cursor: Cursor): boolean {
  tryUtf8(cursor)
  if (peek(cursor) === TILDE) cursor.at += 1
  if (peek(cursor) !== OPEN_CURLY) return false
  const rest = cursor.bytes.subarray(cursor.at)
  return !atEnd(cursor) && rest.indexOf(0x7d) === rest.length - 1
}

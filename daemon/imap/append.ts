import type { CommandBody, DateTime, MessagePart, NewMessage, StoredLiteral } from "./ast.ts"
import {
  atEnd,
  CLOSE,
  type Cursor,
  DQUOTE,
  expectByte,
  type GrammarContext,
  keyword,
  latin1,
  OPEN,
  OPEN_CURLY,
  peek,
  SP,
  space,
  TILDE,
  tryByte,
} from "./cursor.ts"
import { dateTime } from "./dates.ts"
import { ParseError } from "./errors.ts"
import { flagList } from "./flags.ts"
import type { CommandFamily } from "./grammar.ts"
import { commandName, tag } from "./head.ts"
import { mailbox } from "./mailbox-name.ts"
import { seqNumber } from "./numbers.ts"
import { astring, literalOctets } from "./strings.ts"

export const appendCommands: CommandFamily = {
  APPEND: (cursor, context) => appendBody("APPEND", cursor, context, storedLiteral).body,
  REPLACE: (cursor, context) => appendBody("REPLACE", cursor, context, storedLiteral).body,
  "UID REPLACE": (cursor, context) => appendBody("UID REPLACE", cursor, context, storedLiteral).body,
}

type AppendName = "APPEND" | "REPLACE" | "UID REPLACE"
export type AppendBody = Extract<CommandBody, { name: "APPEND" | "REPLACE" }>

/** Takes the literal under the cursor; null when it is the one that is being decided about. */
type TakeLiteral = (cursor: Cursor) => StoredLiteral | null

/** Whether the command was read to its end, or to the literal that is being decided about. */
type Reached = "end" | "literal" | "text"

/**
 * append  = "APPEND" SP mailbox 1*append-message
 * replace = "REPLACE" SP seq-number SP mailbox append-message
 *
 * RFC 3502, RFC 8508 §5.
 */
function appendBody(
  name: AppendName,
  cursor: Cursor,
  context: GrammarContext,
  take: TakeLiteral,
): { body: AppendBody; reached: Reached } {
  space(cursor)
  if (name === "APPEND") {
    const to = mailbox(cursor, context)
    const { messages, reached } = appendMessages(cursor, context, take, true)
    return { body: { name, mailbox: to, messages }, reached }
  }
  const replaced = seqNumber(cursor)
  space(cursor)
  const to = mailbox(cursor, context)
  const { messages, reached } = appendMessages(cursor, context, take, false)
  return { body: { name: "REPLACE", uid: name === "UID REPLACE", replaced, mailbox: to, messages }, reached }
}

function appendMessages(
  cursor: Cursor,
  context: GrammarContext,
  take: TakeLiteral,
  several: boolean,
): { messages: NewMessage[]; reached: Reached } {
  const messages: NewMessage[] = []
  let room = context.maxAppendParts
  do {
    space(cursor)
    const message: NewMessage = { ...appendOptions(cursor, context), parts: [] }
    messages.push(message)
    const reached = appendData(cursor, take, message.parts, room)
    if (reached !== "end") return { messages, reached }
    room -= message.parts.length
  } while (several && peek(cursor) === SP)
  return { messages, reached: "end" }
}

/** [flag-list SP] [date-time SP]: what stands before the octets of a message (RFC 3501 §9). */
function appendOptions(cursor: Cursor, context: GrammarContext): { flags: string[]; internalDate: DateTime | null } {
  const flags = peek(cursor) === OPEN ? flagList(cursor, context) : null
  if (flags !== null) space(cursor)
  const internalDate = peek(cursor) === DQUOTE ? dateTime(cursor) : null
  if (internalDate !== null) space(cursor)
  return { flags: flags ?? [], internalDate }
}

/**
 * append-data = literal / literal8 / "UTF8" SP "(" literal8 ")" / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
 *
 * RFC 4466 §3, RFC 6855 §4, RFC 4469 §5.
 */
function appendData(cursor: Cursor, take: TakeLiteral, parts: MessagePart[], room: number): Reached {
  if (room < 1) throw new ParseError("fewer messages in one command", cursor.at)
  if (startsLiteral(cursor)) return takeText(cursor, take, parts) ? "end" : "literal"
  const start = cursor.at
  const word = keyword(cursor, "literal")
  if (word === "UTF8") return takeUtf8(cursor, take, parts) ? "end" : "literal"
  if (word !== "CATENATE") throw new ParseError("literal, UTF8 or CATENATE", start)
  space(cursor)
  expectByte(cursor, OPEN, "(")
  do {
    if (parts.length === room) throw new ParseError("fewer parts in one command", cursor.at)
    if (!catPart(cursor, take, parts)) return "text"
  } while (tryByte(cursor, SP))
  expectByte(cursor, CLOSE, "SP or )")
  return "end"
}

/**
 * cat-part = "TEXT" SP literal / "URL" SP astring / "UTF8" SP "(" literal8 ")" (RFC 4469 §5, RFC 6855 §4).
 *
 * @returns false at the literal being decided about
 */
function catPart(cursor: Cursor, take: TakeLiteral, parts: MessagePart[]): boolean {
  const start = cursor.at
  const word = keyword(cursor, "cat-part")
  if (word === "UTF8") return takeUtf8(cursor, take, parts)
  space(cursor)
  if (word === "TEXT") return takeText(cursor, take, parts)
  if (word !== "URL") throw new ParseError("TEXT or URL", start)
  parts.push({ part: "url", url: latin1(astring(cursor, "imapurl")) })
  return true
}

function takeText(cursor: Cursor, take: TakeLiteral, parts: MessagePart[]): boolean {
  if (!startsLiteral(cursor)) throw new ParseError("literal", cursor.at)
  const literal = take(cursor)
  if (literal !== null) parts.push({ part: "text", literal })
  return literal !== null
}

function startsLiteral(cursor: Cursor): boolean {
  return peek(cursor) === OPEN_CURLY || peek(cursor) === TILDE
}

/** "UTF8" SP "(" literal8 ")", after UTF8 (RFC 6855 §4): of a message, or of a part of one. */
function takeUtf8(cursor: Cursor, take: TakeLiteral, parts: MessagePart[]): boolean {
  space(cursor)
  expectByte(cursor, OPEN, "(")
  if (peek(cursor) !== TILDE) throw new ParseError("literal8", cursor.at)
  if (!takeText(cursor, take, parts)) return false
  expectByte(cursor, CLOSE, ")")
  return true
}

/** literal / literal8 (RFC 3501 §9, RFC 4466 §3). A message that was not streamed is its own handle. */
function storedLiteral(cursor: Cursor): StoredLiteral {
  const { size, binary, octets } = literalOctets(cursor)
  return octets instanceof Uint8Array ? { size, binary, handle: octets } : octets
}

/**
 * What an APPEND or REPLACE says before one of its literals: the messages so far, the last one as far as it
 * was given. `catenated` when the literal is not a whole message but one part of it.
 */
export type AppendHead = { tag: string; body: AppendBody; catenated: boolean }

/**
 * For a literal policy: so that a message can be refused before it is sent. Null when the literal that
 * `soFar` ends with (`{n}` without its line end) is not octets of a message in a well-formed APPEND or
 * REPLACE; it may be the name of the mailbox. `streamed` are the literals of this command so far.
 *
 * @throws ParseError when what is before the literal is wrong already, whatever follows
 */
export function appendHead(
  soFar: Uint8Array,
  context: GrammarContext,
  streamed: ReadonlyMap<number, StoredLiteral> = new Map(),
): AppendHead | null {
  const cursor: Cursor = { bytes: soFar, at: 0, streamed }
  const take = (at: Cursor) => (startsLastLiteral(at) ? null : storedLiteral(at))
  try {
    const found = tag(cursor)
    space(cursor)
    const name = commandName(cursor)
    if (!isAppendName(name)) return null
    const { body, reached } = appendBody(name, cursor, context, take)
    return reached === "end" ? null : { tag: found, body, catenated: reached === "text" }
  } catch (error) {
    if (error instanceof ParseError && error.at >= lastLiteralIn(soFar)) return null
    throw error
  }
}

/** Where the `{n}` begins with which this ends. */
function lastLiteralIn(soFar: Uint8Array): number {
  const brace = soFar.lastIndexOf(OPEN_CURLY)
  return soFar[brace - 1] === TILDE ? brace - 1 : brace
}

function isAppendName(name: string): name is AppendName {
  return name in appendCommands
}

function startsLastLiteral({ bytes, at }: Cursor): boolean {
  const cursor: Cursor = { bytes, at }
  tryByte(cursor, TILDE)
  if (peek(cursor) !== OPEN_CURLY) return false
  const rest = cursor.bytes.subarray(cursor.at)
  return !atEnd(cursor) && rest.indexOf(0x7d) === rest.length - 1
}

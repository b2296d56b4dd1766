import type { CommandBody } from "./ast.ts"
import { CLOSE, type Cursor, expectByte, latin1, OPEN, peek, SP, space, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { sequenceSet } from "./numbers.ts"
import { atom, nstring, quoted, string } from "./strings.ts"

const withoutArguments = [
  "CAPABILITY", // RFC 3501 §6.1.1
  "NOOP", // RFC 3501 §6.1.2
  "LOGOUT", // RFC 3501 §6.1.3
  "STARTTLS", // RFC 3501 §6.2.1
  "CHECK", // RFC 3501 §6.4.1
  "CLOSE", // RFC 3501 §6.4.2
  "EXPUNGE", // RFC 3501 §6.4.3
  "IDLE", // RFC 2177 §4; its DONE is a plain line
  "NAMESPACE", // RFC 2342 §6
  "UNSELECT", // RFC 3691 §4
  "UNAUTHENTICATE", // RFC 8437 §5
] as const

/** Commands with no argument, or with arguments of their own kind. */
export const simpleCommands: CommandFamily = {
  ...Object.fromEntries(withoutArguments.map((name) => [name, (): CommandBody => ({ name })])),
  ID: (cursor) => ({ name: "ID", fields: id(cursor) }),
  ENABLE: (cursor) => ({ name: "ENABLE", capabilities: enable(cursor) }),
  CANCELUPDATE: (cursor) => ({ name: "CANCELUPDATE", tags: cancelUpdate(cursor) }),
  /** compress = "COMPRESS" SP algorithm, with algorithm = "DEFLATE" (RFC 4978 §5). */
  COMPRESS: (cursor) => {
    space(cursor)
    return { name: "COMPRESS", algorithm: latin1(atom(cursor, "algorithm")).toUpperCase() }
  },
  LOGIN: (cursor) => unread(cursor, "LOGIN"),
  AUTHENTICATE: (cursor) => unread(cursor, "AUTHENTICATE"),
  /** uid-expunge = "UID" SP "EXPUNGE" SP sequence-set (RFC 4315 §4). */
  "UID EXPUNGE": (cursor, context) => {
    space(cursor)
    return { name: "UID EXPUNGE", set: sequenceSet(cursor, context.maxSequenceRanges) }
  },
}

/** After login these two can only be refused; their arguments are not looked at, so they cannot leak. */
function unread(cursor: Cursor, name: "LOGIN" | "AUTHENTICATE"): CommandBody {
  cursor.at = cursor.bytes.length
  return { name }
}

/**
 * enable = "ENABLE" 1*(SP capability)
 *
 * RFC 5161 §4. Upper case.
 */
function enable(cursor: Cursor): string[] {
  const capabilities: string[] = []
  do {
    space(cursor)
    capabilities.push(latin1(atom(cursor, "capability")).toUpperCase())
  } while (peek(cursor) === SP)
  return capabilities
}

/**
 * "CANCELUPDATE" 1*(SP quoted)
 *
 * RFC 5267 §5.
 */
function cancelUpdate(cursor: Cursor): string[] {
  const tags: string[] = []
  do {
    space(cursor)
    tags.push(latin1(quoted(cursor)))
  } while (peek(cursor) === SP)
  return tags
}

/** RFC 2971 §3.3: bounds that a client must keep. */
const idLimits = { pairs: 30, fieldBytes: 30, valueBytes: 1024 }

const looseUtf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * id             = "ID" SP id-params-list
 * id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil
 *
 * RFC 2971 §4. Field names in lower case (they are case-insensitive); of two equal ones the first counts.
 */
export function id(cursor: Cursor): Map<string, string | null> | null {
  space(cursor)
  if (peek(cursor) !== OPEN) {
    if (nstring(cursor) !== null) throw new ParseError("( or NIL", cursor.at)
    return null
  }
  expectByte(cursor, OPEN, "(")
  const fields = new Map<string, string | null>()
  if (tryByte(cursor, CLOSE)) return fields
  let pairs = 0
  do {
    pairs += 1
    if (pairs > idLimits.pairs) throw new ParseError(`at most ${idLimits.pairs} fields`, cursor.at)
    idField(cursor, fields)
  } while (tryByte(cursor, SP))
  expectByte(cursor, CLOSE, "SP or )")
  return fields
}

function idField(cursor: Cursor, fields: Map<string, string | null>): void {
  const start = cursor.at
  const field = string(cursor)
  if (field.length > idLimits.fieldBytes) throw new ParseError(`at most ${idLimits.fieldBytes} octets`, start)
  space(cursor)
  const valueAt = cursor.at
  const value = nstring(cursor)
  if (value !== null && value.length > idLimits.valueBytes) {
    throw new ParseError(`at most ${idLimits.valueBytes} octets`, valueAt)
  }
  const name = looseUtf8.decode(field).toLowerCase()
  if (!fields.has(name)) fields.set(name, value === null ? null : looseUtf8.decode(value))
}

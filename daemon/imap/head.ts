import { atEnd, byteClass, type Cursor, latin1, SP, takeWhile, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { astringChars } from "./strings.ts"

/** Longest tag we answer to. RFC 3501 sets none; clients use fewer than 20 octets. */
const maxTagBytes = 255

const tagChars = byteClass((byte) => astringChars[byte] === 1 && byte !== 0x2b)
const nameChars = byteClass((byte) => /[A-Za-z0-9-]/.test(String.fromCharCode(byte)))

/**
 * tag = 1*<any ASTRING-CHAR except "+">
 *
 * RFC 3501 §9.
 */
export function tag(cursor: Cursor): string {
  const start = cursor.at
  const bytes = takeWhile(cursor, tagChars)
  if (bytes.length === 0 || bytes.length > maxTagBytes) throw new ParseError("tag", start)
  return latin1(bytes)
}

/** The name of a command, upper case; "UID FETCH" for the commands with the prefix UID. */
export function commandName(cursor: Cursor): string {
  const word = nameWord(cursor)
  if (word !== "UID") return word
  if (!tryByte(cursor, SP)) throw new ParseError("SP", cursor.at)
  return `UID ${nameWord(cursor)}`
}

function nameWord(cursor: Cursor): string {
  const start = cursor.at
  const bytes = takeWhile(cursor, nameChars)
  if (bytes.length === 0 || bytes.length > 32) throw new ParseError("command name", start)
  return latin1(bytes).toUpperCase()
}

/**
 * Tag and command name of a command, each null when it cannot be read: for the tag of a BAD reply, for
 * logs, and for deciding about a literal before the command is complete.
 */
export function headOf(bytes: Uint8Array): { tag: string | null; name: string | null } {
  const cursor: Cursor = { bytes, at: 0 }
  const read = <T>(production: (cursor: Cursor) => T): T | null => {
    try {
      return production(cursor)
    } catch (error) {
      if (error instanceof ParseError) return null
      throw error
    }
  }
  const found = read(tag)
  if (found !== null && tryByte(cursor, SP)) return { tag: found, name: read(commandName) }
  // Glued to other octets it is not a tag but noise, for example the start of a TLS handshake.
  return { tag: atEnd(cursor) ? found : null, name: null }
}

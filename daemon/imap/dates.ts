import type { DateTime } from "./ast.ts"
import { COLON, type Cursor, DQUOTE, expectByte, MINUS, next, PLUS, peek, SP, space, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"

export const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const
const monthIndex = new Map(months.map((name, index) => [name.toUpperCase(), index]))
const dayMs = 86_400_000

/**
 * date      = date-text / DQUOTE date-text DQUOTE
 * date-text = date-day "-" date-month "-" date-year
 * date-day  = 1*2DIGIT
 *
 * RFC 3501 §9. A day that exists, as days since 1970-01-01.
 */
export function date(cursor: Cursor): number {
  const inQuotes = tryByte(cursor, DQUOTE)
  const start = cursor.at
  const first = digit(cursor)
  const day = isDigit(peek(cursor)) ? first * 10 + digit(cursor) : first
  const days = monthAndYear(cursor, day, start) / dayMs
  if (inQuotes) expectByte(cursor, DQUOTE, "closing DQUOTE")
  return days
}

/**
 * date-time      = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
 * date-day-fixed = (SP DIGIT) / 2DIGIT
 *
 * RFC 3501 §9. An instant, with the zone it was written in.
 */
export function dateTime(cursor: Cursor): DateTime {
  expectByte(cursor, DQUOTE, "date-time")
  const start = cursor.at
  const day = tryByte(cursor, SP) ? digit(cursor) : digit(cursor) * 10 + digit(cursor)
  const midnight = monthAndYear(cursor, day, start)
  space(cursor)
  const timeMs = time(cursor)
  space(cursor)
  const zoneMinutes = zone(cursor)
  expectByte(cursor, DQUOTE, "closing DQUOTE")
  return { at: midnight + timeMs - zoneMinutes * 60_000, zoneMinutes }
}

/** `"-" date-month "-" date-year`; gives that day's midnight UTC in ms. */
function monthAndYear(cursor: Cursor, day: number, dayAt: number): number {
  expectByte(cursor, MINUS, "-")
  const month = dateMonth(cursor)
  expectByte(cursor, MINUS, "-")
  const year = twoDigits(cursor) * 100 + twoDigits(cursor)
  const midnight = new Date(0)
  midnight.setUTCFullYear(year, month, day)
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day)
    throw new ParseError("day of that month", dayAt)
  return midnight.getTime()
}

function dateMonth(cursor: Cursor): number {
  const start = cursor.at
  const letters = String.fromCharCode(next(cursor, "month"), next(cursor, "month"), next(cursor, "month"))
  const month = monthIndex.get(letters.toUpperCase())
  if (month === undefined) throw new ParseError("date-month", start)
  return month
}

/** time = 2DIGIT ":" 2DIGIT ":" 2DIGIT; a leap second (RFC 5322 §3.3) counts as the next second. */
function time(cursor: Cursor): number {
  const start = cursor.at
  const hours = twoDigits(cursor)
  expectByte(cursor, COLON, ":")
  const minutes = twoDigits(cursor)
  expectByte(cursor, COLON, ":")
  const seconds = twoDigits(cursor)
  if (hours > 23 || minutes > 59 || seconds > 60) throw new ParseError("time", start)
  return ((hours * 60 + minutes) * 60 + seconds) * 1000
}

/** zone = ("+" / "-") 4DIGIT, in minutes east of UTC. */
function zone(cursor: Cursor): number {
  const start = cursor.at
  const sign = next(cursor, "zone")
  if (sign !== PLUS && sign !== MINUS) throw new ParseError("zone", start)
  const hours = twoDigits(cursor)
  const minutes = twoDigits(cursor)
  if (hours > 23 || minutes > 59) throw new ParseError("zone", start)
  const east = hours * 60 + minutes
  return sign === MINUS && east !== 0 ? -east : east
}

function twoDigits(cursor: Cursor): number {
  return digit(cursor) * 10 + digit(cursor)
}

function digit(cursor: Cursor): number {
  const byte = next(cursor, "DIGIT")
  if (!isDigit(byte)) throw new ParseError("DIGIT", cursor.at - 1)
  return byte - 0x30
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

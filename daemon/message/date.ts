import { skipCfws, takeUntil } from "./lexer.ts"
import type { ByteString } from "./types.ts"

export type SentDate = {
  /** ms since the epoch. */
  sentAt: number
  /** Days since the epoch of the day as written, whatever the zone (RFC 3501 §6.4.4). */
  sentDay: number
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

/** obs-zone (RFC 5322 §4.3), minutes east of UTC; all other names, the military ones too, mean "not known": UTC. */
const zones: Record<string, number> = {
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
}

const dateTime =
  /^(?:[a-z]{2,9}\.? ?,? ?)?(\d{1,2})[ -]([a-z]{3})[a-z]{0,6}\.?[ -,](\d{2,4})(?:[ ,]+(\d{1,2}) ?: ?(\d{1,2})(?: ?: ?(\d{1,2}))?)?(?![\d:])(?:\.\d+)?(?: ?([+-]\d{4}|[a-z]{1,5}))?/i

/** What C's `asctime` and the command `date` print; no RFC has it, but mail of all times does. */
const asctime = /^[a-z]{3} ([a-z]{3}) (\d{1,2}) (\d{1,2}:\d{2}:\d{2})(?: ([+-]\d{4}|[a-z]{1,5}))? (\d{4})$/i

/**
 * date-time (RFC 5322 §3.3 and §4.3): comments, two- and three-digit years, named zones. A day that does not
 * exist is null; an invalid time is 00:00:00 and an invalid zone UTC, as RFC 5256 §2.2 says.
 */
export function parseDate(value: ByteString): SentDate | null {
  const text = withoutComments(value.slice(0, 256)).replace(asctime, "$2 $1 $5 $3 $4")
  const [, day, month, year, hour, minute, second, zone] = dateTime.exec(text) ?? []
  if (day === undefined || month === undefined || year === undefined) return null
  const midnight = dayOf(fullYear(year), months.indexOf(month.toLowerCase()), Number(day))
  if (midnight === null) return null
  const seconds = secondsOf(Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0))
  return { sentAt: midnight + (seconds - zoneMinutes(zone) * 60) * 1000, sentDay: midnight / 86_400_000 }
}

function withoutComments(value: ByteString): string {
  const cursor = { text: value, at: 0 }
  const words: string[] = []
  while (cursor.at < value.length) {
    skipCfws(cursor)
    words.push(takeUntil(cursor, " \t\r\n("))
  }
  return words.join(" ")
}

/** RFC 5322 §4.3: 00 to 49 is this century, other two digits and three digits count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits)
  if (digits.length === 4) return year
  return digits.length === 2 && year < 50 ? year + 2000 : year + 1900
}

function dayOf(year: number, month: number, day: number): number | null {
  if (month < 0 || year < 1900) return null
  const at = Date.UTC(year, month, day)
  return new Date(at).getUTCDate() === day && day > 0 ? at : null
}

/** 60 is a leap second. */
function secondsOf(hour: number, minute: number, second: number): number {
  return hour > 23 || minute > 59 || second > 60 ? 0 : hour * 3600 + minute * 60 + second
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined) return 0
  if (zone[0] !== "+" && zone[0] !== "-") return zones[zone.toUpperCase()] ?? 0
  const minutes = Number(zone.slice(3))
  if (minutes > 59) return 0
  return (Number(zone.slice(1, 3)) * 60 + minutes) * (zone[0] === "-" ? -1 : 1)
}

import type { ByteString } from "../message/types.ts"
import type { DateTime, Section } from "./ast.ts"
import { months } from "./dates.ts"
import { encodeMailbox } from "./mailbox-name.ts"
import { astringChars } from "./strings.ts"

/** Values as IMAP writes them. Pure; what they return can be concatenated. */

/**
 * Longest quoted string that we write. RFC 3501 sets no limit, but clients read line by line into buffers
 * of a fixed size (8 KiB is common), and a literal begins a new line.
 */
const maxQuoted = 1000

export function latin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1")
}

function octetsOf(value: Uint8Array | ByteString): Uint8Array {
  return typeof value === "string" ? latin1Bytes(value) : value
}

/**
 * string = quoted / literal
 *
 * RFC 3501 §9. Quoted where every octet is TEXT-CHAR (7-bit, no CR, LF, NUL), else a literal. NUL is in
 * neither and becomes "?".
 */
export function stringWire(value: Uint8Array | ByteString): Uint8Array {
  const octets = octetsOf(value)
  return isQuotable(octets) ? quotedWire(octets) : literalWire(octets)
}

/** `stringWire` for what is put together as a text of octets. */
export function stringText(value: ByteString): ByteString {
  if (value.length <= maxQuoted && quotable.test(value)) return `"${value.replace(/["\\]/g, "\\$&")}"`
  return `{${value.length}}\r\n${value.replaceAll("\0", "?")}`
}

const quotable = /^[^\0\r\n\x80-\xff]*$/

/** nstring = string / nil */
export function nstringWire(value: Uint8Array | ByteString | null): Uint8Array {
  return value === null ? latin1Bytes("NIL") : stringWire(value)
}

/** astring = 1*ASTRING-CHAR / string; "NIL" is quoted, because clients confuse it with nil. */
export function astringWire(value: Uint8Array | ByteString): Uint8Array {
  const octets = octetsOf(value)
  const bare = octets.length > 0 && octets.length <= maxQuoted && octets.every((octet) => astringChars[octet] === 1)
  return bare && !isNil(octets) ? octets : stringWire(octets)
}

function isNil(octets: Uint8Array): boolean {
  return octets.length === 3 && /^nil$/i.test(String.fromCharCode(...octets))
}

function isQuotable(octets: Uint8Array): boolean {
  return (
    octets.length <= maxQuoted && octets.every((octet) => octet > 0 && octet < 0x80 && octet !== 0x0d && octet !== 0x0a)
  )
}

function quotedWire(octets: Uint8Array): Uint8Array {
  return latin1Bytes(`"${Buffer.from(octets).toString("latin1").replace(/["\\]/g, "\\$&")}"`)
}

function literalWire(octets: Uint8Array): Uint8Array {
  const whole = Buffer.concat([latin1Bytes(`{${octets.length}}\r\n`), octets])
  const start = whole.length - octets.length
  for (let at = whole.indexOf(0, start); at !== -1; at = whole.indexOf(0, at)) whole[at] = 0x3f
  return whole
}

/**
 * mailbox = "INBOX" / astring
 *
 * Modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 in quotes for a client that enabled it (RFC 6855 §3).
 */
export function mailboxWire(name: string, utf8 = false): Uint8Array {
  if (!utf8) return astringWire(encodeMailbox(name))
  const octets = Buffer.from(name.toWellFormed(), "utf8")
  if (octets.every((octet) => octet < 0x80)) return astringWire(octets)
  const quotable =
    octets.length <= maxQuoted && octets.every((octet) => octet !== 0 && octet !== 0x0d && octet !== 0x0a)
  return quotable ? quotedWire(octets) : literalWire(octets)
}

/** flag-list = "(" [flag *(SP flag)] ")" */
export function flagListWire(flags: readonly string[]): string {
  return `(${flags.join(" ")})`
}

/**
 * date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
 *
 * RFC 3501 §9, in the zone the instant was given with. Years outside 0 to 9999 become the nearest of these.
 */
export function dateTimeWire({ at, zoneMinutes }: DateTime): string {
  const zone = Math.min(Math.max(Math.trunc(zoneMinutes), -1439), 1439)
  const local = Math.min(Math.max(at + zone * 60_000, firstInstant), lastInstant)
  const day = Math.floor(local / dayMs)
  const second = Math.floor((local - day * dayMs) / 1000)
  const minute = Math.floor(second / 60)
  const time = `${two(Math.floor(minute / 60))}:${two(minute % 60)}:${two(second % 60)}`
  return `"${dateWire(day)} ${time} ${zoneWire(zone)}"`
}

const dayMs = 86_400_000

/** Messages of one day mostly stand side by side. */
let lastDate = { day: Number.NaN, text: "" }

/** Days since the epoch. */
function dateWire(day: number): string {
  if (lastDate.day !== day) {
    const date = new Date(day * dayMs)
    const [ofMonth, year] = [date.getUTCDate(), date.getUTCFullYear()]
    const text = `${ofMonth < 10 ? " " : ""}${ofMonth}-${months[date.getUTCMonth()]}-${year < 1000 ? fourDigits(year) : year}`
    lastDate = { day, text }
  }
  return lastDate.text
}

const firstInstant = Date.parse("0000-01-01T00:00:00Z")
const lastInstant = Date.parse("9999-12-31T23:59:59Z")

function fourDigits(year: number): string {
  return String(year).padStart(4, "0")
}

function zoneWire(minutes: number): string {
  const east = Math.abs(minutes)
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(east / 60))}${two(east % 60)}`
}

/** A number below 100. */
function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`
}

/**
 * sequence-set (RFC 3501 §9) and uid-set (RFC 4315 §4): `1:3,5`. Runs of ascending numbers are merged in the
 * order in which they are given; sort first, except for COPYUID, whose two sets correspond by position.
 */
export function sequenceSetWire(numbers: Iterable<number>): string {
  const ranges: [from: number, to: number][] = []
  for (const value of numbers) {
    const before = ranges.at(-1)
    if (before !== undefined && value === before[1] + 1) before[1] = value
    else ranges.push([value, value])
  }
  return rangesWire(ranges)
}

/** The same of ranges. */
export function rangesWire(ranges: readonly [from: number, to: number][]): string {
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}:${to}`)).join(",")
}

/**
 * "BODY" section, as the answer to a FETCH repeats it (RFC 3501 §7.4.2): without PEEK, with `offset` as the
 * origin octet of a partial. The names of fields come back as they were given.
 */
export function sectionWire(section: Section, offset: number | null = null): Uint8Array {
  const { parts, what } = section
  const origin = offset === null ? "" : `<${offset}>`
  const text = what.text === "ALL" ? [] : [what.text]
  const spec = [...parts.map(String), ...text].join(".")
  if (!("fields" in what)) return latin1Bytes(`BODY[${spec}]${origin}`)
  const names = what.fields.flatMap((field, index) => [latin1Bytes(index === 0 ? "" : " "), astringWire(field)])
  return Buffer.concat([latin1Bytes(`BODY[${spec} (`), ...names, latin1Bytes(`)]${origin}`)])
}

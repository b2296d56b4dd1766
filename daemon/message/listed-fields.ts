import { byteString, type HeaderField, headerFields } from "./fields.ts"
import type { ByteString } from "./types.ts"

/**
 * The fields that clients list messages by, in the spelling that most mail has: what Thunderbird, mutt, NeoMutt, K-9,
 * Roundcube, Evolution and older Apple Mail ask for of every message. (A newer Apple Mail also asks for
 * DKIM-Signature, which is longer than all of these together.)
 *
 * A field's number is its place here, counted from 1. Numbers are on the disk: a list that changes needs a migration
 * that empties the table.
 */
const names = [
  "From",
  "To",
  "Cc",
  "Bcc",
  "Subject",
  "Date",
  "Message-ID",
  "In-Reply-To",
  "References",
  "Reply-To",
  "Sender",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
  "Content-Description",
  "Priority",
  "X-Priority",
  "Importance",
  "Newsgroups",
  "Lines",
  "List-Id",
  "List-Post",
  "List-Subscribe",
  "List-Unsubscribe",
  "X-Label",
  "X-Original-To",
  "Disposition-Notification-To",
  "X-K9mail-Identity",
  "Chat-Version",
  "X-Uniform-Type-Identifier",
  "X-Universally-Unique-Identifier",
] as const

const numberOf: ReadonlyMap<string, number> = new Map(names.map((name, index) => [name.toLowerCase(), index + 1]))

/** The empty line behind the header. */
const emptyLine = 0

/** What a field usually begins with, by its number. */
const heads: readonly Buffer[] = ["", ...names.map((name) => `${name}: `)].map((head) => Buffer.from(head, "latin1"))

const lineEnd = Buffer.from("\r\n")

/** Set with a number: the field's usual beginning and its CRLF are left out. */
const usual = 0x80

/** Fields with more octets than this together are left to those who read the header, and so are those of a long header. */
export const mostListedOctets = 4_096
const mostHeaderOctets = 65_536

/** Number and length. */
const entryBytes = 3

/**
 * The listed fields of a header, in their order, and its empty line; null when they are too many. For each:
 *
 * - u8, the number, plus 0x80 when "Name: " and CRLF are left out
 * - u16, the length of what follows
 * - the octets
 */
export function listedFields(header: Uint8Array): Uint8Array | null {
  if (header.length > mostHeaderOctets) return null
  const text = byteString(header)
  const entries: Buffer[] = []
  let [octets, rest] = [0, 0]
  for (const field of headerFields(text)) {
    rest = field.end
    const number = numberOf.get(field.name?.toLowerCase() ?? "")
    if (number === undefined) continue
    octets += field.end - field.start
    if (octets > mostListedOctets) return null
    entries.push(entryOf(number, text, field))
  }
  if (rest < header.length) entries.push(entryOf(emptyLine, text, { start: rest, end: endOfLine(text, rest) }))
  return Buffer.concat(entries)
}

function entryOf(number: number, text: ByteString, { start, end }: Pick<HeaderField, "start" | "end">): Buffer {
  const head = heads[number]?.toString("latin1") ?? ""
  const octets = text.slice(start, end)
  const isUsual = octets.length >= head.length + 2 && octets.startsWith(head) && octets.endsWith("\r\n")
  const kept = isUsual ? octets.slice(head.length, -2) : octets
  const entry = Buffer.allocUnsafe(entryBytes + kept.length)
  entry.writeUInt8(isUsual ? number | usual : number, 0)
  entry.writeUInt16BE(kept.length, 1)
  entry.write(kept, entryBytes, "latin1")
  return entry
}

function endOfLine(text: ByteString, at: number): number {
  return text.indexOf("\n", at) + 1
}

/** The numbers of these fields, and of the empty line; null when one of them is not listed. */
export function listedNumbers(wanted: readonly string[]): ReadonlySet<number> | null {
  const numbers = wanted.map((name) => numberOf.get(name.toLowerCase()))
  return numbers.includes(undefined) ? null : new Set([emptyLine, ...numbers.filter((number) => number !== undefined)])
}

/** What `selectFields` gives of the header that these listed fields are of. @throws RangeError when they are not in that form */
export function selectListed(listed: Uint8Array, numbers: ReadonlySet<number>): Uint8Array {
  const from = Buffer.from(listed.buffer, listed.byteOffset, listed.byteLength)
  const to = Buffer.allocUnsafe(selectedSize(from, numbers))
  let end = 0
  for (let at = 0; at < from.length; ) {
    const number = from.readUInt8(at)
    const next = at + entryBytes + from.readUInt16BE(at + 1)
    if (numbers.has(number & ~usual)) {
      if (number & usual) end += headOf(number).copy(to, end)
      end += from.copy(to, end, at + entryBytes, next)
      if (number & usual) end += lineEnd.copy(to, end)
    }
    at = next
  }
  return to
}

function selectedSize(from: Buffer, numbers: ReadonlySet<number>): number {
  let size = 0
  let at = 0
  while (at < from.length) {
    const number = from.readUInt8(at)
    const length = from.readUInt16BE(at + 1)
    if (numbers.has(number & ~usual)) size += length + (number & usual ? headOf(number).length + 2 : 0)
    at += entryBytes + length
  }
  if (at > from.length) throw new RangeError("listed fields that are cut off")
  return size
}

function headOf(number: number): Buffer {
  const head = heads[number & ~usual]
  if (head === undefined) throw new RangeError(`no field has number ${number}`)
  return head
}

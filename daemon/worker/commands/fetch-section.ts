import type { OctetRange, Section } from "../../imap/ast.ts"
import { byteString, isWholeHeader, selectedSpans } from "../../message/fields.ts"
import { sectionSpan } from "../../message/sections.ts"
import type { ByteString } from "../../message/types.ts"
import type { Store } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"

/** Octets of a message: how many, and pieces of them in order, read as they are needed. */
export type Octets = {
  size: number
  pieces(offset: number, length: number): Iterable<Uint8Array>
  /** They hold NUL, so that only a literal8 can carry them (RFC 3516 §4.3). */
  binary?: boolean
  /** However few they are, reading them may take long. */
  slow?: boolean
}

/** A section as the grammar gives it, or as a constant. */
type SectionName =
  | Readonly<Section>
  | { readonly parts: readonly number[]; readonly what: { readonly text: WholeSection } }
type WholeSection = "ALL" | "HEADER" | "TEXT" | "MIME"
type Contents = Store["contents"]

/**
 * RFC 3501 §6.4.5: the octets of a section exactly as they were stored, or null when there is no such part. A short
 * header is stored by itself, so that the tree of parts need not be read for it.
 */
export function sectionOctets(contents: Contents, message: Message, { parts, what }: SectionName): Octets | null {
  if ("fields" in what)
    return fieldsOctets(contents, message, parts, { names: what.fields, not: what.text === "HEADER.FIELDS.NOT" })
  if (parts.length === 0 && what.text === "ALL") return spanOctets(contents, message, 0, message.size)
  if (parts.length === 0 && what.text === "HEADER") {
    const header = contents.header(message.content)
    if (header.length <= smallMessage && isWholeHeader(header, message.size)) return bytesOctets(header)
  }
  const span = sectionSpan(contents.structures.root(message.content), parts, what.text)
  return span === null ? null : spanOctets(contents, message, span.start, span.end)
}

/** Messages, and headers, up to this size are read at one go. */
const smallMessage = 32_768

/** All of a message. A small one is read at once, which is cheaper, and shows before its answer has begun that it is gone. */
export function messageOctets(contents: Contents, message: Message): Octets {
  const { content, size } = message
  if (size > smallMessage) return spanOctets(contents, message, 0, size)
  const pieces = contents.whole(content, size)
  return { size, pieces: () => pieces }
}

/** RFC 3501 §6.4.5: what begins past the end is empty, what ends past it is shorter. */
export function rangeOf(octets: Octets, range: OctetRange | null): Octets {
  if (range === null) return octets
  const start = Math.min(range.offset, octets.size)
  const size = Math.min(range.length, octets.size - start)
  return { ...octets, size, pieces: (offset, count) => octets.pieces(start + offset, count) }
}

function spanOctets(contents: Contents, { content }: Message, start: number, end: number): Octets {
  return { size: end - start, pieces: (offset, length) => contents.read(content, start + offset, length) }
}

/** Fields up to this many octets are kept until they are sent. */
const fewFields = 4096

/**
 * HEADER.FIELDS and HEADER.FIELDS.NOT: whole fields in their order, and the empty line. Large ones are picked out
 * again when they are sent: a client can ask for nearly all of a large header, many times over, in one command.
 */
function fieldsOctets(contents: Contents, message: Message, parts: readonly number[], fields: Fields): Octets | null {
  const header = headerAt(contents, message, parts)
  if (header === null) return null
  const spans = [...selectedSpans(header.text, fields.names, fields.not)]
  const size = spans.reduce((sum, { start, end }) => sum + end - start, 0)
  if (size <= fewFields)
    return bytesOctets(Buffer.concat(spans.map(({ start, end }) => header.bytes.subarray(start, end))))
  return { size, pieces: (offset, length) => fieldPieces(contents, message, parts, fields, offset, length) }
}

type Fields = { names: readonly string[]; not: boolean }

function* fieldPieces(
  contents: Contents,
  message: Message,
  parts: readonly number[],
  { names, not }: Fields,
  offset: number,
  length: number,
): Generator<Uint8Array> {
  const header = headerAt(contents, message, parts)
  if (header === null) throw new Error("a header that was there a moment ago")
  let before = 0
  for (const { start, end } of selectedSpans(header.text, names, not)) {
    const from = start + Math.max(0, offset - before)
    const to = Math.min(end, start + offset + length - before)
    if (from < to) yield header.bytes.subarray(from, to)
    before += end - start
    if (before >= offset + length) return
  }
}

/** A header as octets and as characters. */
type Header = { bytes: Uint8Array; text: ByteString }

/** The header that was asked for last: a client wants many fields of one message. It goes with the row of that message. */
let lastHeader = new WeakMap<Message, { part: string; header: Header | null }>()

/** Of the message, or of the message/rfc822 with this number; null when there is none. */
function headerAt(contents: Contents, message: Message, parts: readonly number[]): Header | null {
  const part = parts.join(".")
  const last = lastHeader.get(message)
  if (last?.part === part) return last.header
  const bytes = parts.length === 0 ? storedHeader(contents, message) : partHeader(contents, message, parts)
  const header = bytes === null ? null : { bytes, text: byteString(bytes) }
  lastHeader = new WeakMap([[message, { part, header }]])
  return header
}

export function messageHeader(contents: Contents, message: Message): Uint8Array {
  return headerAt(contents, message, [])?.bytes ?? storedHeader(contents, message)
}

/** The stored header is cut at the parser's limit; a longer one is read from the message itself. */
function storedHeader(contents: Contents, message: Message): Uint8Array {
  const header = contents.header(message.content)
  if (isWholeHeader(header, message.size)) return header
  return partHeader(contents, message, []) ?? header
}

function partHeader(contents: Contents, message: Message, parts: readonly number[]): Uint8Array | null {
  const span = sectionSpan(contents.structures.root(message.content), parts, "HEADER")
  if (span === null) return null
  return Buffer.concat([...contents.read(message.content, span.start, span.end - span.start)])
}

export function bytesOctets(bytes: Uint8Array): Octets {
  return { size: bytes.length, pieces: (offset, length) => [bytes.subarray(offset, offset + length)] }
}

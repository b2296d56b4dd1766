import type { OctetRange, Section } from "../../imap/ast.ts"
import { selectFields } from "../../message/fields.ts"
import { defaultLimits } from "../../message/limits.ts"
import { sectionSpan } from "../../message/sections.ts"
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

/** RFC 3501 §6.4.5: the octets of a section exactly as they were stored, or null when there is no such part. */
export function sectionOctets(contents: Contents, message: Message, { parts, what }: SectionName): Octets | null {
  if ("fields" in what) return fieldsOctets(contents, message, parts, what.fields, what.text === "HEADER.FIELDS.NOT")
  if (parts.length === 0 && what.text === "ALL") return spanOctets(contents, message, 0, message.size)
  const span = sectionSpan(contents.root(message.content), parts, what.text)
  return span === null ? null : spanOctets(contents, message, span.start, span.end)
}

/** Messages up to this size are read at one go. */
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

/** HEADER.FIELDS and HEADER.FIELDS.NOT: whole fields in their order, and the empty line. */
function fieldsOctets(
  contents: Contents,
  message: Message,
  parts: readonly number[],
  names: string[],
  not: boolean,
): Octets | null {
  const header = parts.length === 0 ? messageHeader(contents, message) : partHeader(contents, message, parts)
  return header === null ? null : bytesOctets(selectFields(header, names, not))
}

/** The stored header is cut at the parser's limit; a longer one is read from the message itself. */
export function messageHeader(contents: Contents, message: Message): Uint8Array {
  const header = contents.header(message.content)
  if (header.length < defaultLimits.headerBytes) return header
  return partHeader(contents, message, []) ?? header
}

function partHeader(contents: Contents, message: Message, parts: readonly number[]): Uint8Array | null {
  const span = sectionSpan(contents.root(message.content), parts, "HEADER")
  if (span === null) return null
  return Buffer.concat([...contents.read(message.content, span.start, span.end - span.start)])
}

function bytesOctets(bytes: Uint8Array): Octets {
  return { size: bytes.length, pieces: (offset, length) => [bytes.subarray(offset, offset + length)] }
}

import type { Span } from "./sections.ts"
import type { ByteString } from "./types.ts"

/** One field of a header block: octets [start, end) with folding and line end; the value begins at `valueStart`. */
export type HeaderField = {
  /** As written, or null for a line that is no field (an mbox "From " line, a line without colon). */
  name: ByteString | null
  start: number
  valueStart: number
  end: number
}

const [TAB, LF, CR, SPACE, COLON] = [9, 10, 13, 32, 58]

/**
 * The fields of a header block in order, up to the empty line (RFC 5322 §2.2). Lines end with LF, with or
 * without a CR before it; a lone CR ends nothing. White space before the colon is obsolete syntax (§4.5) and
 * accepted.
 */
export function* headerFields(header: ByteString): Generator<HeaderField> {
  let start = 0
  while (start < header.length && !isEmptyLine(header, start)) {
    const end = endOfField(header, start)
    yield fieldAt(header, start, end)
    start = end
  }
}

/**
 * HEADER.FIELDS and, with `not`, HEADER.FIELDS.NOT (RFC 3501 §6.4.5): exact octets of the fields with (or
 * without) these names, then the empty line "except in the case of a message which has no body and no blank
 * line". Lines that are no fields match no name, so they are in the complement.
 */
export function selectFields(header: Uint8Array, names: readonly string[], not: boolean): Uint8Array {
  const text = byteString(header)
  return Buffer.concat([...selectedSpans(text, names, not)].map(({ start, end }) => header.subarray(start, end)))
}

/** Where these octets are in the header; what is adjacent is one. */
export function* selectedSpans(header: ByteString, names: readonly string[], not: boolean): Generator<Span> {
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  let [from, to, rest] = [0, 0, 0]
  for (const { name, start, end } of headerFields(header)) {
    const listed = name !== null && wanted.has(name.toLowerCase())
    if (listed !== not) {
      if (from === to) from = start
      to = end
    } else {
      if (from < to) yield { start: from, end: to }
      from = to
    }
    rest = end
  }
  if (rest < header.length) {
    if (from === to) from = rest
    to = endOfLine(header, rest)
  }
  if (from < to) yield { start: from, end: to }
}

/**
 * False for a header block that the parser had to cut at its limit: it then ends with some line, which is neither the
 * empty one nor the message's last.
 */
export function isWholeHeader(header: Uint8Array, messageSize: number): boolean {
  if (header.length === messageSize) return true
  const last = header.length - 1
  const lineEnd = header[last - 1] === CR ? last - 1 : last
  return header[last] === LF && (lineEnd === 0 || header[lineEnd - 1] === LF)
}

/** Every value of a field, unfolded, undecoded, without white space around it. Names match in any case. */
export function fieldValues(header: Uint8Array, name: string): ByteString[] {
  const wanted = name.toLowerCase()
  return valuesOf(byteString(header), new Set([wanted])).get(wanted) ?? []
}

/** Values of the wanted fields (names in lower case), in order; at most 1,000 of each name. */
export function valuesOf(header: ByteString, wanted: ReadonlySet<string>): Map<string, ByteString[]> {
  const values = new Map<string, ByteString[]>()
  for (const field of headerFields(header)) {
    const name = field.name?.toLowerCase()
    if (name === undefined || !wanted.has(name)) continue
    const known = values.get(name)
    if (known === undefined) values.set(name, [fieldText(header, field)])
    else if (known.length < 1000) known.push(fieldText(header, field))
  }
  return values
}

/** The unfolded value of one field. */
export function fieldText(header: ByteString, field: HeaderField): ByteString {
  return unfold(header.slice(field.valueStart, field.end))
}

/** RFC 5322 §2.2.3: line ends go, white space stays; white space around the value is not part of it. */
export function unfold(raw: ByteString): ByteString {
  return trimWsp(raw.includes("\n") ? raw.replace(/\r?\n/g, "") : raw)
}

/** Without spaces and tabs at both ends. */
export function trimWsp(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isWsp(text.charCodeAt(from))) from++
  while (to > from && isWsp(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

/** Octets as characters. */
export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
}

function isWsp(code: number): boolean {
  return code === SPACE || code === TAB
}

function isEmptyLine(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === LF || (code === CR && text.charCodeAt(at + 1) === LF)
}

function endOfLine(text: string, at: number): number {
  const lf = text.indexOf("\n", at)
  return lf === -1 ? text.length : lf + 1
}

function endOfField(header: string, start: number): number {
  let end = endOfLine(header, start)
  while (end < header.length && isWsp(header.charCodeAt(end))) end = endOfLine(header, end)
  return end
}

/** field-name = 1*ftext, ftext = %d33-57 / %d59-126 (RFC 5322 §3.6.8); octets above pass (RFC 6532). */
function fieldAt(header: string, start: number, end: number): HeaderField {
  let at = start
  while (at < end && isNameOctet(header.charCodeAt(at))) at++
  const name = header.slice(start, at)
  while (at < end && isWsp(header.charCodeAt(at))) at++
  if (name === "" || header.charCodeAt(at) !== COLON || at >= end) return { name: null, start, valueStart: start, end }
  return { name, start, valueStart: at + 1, end }
}

function isNameOctet(code: number): boolean {
  return code > SPACE && code !== COLON && code !== 127
}

import { decodeCharset } from "./charset.ts"
import { decodeWords } from "./encoded-words.ts"
import { trimWsp } from "./fields.ts"
import { type Cursor, mimeToken, quotedString, skipCfws, takeUntil } from "./lexer.ts"
import type { ByteString, Parameter } from "./types.ts"

const mostParameters = 200

export type ContentType = { type: ByteString; subtype: ByteString; parameters: Parameter[] }

/** Content-Type (RFC 2045 §5.1), or null when it is not one; then the default of §5.2 holds. */
export function parseContentType(value: ByteString): ContentType | null {
  const cursor = { text: value, at: 0 }
  skipCfws(cursor)
  const type = mimeToken(cursor)
  skipCfws(cursor)
  if (type === "" || value[cursor.at] !== "/") return null
  cursor.at++
  skipCfws(cursor)
  const subtype = mimeToken(cursor)
  return subtype === "" ? null : { type, subtype, parameters: parametersFrom(cursor) }
}

/** Content-Disposition (RFC 2183 §2), or null when it names none. */
export function parseDisposition(value: ByteString): { type: ByteString; parameters: Parameter[] } | null {
  const cursor = { text: value, at: 0 }
  skipCfws(cursor)
  const type = mimeToken(cursor)
  return type === "" ? null : { type, parameters: parametersFrom(cursor) }
}

/** Content-Transfer-Encoding (RFC 2045 §6.1) as written, "7bit" when there is nothing to read. */
export function parseEncoding(value: ByteString): ByteString {
  const cursor = { text: value, at: 0 }
  skipCfws(cursor)
  return mimeToken(cursor) || "7bit"
}

/** Content-Language (RFC 3282 §2): language tags. */
export function parseLanguages(value: ByteString): ByteString[] {
  const cursor = { text: value, at: 0 }
  const tags: ByteString[] = []
  while (cursor.at < value.length && tags.length < mostParameters) {
    skipCfws(cursor)
    const tag = mimeToken(cursor)
    if (tag !== "") tags.push(tag)
    takeUntil(cursor, ",")
    cursor.at++
  }
  return tags
}

/** The readable value of a parameter: RFC 2231, else RFC 2047 (which some clients put there). Null if there is none. */
export function decodedParameter(parameters: readonly Parameter[], name: string): string | null {
  const extended = parameterValue(parameters, `${name}*`)
  if (extended !== null) return decodeExtended(extended)
  const plain = parameterValue(parameters, name)
  return plain === null ? null : decodeWords(plain)
}

/** First value of a parameter, as written; names match in any case. */
export function parameterValue(parameters: readonly Parameter[], name: string): ByteString | null {
  return parameters.find(([key]) => key.length === name.length && key.toLowerCase() === name)?.[1] ?? null
}

/** extended-value = [charset] "'" [language] "'" *ext-octet (RFC 2231 §7). */
function decodeExtended(value: ByteString): string {
  const [, charset = "", text = value] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? []
  const octets = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decodeCharset(Buffer.from(octets, "latin1"), charset === "" ? null : charset).replace(/[\r\n\0]/g, " ")
}

function parametersFrom(cursor: Cursor): Parameter[] {
  const found: Parameter[] = []
  while (cursor.at < cursor.text.length && found.length < mostParameters) {
    skipCfws(cursor)
    const name = mimeToken(cursor)
    skipCfws(cursor)
    if (cursor.text[cursor.at] === "=" && name !== "") found.push([name, parameterText(cursor)])
    else skipToNext(cursor)
  }
  return joined(found)
}

/** Past the next semicolon; always moves. */
function skipToNext(cursor: Cursor): void {
  takeUntil(cursor, ";")
  cursor.at++
}

/**
 * value = token / quoted-string (RFC 2045 §5.1). Without quotes everything up to the semicolon is taken, because
 * boundaries with "=" and file names with blanks are common; a comment after white space ends the value.
 */
function parameterText(cursor: Cursor): ByteString {
  cursor.at++
  skipCfws(cursor)
  if (cursor.text[cursor.at] === '"') return quotedString(cursor)
  const from = cursor.at
  const word = takeUntil(cursor, "; \t")
  skipCfws(cursor)
  if (cursor.at >= cursor.text.length || cursor.text[cursor.at] === ";") return word
  takeUntil(cursor, ";")
  return trimWsp(cursor.text.slice(from, cursor.at))
}

type Segment = { base: ByteString; index: number | null; extended: boolean }

/** name, name*, name*0, name*0* (RFC 2231 §3 and §4). */
function segmentOf(name: ByteString): Segment | null {
  const star = name.indexOf("*")
  if (star <= 0) return null
  const [, digits, mark] = /^\*(\d{1,4})(\*)?$/.exec(name.slice(star)) ?? []
  if (digits === undefined) return null
  return { base: name.slice(0, star), index: Number(digits), extended: mark !== undefined }
}

/**
 * RFC 2231 continuations become one parameter where the first of them stood: `name` when all segments are
 * plain, `name*` with the raw charset'language'percent-encoded value when one is extended (plain segments
 * are percent-encoded then). Segments that do not connect to number 0 stay as they were written.
 */
function joined(found: Parameter[]): Parameter[] {
  if (!found.some(([name]) => name.includes("*"))) return found
  const chains = chainsOf(found)
  const taken = new Set<Parameter>()
  for (const chain of chains.values()) for (const parameter of chain) taken.add(parameter)
  const result: Parameter[] = []
  for (const parameter of found) {
    const base = segmentOf(parameter[0])?.base.toLowerCase()
    const chain = base === undefined ? undefined : chains.get(base)
    if (!taken.has(parameter)) result.push(parameter)
    else if (base !== undefined && chain !== undefined) {
      result.push(joinChain(chain))
      chains.delete(base)
    }
  }
  return result
}

/** For each name the segments 0, 1, 2, … as far as they go. */
function chainsOf(found: Parameter[]): Map<ByteString, Parameter[]> {
  const byIndex = new Map<ByteString, Map<number, Parameter>>()
  for (const parameter of found) {
    const segment = segmentOf(parameter[0])
    if (segment === null || segment.index === null) continue
    const key = segment.base.toLowerCase()
    const segments = byIndex.get(key) ?? new Map<number, Parameter>()
    if (!segments.has(segment.index)) segments.set(segment.index, parameter)
    byIndex.set(key, segments)
  }
  const chains = new Map<ByteString, Parameter[]>()
  for (const [key, segments] of byIndex) {
    const chain: Parameter[] = []
    for (let next = segments.get(0); next !== undefined; next = segments.get(chain.length)) chain.push(next)
    if (chain.length > 0) chains.set(key, chain)
  }
  return chains
}

function joinChain(chain: Parameter[]): Parameter {
  const segments = chain.map(([name, value]) => ({ ...segmentOf(name), value }))
  const base = segments[0]?.base ?? ""
  if (!segments.some(({ extended }) => extended)) return [base, segments.map(({ value }) => value).join("")]
  const text = segments.map(({ extended, value }) => (extended ? value : percentEncoded(value))).join("")
  return [`${base}*`, segments[0]?.extended ? text : `''${text}`]
}

/** attribute-char (RFC 2231 §7) stays, the rest becomes %XX. */
function percentEncoded(value: ByteString): ByteString {
  return value.replace(
    /[^A-Za-z0-9!#$&+\-.^_`{|}~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  )
}

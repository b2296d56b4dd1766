import { decodedCharset } from "./charset.ts"
import { decodeWords } from "./encoded-words.ts"
import { fieldText, headerFields } from "./fields.ts"
import { textOfHtml } from "./html.ts"
import type { ParserLimits } from "./limits.ts"
import { OctetBuffer } from "./octets.ts"
import { decodedParameter, parameterValue } from "./parameters.ts"
import { previewOf } from "./preview.ts"
import { transferDecoder } from "./transfer.ts"
import type { ByteString, Part } from "./types.ts"

/** What is read of a message for searching, in its order. */
type Gathered =
  | { kind: "text"; part: Part; nested: boolean; octets: Buffer; full: boolean }
  | { kind: "header"; header: ByteString }

/**
 * Gathers what people search for: texts, headers of attached messages, names of attachments. The octets of
 * texts are kept up to a limit over all of them, and decoded by `read`, which takes its time.
 */
export class TextGatherer {
  readonly #octets: OctetBuffer
  readonly #gathered: Gathered[] = []
  readonly #pieces: string[] = []
  readonly #names: string[] = []
  #open = false
  #octetsLeft: number
  #charactersLeft: number
  #complete = true
  #preview = { rank: Number.POSITIVE_INFINITY, text: "" }

  constructor(limits: ParserLimits) {
    this.#octetsLeft = limits.textBytes
    this.#charactersLeft = limits.textCharacters
    this.#octets = new OctetBuffer(0)
  }

  /** A text body begins. */
  begin(): void {
    this.#octets.reset(this.#octetsLeft)
    this.#open = true
  }

  /** Octets of a body; they are kept only between `begin` and `finish`. */
  append(chunk: Uint8Array, from: number, to: number): void {
    if (this.#open) this.#octets.append(chunk, from, to)
  }

  /** What has been appended was no text after all. */
  drop(): void {
    this.#open = false
  }

  /** The text body ends; `nested` when it belongs to an attached message. */
  finish(part: Part, nested: boolean): void {
    if (!this.#open) return
    this.#open = false
    const { full } = this.#octets
    if (full) this.#complete = false
    const octets = this.#octets.take()
    if (octets.length === 0) return
    this.#octetsLeft -= octets.length
    this.#gathered.push({ kind: "text", part, nested, octets, full })
  }

  /** The name of an attachment (RFC 2183 §2.3), or of a part that has one in the older place. */
  name(part: Part): void {
    const name =
      decodedParameter(part.disposition?.parameters ?? [], "filename") ?? decodedParameter(part.parameters, "name")
    if (name !== null && name !== "") this.#names.push(name)
  }

  /** The header of an attached message. */
  header(header: ByteString): void {
    this.#gathered.push({ kind: "header", header })
  }

  /** Everything gathered, decoded once; stops at places where others may have their turn. */
  *read(): Generator<void, { text: string; complete: boolean; preview: string }> {
    for (let next = this.#gathered.shift(); next !== undefined; next = this.#gathered.shift()) {
      yield
      if (next.kind === "header") this.#add(yield* decodedHeader(next.header, this.#charactersLeft))
      else yield* this.#text(next)
    }
    for (const name of this.#names) this.#add(name)
    return { text: this.#pieces.join("\n"), complete: this.#complete, preview: this.#preview.text }
  }

  *#text({ part, nested, octets, full }: Extract<Gathered, { kind: "text" }>): Generator<void> {
    if (this.#charactersLeft <= 0) {
      this.#complete = false
      return
    }
    const text = yield* textOf(part, full ? wholeCharacters(octets) : octets)
    yield
    this.#considerPreview(part, text, nested)
    this.#add(text)
  }

  #add(text: string): void {
    if (text === "") return
    const cut = text.slice(0, Math.max(0, this.#charactersLeft))
    if (cut.length < text.length) this.#complete = false
    this.#charactersLeft -= cut.length + 1
    if (cut !== "") this.#pieces.push(cut.includes("\0") ? cut.replaceAll("\0", " ") : cut)
  }

  /** The first text that has something to read; of the message itself rather than of one attached to it. */
  #considerPreview(part: Part, text: string, nested: boolean): void {
    if (part.disposition?.type.toLowerCase() === "attachment") return
    const rank = (nested ? 2 : 0) + (/^(plain|html)$/i.test(part.subtype) ? 0 : 1)
    if (rank >= this.#preview.rank) return
    const preview = previewOf(text)
    if (preview !== "") this.#preview = { rank, text: preview }
  }
}

/** Fields that are decoded at one go. */
const fieldsAtOnce = 64

/** "Name: value" per field, decoded, up to `limit` characters. */
export function* decodedHeader(header: ByteString, limit: number): Generator<void, string> {
  const lines: string[] = []
  let length = 0
  for (const field of headerFields(header)) {
    if (field.name === null) continue
    const line = `${field.name}: ${decodeWords(fieldText(header, field))}`
    length += line.length + 1
    if (length > limit) break
    if (lines.push(line) % fieldsAtOnce === 0) yield
  }
  return lines.join("\n")
}

function* textOf(part: Part, octets: Uint8Array): Generator<void, string> {
  const decoded = yield* decodedTransfer(octets, part.encoding)
  const isHtml = part.subtype.toLowerCase() === "html"
  const charset = parameterValue(part.parameters, "charset") ?? (isHtml ? charsetOfPage(decoded) : null)
  yield
  const text = yield* decodedCharset(decoded, charset)
  yield
  return isHtml ? yield* textOfHtml(text) : (text.includes("\r") ? text.replaceAll("\r\n", "\n") : text).trimEnd()
}

/** Octets that are decoded at one go. */
const octetsAtOnce = 262_144

function* decodedTransfer(octets: Uint8Array, encoding: string): Generator<void, Uint8Array> {
  const decoder = transferDecoder(encoding)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < octets.length; at += octetsAtOnce) {
    pieces.push(decoder.write(octets.subarray(at, at + octetsAtOnce)))
    yield
  }
  return Buffer.concat([...pieces, decoder.end()])
}

/** <meta charset=…> or its older form, within the first 1,024 octets (HTML §13.2.3.2). */
function charsetOfPage(page: Uint8Array): string | null {
  const head = Buffer.from(page.buffer, page.byteOffset, Math.min(page.byteLength, 1024)).toString("latin1")
  return /<meta[^>]{1,200}charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_:.-]{1,40})/i.exec(head)?.[1] ?? null
}

/** A text that was cut does not end within a UTF-8 character. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && end > bytes.length - 4 && (bytes[end - 1] ?? 0) >= 0x80) end--
  return bytes.subarray(0, end)
}

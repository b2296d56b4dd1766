import { baseSubject } from "./base-subject.ts"
import { Boundaries } from "./boundaries.ts"
import { parseDate } from "./date.ts"
import { decodeWords } from "./encoded-words.ts"
import { byteString, valuesOf } from "./fields.ts"
import { defaultLimits, type ParserLimits } from "./limits.ts"
import { listedFields } from "./listed-fields.ts"
import { OctetBuffer } from "./octets.ts"
import { ownMessageId, referencesOf } from "./references.ts"
import { searchFields } from "./search-fields.ts"
import { decodedHeader, TextGatherer } from "./text.ts"
import { type Ending, PartTree } from "./tree.ts"
import type { ByteString, ParsedMessage } from "./types.ts"

const [LF, CR, DASH] = [10, 13, 45]

/** So much of a line decides whether it is a boundary: "--", the boundary, "--", CRLF. */
const longestHead = Boundaries.longest + 6

const threadFields = new Set(["message-id", "references", "in-reply-to"])

/**
 * Reads a message octet by octet, in pieces of any size, without ever holding more than its header blocks
 * and its texts, both up to limits. Any input is a message; nothing is thrown for what is in it. The result
 * does not depend on how the message was cut into pieces.
 *
 * Lines end with LF, with or without CR before it; a lone CR is an octet like others. Offsets and counts are
 * those of the octets as they came.
 */
export class MessageParser {
  readonly #limits: ParserLimits
  readonly #texts: TextGatherer
  readonly #tree: PartTree
  readonly #block: OctetBuffer
  readonly #head = new Uint8Array(longestHead)
  #headLength = 0
  #headerOctetsLeft: number
  /** The header of the message itself, once it ended. */
  #header: Buffer | null = null
  #mode: "header" | "body" | "boundary line" = "header"
  /** A part starts behind the boundary line that is being read. */
  #partFollows = false
  #at = 0
  #lfs = 0
  /** Octets of the current line so far. */
  #lineLength = 0
  /** Octets of the line end before the current line: 0, 1 or 2. */
  #lineEndLength = 0
  #lastOctet = 0

  constructor(limits: Partial<ParserLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits }
    this.#texts = new TextGatherer(this.#limits)
    this.#tree = new PartTree(this.#limits, this.#texts)
    this.#headerOctetsLeft = this.#limits.allHeaderBytes
    this.#block = new OctetBuffer(Math.min(this.#limits.headerBytes, this.#headerOctetsLeft))
  }

  /** The next piece; nothing of it is kept, so its memory may be used again. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; )
      at = this.#mayBeBoundary(chunk, at) ? this.#hold(chunk, at) : this.#consume(chunk, at)
  }

  /** The message is complete. Call it once, or `ending`. */
  end(): ParsedMessage {
    const ending = this.ending()
    for (;;) {
      const { done, value } = ending.next()
      if (done) return value
    }
  }

  /**
   * As `end`, in steps: decoding the texts of a large message takes longer than others should wait, so between
   * two steps they may have their turn.
   */
  *ending(): Generator<void, ParsedMessage> {
    if (this.#headLength > 0) this.#decide()
    if (this.#partFollows) this.#tree.openPart(this.#at)
    const block = this.#takeBlock()
    this.#tree.finish(this.#ending(0), block)
    return yield* this.#result()
  }

  #mayBeBoundary(chunk: Uint8Array, at: number): boolean {
    if (this.#headLength > 0) return true
    return this.#lineLength === 0 && chunk[at] === DASH && this.#mode !== "boundary line" && this.#tree.hasBoundaries
  }

  /** Keeps the beginning of a line until it is long enough to be compared with the boundaries. */
  #hold(chunk: Uint8Array, from: number): number {
    const most = Math.min(chunk.length, from + longestHead - this.#headLength)
    let to = from
    while (to < most && chunk[to] !== LF) to++
    const lineEnds = to < most
    if (lineEnds) to++
    this.#head.set(chunk.subarray(from, to), this.#headLength)
    this.#headLength += to - from
    if (lineEnds || this.#headLength === longestHead) this.#decide()
    return to
  }

  #decide(): void {
    const head = this.#head.subarray(0, this.#headLength)
    this.#headLength = 0
    const match = this.#tree.match(head)
    if (match !== null) {
      this.#tree.boundary(match, this.#ending(this.#lineEndLength), this.#takeBlock())
      this.#mode = "boundary line"
      this.#partFollows = !match.closing
    }
    this.#consume(head, 0)
  }

  /** Where a part ends if the current line is a boundary. */
  #ending(lineEndLength: number): Ending {
    return { lineStart: this.#at, end: this.#at - lineEndLength, lfs: this.#lfs }
  }

  #consume(chunk: Uint8Array, from: number): number {
    if (this.#mode === "body") return this.#body(chunk, from)
    const { to, ends, empty } = this.#line(chunk, from)
    if (this.#mode === "header") {
      this.#block.append(chunk, from, to)
      if (empty) this.#headerEnds()
    } else if (ends) this.#boundaryLineEnds()
    return to
  }

  /** Lines of a body, up to one that may be a boundary. */
  #body(chunk: Uint8Array, from: number): number {
    let to = from
    do to = this.#line(chunk, to).to
    while (to < chunk.length && !(chunk[to] === DASH && this.#tree.hasBoundaries))
    this.#texts.append(chunk, from, to)
    return to
  }

  /** Goes to the end of the current line, or of the piece. */
  #line(chunk: Uint8Array, from: number): { to: number; ends: boolean; empty: boolean } {
    let to = from
    while (to < chunk.length && chunk[to] !== LF) to++
    const length = this.#lineLength + to - from
    const before = to > from ? (chunk[to - 1] ?? 0) : this.#lastOctet
    const ends = to < chunk.length
    if (ends) to++
    this.#at += to - from
    this.#lineLength = ends ? 0 : length
    this.#lastOctet = ends ? LF : before
    if (!ends) return { to, ends, empty: false }
    this.#lfs++
    this.#lineEndLength = before === CR ? 2 : 1
    return { to, ends, empty: length === this.#lineEndLength - 1 }
  }

  #headerEnds(): void {
    this.#tree.headerEnds(this.#at, this.#lfs, this.#takeBlock())
    if (!this.#tree.inHeader) this.#mode = "body"
  }

  #boundaryLineEnds(): void {
    if (this.#partFollows) this.#tree.openPart(this.#at)
    this.#mode = this.#partFollows ? "header" : "body"
    this.#partFollows = false
  }

  /**
   * The header block that was read, empty outside of headers. NUL octets become 0x80, which IMAP can send in
   * a string (RFC 3501 §9: CHAR8 is any octet except NUL). A block that was too large is cut at a line end.
   */
  #takeBlock(): ByteString {
    const { bytes, full } = this.#block
    const kept = full ? bytes.subarray(0, bytes.lastIndexOf(LF) + 1) : bytes
    this.#header ??= Buffer.from(kept)
    const block = byteString(kept)
    this.#headerOctetsLeft -= bytes.length
    this.#block.reset(Math.min(this.#limits.headerBytes, this.#headerOctetsLeft))
    return block.includes("\0") ? block.replaceAll("\0", "\x80") : block
  }

  *#result(): Generator<void, ParsedMessage> {
    const header = this.#header ?? Buffer.alloc(0)
    const { root, envelope } = this.#tree
    const block = byteString(header).replaceAll("\0", "\x80")
    const date = envelope.date === null ? null : parseDate(envelope.date)
    const threading = valuesOf(block, threadFields)
    const subject = decodeWords(envelope.subject ?? "")
    const body = yield* this.#texts.read()
    const isWhole = header.length === root.bodyStart
    const headerText = yield* decodedHeader(block, this.#limits.textCharacters)
    return {
      size: this.#at,
      root,
      envelope,
      header,
      sentAt: date?.sentAt ?? null,
      sentDay: date?.sentDay ?? null,
      messageId: ownMessageId(threading.get("message-id")?.[0]),
      references: referencesOf(threading.get("references") ?? [], threading.get("in-reply-to") ?? []),
      subject,
      baseSubject: baseSubject(subject),
      headerText,
      searchFields: isWhole ? searchFields(block) : null,
      listedFields: isWhole ? listedFields(header) : null,
      bodyText: body.text,
      bodyTextComplete: body.complete,
      preview: body.preview,
    }
  }
}

/** A whole message at once; see `MessageParser`. */
export function parseMessage(bytes: Uint8Array, limits: Partial<ParserLimits> = {}): ParsedMessage {
  const parser = new MessageParser(limits)
  parser.push(bytes)
  return parser.end()
}

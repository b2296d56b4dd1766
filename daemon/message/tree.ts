import { Boundaries, type BoundaryMatch } from "./boundaries.ts"
import {
  describe,
  describingFields,
  isMessage,
  isMultipart,
  isReadableAsIs,
  isText,
  makeOpaque,
  plainPart,
} from "./describe.ts"
import { addressesIn, envelopeFields, envelopeOf } from "./envelope.ts"
import { trimWsp, valuesOf } from "./fields.ts"
import type { ParserLimits } from "./limits.ts"
import { parameterValue } from "./parameters.ts"
import type { TextGatherer } from "./text.ts"
import type { ByteString, Envelope, Part } from "./types.ts"

/** A part that has not ended. */
type Frame = {
  part: Part
  kind: "header" | "leaf" | "multipart" | "message"
  /** LFs before the body. */
  lfsBefore: number
  /** Gets the envelope of the message whose root this is. */
  onEnvelope: ((envelope: Envelope) => void) | null
  /** Inside an attached message. */
  nested: boolean
}

/** Where something ends: the offset, and the LFs up to the line that ended it. */
export type Ending = {
  /** Start of the boundary line, or the size of the message. */
  lineStart: number
  /** The same without the line end that belongs to the boundary. */
  end: number
  lfs: number
}

const emptyEnvelope = envelopeOf(new Map())
const interesting = new Set([...envelopeFields, ...describingFields])
const describing = new Set(describingFields)

/**
 * Grows the MIME tree from the events that the scanner finds: a header ended, a boundary line, the end. The
 * stack holds the parts that are open, from the message itself to the one being read; the place in it is the
 * level under which a multipart's boundary is known.
 */
export class PartTree {
  readonly root: Part = plainPart(0)
  envelope: Envelope = emptyEnvelope
  readonly #limits: ParserLimits
  readonly #texts: TextGatherer
  readonly #boundaries = new Boundaries()
  readonly #stack: Frame[] = []
  #parts = 0
  #addressesLeft: number

  constructor(limits: ParserLimits, texts: TextGatherer) {
    this.#limits = limits
    this.#addressesLeft = limits.addresses
    this.#texts = texts
    this.#open(this.root, false, (envelope) => {
      this.envelope = envelope
    })
  }

  /** True when a line can be a boundary. */
  get hasBoundaries(): boolean {
    return this.#boundaries.size > 0
  }

  /** True when the part being read is still in its header. */
  get inHeader(): boolean {
    return this.#stack.at(-1)?.kind === "header"
  }

  /** See `Boundaries.match`. */
  match(head: Uint8Array): BoundaryMatch | null {
    return this.#boundaries.match(head)
  }

  /** A boundary line ended: the next part of the innermost multipart starts at this octet. */
  openPart(headerStart: number): void {
    const parent = this.#stack.at(-1)
    const part = plainPart(headerStart)
    parent?.part.children.push(part)
    this.#open(part, parent?.nested ?? false, null)
  }

  /** The header of the part being read ended. Afterwards `inHeader` says whether another one follows at once. */
  headerEnds(bodyStart: number, lfs: number, header: ByteString): void {
    const frame = this.#stack.at(-1)
    if (frame === undefined) return
    const values = valuesOf(header, frame.onEnvelope === null ? describing : interesting)
    frame.part.bodyStart = bodyStart
    frame.lfsBefore = lfs
    describe(frame.part, values, this.#inDigest())
    if (frame.onEnvelope !== null) frame.onEnvelope(this.#envelopeOf(values))
    if (frame.onEnvelope !== null && frame.nested) this.#texts.header(header)
    this.#texts.name(frame.part)
    this.#begin(frame)
  }

  /** What is written counts, so sender and reply-to count although they may be those of from. */
  #envelopeOf(values: Map<string, ByteString[]>): Envelope {
    const envelope = envelopeOf(values, this.#addressesLeft)
    this.#addressesLeft -= addressesIn(envelope)
    return envelope
  }

  /** A boundary line: everything inside its multipart ends. */
  boundary(match: BoundaryMatch, ending: Ending, header: ByteString): void {
    const inner = this.#closeAbove(match.level, ending, header)
    const frame = this.#stack[match.level]
    if (frame === undefined) return
    if (match.closing) {
      this.#boundaries.remove(match.level)
      this.#ensureChild(frame, inner)
    } else if (frame.part.children.length === 0) this.#texts.drop()
  }

  /** The message ends. */
  finish(ending: Ending, header: ByteString): void {
    this.#closeAbove(-1, ending, header)
  }

  #open(part: Part, nested: boolean, onEnvelope: Frame["onEnvelope"]): void {
    this.#stack.push({ part, kind: "header", lfsBefore: 0, onEnvelope, nested })
    if (++this.#parts >= this.#limits.parts) this.#boundaries.clear()
  }

  /** Decides what the body of a part is. */
  #begin(frame: Frame): void {
    const { part } = frame
    const mayOpen = this.#parts < this.#limits.parts && this.#stack.length < this.#limits.depth
    frame.kind = "leaf"
    if (isMultipart(part)) {
      if (mayOpen) this.#beginMultipart(frame)
      else makeOpaque(part)
    } else if (isMessage(part)) {
      if (mayOpen && isReadableAsIs(part)) this.#beginMessage(frame)
      else makeOpaque(part)
    } else if (isText(part)) this.#texts.begin()
  }

  /** Until a boundary comes the body is taken for text, which it stays if none comes. */
  #beginMultipart(frame: Frame): void {
    frame.kind = "multipart"
    const boundary = trimWsp(parameterValue(frame.part.parameters, "boundary") ?? "")
    if (boundary !== "" && boundary.length <= Boundaries.longest) this.#boundaries.add(boundary, this.#stack.length - 1)
    this.#texts.begin()
  }

  #beginMessage(frame: Frame): void {
    frame.kind = "message"
    const message = { envelope: emptyEnvelope, root: plainPart(frame.part.bodyStart) }
    frame.part.message = message
    this.#open(message.root, true, (envelope) => {
      message.envelope = envelope
    })
  }

  #inDigest(): boolean {
    const parent = this.#stack.at(-2)
    return parent?.kind === "multipart" && parent.part.subtype.toLowerCase() === "digest"
  }

  /**
   * Ends all parts above a level. A part whose header was cut off by the boundary has no body. Returns where
   * the innermost one ended: no part ends before one that it holds.
   */
  #closeAbove(level: number, ending: Ending, header: ByteString): Ending {
    let inner = ending
    let block = header
    while (this.inHeader) {
      const start = this.#stack.at(-1)?.part.headerStart ?? 0
      this.headerEnds(Math.max(start, ending.end), ending.lfs, block)
      block = ""
    }
    while (this.#stack.length - 1 > level) {
      const frame = this.#stack[this.#stack.length - 1]
      if (frame === undefined) break
      inner = { ...ending, end: this.#close(frame, inner) }
      this.#stack.pop()
    }
    return inner
  }

  #close(frame: Frame, ending: Ending): number {
    const { part } = frame
    part.end = Math.max(part.bodyStart, ending.end)
    part.lines = linesOf(frame.lfsBefore, part.end, ending)
    if (frame.kind === "leaf") this.#texts.finish(part, frame.nested)
    if (frame.kind === "multipart") {
      this.#boundaries.remove(this.#stack.length - 1)
      this.#ensureChild(frame, ending)
    }
    return part.end
  }

  /** A multipart in which no part was found holds one: its body up to here, as text. */
  #ensureChild(frame: Frame, ending: Ending): void {
    const { part, lfsBefore, nested } = frame
    if (part.children.length > 0) return
    const child = plainPart(part.bodyStart)
    child.end = Math.max(part.bodyStart, ending.end)
    child.lines = linesOf(lfsBefore, child.end, ending)
    child.encoding = part.encoding
    part.children.push(child)
    this.#texts.finish(child, nested)
  }
}

/** The line end that belongs to the boundary is not in the body, so it is not counted. */
function linesOf(lfsBefore: number, end: number, ending: Ending): number {
  return Math.max(0, ending.lfs - lfsBefore - (end < ending.lineStart ? 1 : 0))
}

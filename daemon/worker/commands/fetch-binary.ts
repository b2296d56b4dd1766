import type { FetchItem, OctetRange } from "../../imap/ast.ts"
import { partAt } from "../../message/sections.ts"
import { transferDecoder } from "../../message/transfer.ts"
import type { Part } from "../../message/types.ts"
import type { Store } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"
import type { Pace } from "../pace.ts"
import { type Octets, rangeOf } from "./fetch-section.ts"

export type BinaryItem = Extract<FetchItem, { item: "BINARY[]" | "BINARY.SIZE" }>

export function isBinary(item: FetchItem): item is BinaryItem {
  return item.item === "BINARY[]" || item.item === "BINARY.SIZE"
}

/** Null is a part that does not exist. */
type Answer = { label: string; value: string | Octets | null }

/** RFC 2045 §6; "x-" and other names are not known. */
const knownEncodings = new Set(["7bit", "8bit", "binary", "base64", "quoted-printable"])

/**
 * BINARY and BINARY.SIZE of one FETCH (RFC 3516). How long a part is, and whether it holds NUL, must be known
 * before its first octet is sent, so it is decoded once to be measured and once more to be sent; nothing of it
 * is kept. A part in an encoding that nobody knows is left out, and the command ends with NO.
 */
export class BinaryAnswers {
  readonly #contents: Store["contents"]
  readonly #items: readonly BinaryItem[]
  readonly #pace: Pace
  readonly #answers = new Map<BinaryItem, Answer>()
  #refused = false

  constructor(contents: Store["contents"], items: readonly FetchItem[], pace: Pace) {
    this.#contents = contents
    this.#items = items.filter(isBinary)
    this.#pace = pace
  }

  /** Some part was left out (RFC 3516 §4.3: NO with UNKNOWN-CTE). */
  get refused(): boolean {
    return this.#refused
  }

  /** Prepares the answers for this message. @throws StoreError `no-such-message`, ClientGone */
  async measure({ content }: Message): Promise<void> {
    this.#answers.clear()
    if (this.#items.length === 0) return
    const root = this.#contents.root(content)
    for (const item of this.#items) {
      const answer = await this.#answerFor(content, partAt(root, item.parts), item)
      if (answer === null) this.#refused = true
      else this.#answers.set(item, answer)
    }
  }

  /** Null when it has to be left out. */
  answer(item: BinaryItem): Answer | null {
    return this.#answers.get(item) ?? null
  }

  async #answerFor(content: number, part: Part | null, item: BinaryItem): Promise<Answer | null> {
    const label = labelOf(item)
    if (part === null) return { label, value: item.item === "BINARY[]" ? null : "0" }
    const encoding = encodingOf(part, item.parts)
    if (!knownEncodings.has(encoding)) return null
    const start = item.parts.length === 0 ? part.headerStart : part.bodyStart
    const pieces = () => decoded(this.#contents.read(content, start, part.end - start), encoding)
    if (item.item === "BINARY.SIZE") return { label, value: String((await this.#scan(pieces(), null)).size) }
    const { size, nul } = await this.#scan(pieces(), item.partial)
    const whole: Octets = { size, pieces: (offset, length) => cut(pieces(), offset, length), binary: nul }
    return { label, value: rangeOf(whole, item.partial) }
  }

  /** Octets in all, and whether there is a NUL within the range. */
  async #scan(pieces: Iterable<Uint8Array>, range: OctetRange | null): Promise<{ size: number; nul: boolean }> {
    const from = range?.offset ?? 0
    const to = from + (range?.length ?? Number.POSITIVE_INFINITY)
    let size = 0
    let nul = false
    for (const piece of pieces) {
      nul ||= piece.subarray(Math.max(0, from - size), Math.max(0, to - size)).includes(0)
      size += piece.length
      await this.#pace.rest()
    }
    return { size, nul }
  }
}

/** Of a whole message, and of a part that holds others, there is nothing to decode (RFC 2045 §6.4). */
function encodingOf(part: Part, parts: readonly number[]): string {
  const isLeaf = part.children.length === 0 && part.message === null
  return parts.length > 0 && isLeaf ? part.encoding.trim().toLowerCase() : "binary"
}

function labelOf(item: BinaryItem): string {
  const name = item.item === "BINARY[]" ? "BINARY" : item.item
  const origin = item.item === "BINARY[]" && item.partial !== null ? `<${item.partial.offset}>` : ""
  return `${name}[${item.parts.join(".")}]${origin}`
}

function* decoded(pieces: Iterable<Uint8Array>, encoding: string): Generator<Uint8Array> {
  const decoder = transferDecoder(encoding)
  for (const piece of pieces) yield decoder.write(piece)
  yield decoder.end()
}

/** The octets [offset, offset + length) of these pieces. */
function* cut(pieces: Iterable<Uint8Array>, offset: number, length: number): Generator<Uint8Array> {
  let at = 0
  for (const piece of pieces) {
    const wanted = piece.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at))
    if (wanted.length > 0) yield wanted
    at += piece.length
    if (at >= offset + length) return
  }
}

import type { FetchItem } from "../../imap/ast.ts"
import { partAt } from "../../message/sections.ts"
import type { Part } from "../../message/types.ts"
import type { Store } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { Pace } from "../pace.ts"
import type { DecodedParts } from "./decoded-part.ts"
import type { Octets } from "./fetch-section.ts"

export type BinaryItem = Extract<FetchItem, { item: "BINARY[]" | "BINARY.SIZE" }>

export function isBinary(item: FetchItem): item is BinaryItem {
  return item.item === "BINARY[]" || item.item === "BINARY.SIZE"
}

/** Null is a part that does not exist. */
type Answer = { label: string; value: string | Octets | null }

/** RFC 2045 §6; "x-" and other names are not known. */
const knownEncodings = new Set(["7bit", "8bit", "binary", "base64", "quoted-printable"])

/**
 * BINARY and BINARY.SIZE of one FETCH (RFC 3516). How long an answer is, and whether it holds NUL, must be known
 * before its first octet is sent, so it is decoded once to be measured and once more to be sent; nothing of it
 * is kept. A part in an encoding that nobody knows is left out, and the command ends with NO.
 */
export class BinaryAnswers {
  readonly #contents: Store["contents"]
  readonly #ids: Store["objectIds"]
  readonly #parts: DecodedParts
  readonly #items: readonly BinaryItem[]
  readonly #pace: Pace
  readonly #answers = new Map<BinaryItem, Answer>()
  #refused = false

  constructor({ account, decodedParts }: Conversation, items: readonly FetchItem[], pace: Pace) {
    this.#contents = account.store.contents
    this.#ids = account.store.objectIds
    this.#parts = decodedParts
    this.#items = items.filter(isBinary)
    this.#pace = pace
  }

  /** The command asks for none, so that there is nothing to measure. */
  get empty(): boolean {
    return this.#items.length === 0
  }

  /** Some part was left out (RFC 3516 §4.3: NO with UNKNOWN-CTE). */
  get refused(): boolean {
    return this.#refused
  }

  /** Prepares the answers for this message. @throws StoreError `no-such-message`, ClientGone */
  async measure(message: Message): Promise<void> {
    this.#answers.clear()
    const root = this.#contents.structures.root(message.content)
    for (const item of this.#items) {
      if (this.#pace.due) await this.#pace.rest()
      const answer = await this.#answerFor(message, partAt(root, item.parts), item)
      if (answer === null) this.#refused = true
      else this.#answers.set(item, answer)
    }
  }

  /** Null when it has to be left out. */
  answer(item: BinaryItem): Answer | null {
    return this.#answers.get(item) ?? null
  }

  async #answerFor({ content }: Message, part: Part | null, item: BinaryItem): Promise<Answer | null> {
    const label = labelOf(item)
    if (part === null) return { label, value: item.item === "BINARY[]" ? null : "0" }
    const encoding = encodingOf(part, item.parts)
    if (!knownEncodings.has(encoding)) return null
    const start = item.parts.length === 0 ? part.headerStart : part.bodyStart
    const decoded = this.#parts.part(this.#ids.email(content), { start, end: part.end }, encoding)
    const pieces = (offset: number, length: number) =>
      decoded.pieces((from, count) => this.#contents.read(content, from, count), offset, length)
    if (item.item === "BINARY.SIZE") {
      const size = decoded.size ?? (await this.#scan(pieces(0, Number.POSITIVE_INFINITY))).size
      return { label, value: String(size) }
    }
    const { offset, length } = item.partial ?? { offset: 0, length: Number.POSITIVE_INFINITY }
    const { size, nul } = await this.#scan(pieces(offset, length))
    return { label, value: { size, pieces: (from, count) => pieces(offset + from, count), binary: nul, slow: true } }
  }

  /** How many octets these are, and whether there is a NUL among them. */
  async #scan(pieces: Iterable<Uint8Array>): Promise<{ size: number; nul: boolean }> {
    let size = 0
    let nul = false
    for (const piece of pieces) {
      nul ||= piece.includes(0)
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

import { type NumberedPiece, pieceBytes } from "./pieces.ts"
import { type ContentMeta, StoreError } from "./types.ts"

/** What a writer asks of `Contents`. */
export type WriterRoom = {
  readonly inTransaction: boolean
  /** @throws StoreError `over-quota` */
  admit(bytes: number): void
  /** Durable when it returns; `content` is null for the first piece. Returns the content's id. */
  spill(content: number | null, piece: NumberedPiece): number
  finish(content: number, last: NumberedPiece, meta: ContentMeta): void
  insert(bytes: Uint8Array, meta: ContentMeta): number
  /** What was written is not wanted. */
  discard(content: number): void
}

/** RFC 3501 §9: a literal's size is a number of 32 bits, and clients keep it in a signed one. */
const maxContentBytes = 2_147_483_647

const firstBuffer = 16_384

/**
 * Takes a message's octets as they arrive and holds at most one piece of them. What fits one piece is written
 * only by `finish`; more goes out piece by piece, each in a small transaction, under a content that nothing
 * refers to.
 */
export class ContentWriter {
  readonly #room: WriterRoom
  #buffer = Buffer.allocUnsafe(firstBuffer)
  #filled = 0
  #written = 0
  #pieces = 0
  #content: number | null = null
  #state: "open" | "finished" | "discarded" = "open"

  /** Made by `Contents.begin`. */
  constructor(room: WriterRoom) {
    this.#room = room
  }

  /** Octets pushed so far. */
  get size(): number {
    return this.#written + this.#filled
  }

  /** So many octets more are announced. @throws StoreError `over-quota` when they would not be taken */
  expect(bytes: number): void {
    this.#room.admit(this.size + bytes)
  }

  /** @throws StoreError `over-quota`, `too-big`, `disk-full`; then `discard` */
  push(chunk: Uint8Array): void {
    this.#expectOpen()
    if (this.size + chunk.length > maxContentBytes) throw new StoreError("too-big")
    this.#room.admit(this.size + chunk.length)
    for (let at = 0; at < chunk.length; ) at += this.#take(chunk.subarray(at))
  }

  /**
   * The content's id, to be linked with `messages.add`. May be called inside a transaction.
   *
   * @throws StoreError `over-quota`, `disk-full`; Error when `meta` is of another size
   */
  finish(meta: ContentMeta): number {
    this.#expectOpen()
    const rest = this.#buffer.subarray(0, this.#filled)
    const content =
      this.#content === null ? this.#finishWhole(rest, meta) : this.#finishSpilled(this.#content, rest, meta)
    this.#state = "finished"
    this.#buffer = Buffer.alloc(0)
    return content
  }

  #finishWhole(bytes: Uint8Array, meta: ContentMeta): number {
    const content = this.#room.insert(bytes, meta)
    // A rollback of the caller's transaction takes this row with it, and its id may be given again.
    if (!this.#room.inTransaction) this.#content = content
    return content
  }

  #finishSpilled(content: number, rest: Uint8Array, meta: ContentMeta): number {
    if (meta.size !== this.size) throw new RangeError("the parser saw another number of octets")
    this.#room.finish(content, { number: this.#pieces + 1, offset: this.#written, bytes: rest }, meta)
    return content
  }

  /** What was written will be removed, unless a message refers to it by now. Idempotent. */
  discard(): void {
    this.#state = "discarded"
    if (this.#content === null) return
    this.#room.discard(this.#content)
    this.#content = null
  }

  #expectOpen(): void {
    if (this.#state !== "open") throw new Error(`content writer is ${this.#state}`)
  }

  #take(chunk: Uint8Array): number {
    if (this.#filled === pieceBytes) this.#spill()
    const count = Math.min(chunk.length, pieceBytes - this.#filled)
    this.#grow(this.#filled + count)
    this.#buffer.set(chunk.subarray(0, count), this.#filled)
    this.#filled += count
    return count
  }

  #grow(needed: number): void {
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(needed, this.#buffer.length * 2)))
    this.#buffer.copy(larger, 0, 0, this.#filled)
    this.#buffer = larger
  }

  #spill(): void {
    if (this.#room.inTransaction) throw new Error("a large content is pushed outside transactions")
    const bytes = this.#buffer.subarray(0, this.#filled)
    this.#content = this.#room.spill(this.#content, { number: this.#pieces + 1, offset: this.#written, bytes })
    this.#pieces++
    this.#written += this.#filled
    this.#filled = 0
  }
}

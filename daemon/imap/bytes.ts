import { stillBytes } from "../host/still.ts"

/**
 * The two buffers of the reader. Both can be wiped, and neither leaves a copy behind: before login they hold
 * passwords.
 */

const smallChunk = 1024

/** Octets that arrived and were not read yet, in the pieces in which they came. */
export class ByteQueue {
  #chunks: Uint8Array[] = []
  /** Chunks before this index are read; they are cut off now and then. */
  #first = 0
  /** Octets of the first chunk that are read. */
  #offset = 0
  #size = 0
  /** The buffer behind the last chunk when that was put together here. */
  #tail: Uint8Array | null = null
  #tailLength = 0

  get size(): number {
    return this.#size
  }

  /** Takes a chunk over; with `wipe` one that was copied is zeroed. */
  push(chunk: Uint8Array, wipe: boolean): void {
    if (chunk.length === 0) return
    const joins = this.#size > 0 && chunk.length <= smallChunk
    this.#size += chunk.length
    if (joins) {
      this.#join(chunk)
      if (wipe) chunk.fill(0)
      return
    }
    this.#tail = null
    this.#chunks.push(chunk)
  }

  /** Small chunks that have to wait are copied together, so that single octets do not cost an object each. */
  #join(chunk: Uint8Array): void {
    if (this.#tail === null || this.#tailLength + chunk.length > this.#tail.length) {
      this.#tail = new Uint8Array(4 * smallChunk)
      this.#tailLength = 0
      this.#chunks.push(this.#tail)
    }
    this.#tail.set(chunk, this.#tailLength)
    this.#tailLength += chunk.length
    this.#chunks[this.#chunks.length - 1] = this.#tail.subarray(0, this.#tailLength)
  }

  /** Up to `most` octets of the first chunk, as a view; with `through`, at most up to and including that octet. */
  take(most: number, through = -1): Uint8Array {
    const chunk = this.#chunks[this.#first]
    if (chunk === undefined) return new Uint8Array(0)
    const found = through === -1 ? -1 : chunk.indexOf(through, this.#offset)
    const end = Math.min(found === -1 ? chunk.length : found + 1, this.#offset + most)
    const piece = chunk.subarray(this.#offset, end)
    this.#size -= piece.length
    this.#offset = end
    if (end === chunk.length) this.#dropFirst()
    return piece
  }

  /** Everything, as a copy; the queue is empty afterwards and, with `wipe`, its octets are zero. */
  takeAll(wipe: boolean): Uint8Array {
    const all = stillBytes(this.#size)
    let at = 0
    while (this.#size > 0) {
      const piece = this.take(this.#size)
      all.set(piece, at)
      at += piece.length
      if (wipe) piece.fill(0)
    }
    return all
  }

  wipe(): void {
    while (this.#size > 0) this.take(this.#size).fill(0)
  }

  /** Forgets without touching the octets, which may belong to somebody else. */
  clear(): void {
    this.#chunks = []
    this.#first = 0
    this.#offset = 0
    this.#size = 0
    this.#tail = null
  }

  #dropFirst(): void {
    this.#offset = 0
    this.#first += 1
    if (this.#first === this.#chunks.length) this.#tail = null
    // Only when half of the list is read: so each chunk is moved a bounded number of times.
    if (this.#first * 2 < this.#chunks.length) return
    this.#chunks.splice(0, this.#first)
    this.#first = 0
  }
}

/** A buffer that grows by doubling and zeroes what it grew out of. */
export class GrowingBytes {
  #buffer = new Uint8Array(512)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What it holds, as a view that is good until the next change. */
  get view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length
    if (needed > this.#buffer.length) this.#grow(needed)
    this.#buffer.set(piece, this.#length)
    this.#length = needed
  }

  /** Drops octets from the end. */
  truncate(length: number): void {
    this.#buffer.fill(0, length, this.#length)
    this.#length = length
  }

  /** Gives the buffer away and starts a new one. */
  release(): Uint8Array {
    const released = this.view
    this.#buffer = new Uint8Array(512)
    this.#length = 0
    return released
  }

  /** Zeroes and empties; a buffer that had grown is let go. */
  wipe(): void {
    this.truncate(0)
    if (this.#buffer.length > 4096) this.#buffer = new Uint8Array(512)
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
    larger.set(this.view)
    this.#buffer.fill(0)
    this.#buffer = larger
  }
}

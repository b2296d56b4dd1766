/** A growing buffer with an upper bound: what does not fit is dropped, and `full` says so. */
export class OctetBuffer {
  #bytes = Buffer.allocUnsafe(4096)
  #length = 0
  #limit: number
  #full = false

  constructor(limit: number) {
    this.#limit = limit
  }

  /** True when something had to be dropped. */
  get full(): boolean {
    return this.#full
  }

  /** What was kept; valid until the next `append` or `reset`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Copies `chunk[from, to)`. */
  append(chunk: Uint8Array, from: number, to: number): void {
    const room = this.#limit - this.#length
    const end = Math.min(to, from + room)
    if (end < to) this.#full = true
    if (end <= from) return
    this.#reserve(this.#length + end - from)
    this.#bytes.set(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end), this.#length)
    this.#length += end - from
  }

  /** What was kept, for good; it is empty then, with the same limit less that. */
  take(): Buffer {
    const taken = this.bytes
    const roomy = taken.length < this.#bytes.length / 2
    if (!roomy) this.#bytes = Buffer.allocUnsafe(4096)
    this.reset(this.#limit - taken.length)
    return roomy ? Buffer.from(taken) : taken
  }

  /** Empties it, to be filled up to `limit` octets. */
  reset(limit: number): void {
    this.#length = 0
    this.#limit = Math.max(0, limit)
    this.#full = false
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(length, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

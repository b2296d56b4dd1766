/** As much of a `net.Socket` as the writer needs. */
export type ByteSink = {
  /** False when it holds more than it wants; `drain` follows. */
  write(chunk: Uint8Array): boolean
  once(event: "drain" | "close" | "error", listener: () => void): unknown
  off(event: "drain" | "close" | "error", listener: () => void): unknown
  readonly destroyed: boolean
  /** False again once `drain` was emitted. */
  readonly writableNeedDrain: boolean
}

/** The client went away while an answer was being written. */
export class PeerGone extends Error {
  constructor() {
    super("connection closed")
    this.name = "PeerGone"
  }
}

/** A literal had not the size that was announced; the stream is out of step and must be destroyed. */
export class LiteralMismatch extends Error {
  constructor(announced: number, written: number) {
    super(`literal of ${announced} octets got ${written}`)
    this.name = "LiteralMismatch"
  }
}

/** Octets from here on are handed over as they are; fewer are copied, which costs less than a write of their own. */
const largeBytes = 16_384

/** Room for a short answer. */
const leastSlab = 4_096

/**
 * Assembles responses and hands them to a connection in pieces of a useful size, so that a line made of
 * twenty parts is neither twenty writes nor twenty awaits. Under a slow reader what is held is bounded: one
 * piece here, and what `out` buffers; `literal` waits by itself, other callers look at `congested`.
 */
export class ResponseWriter {
  #out: ByteSink
  readonly #pieceBytes: number
  /** What was appended and not handed over yet: the octets [start, end). What was handed over is not written to again. */
  #slab: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  /** How large the last piece was: so large the next one is expected to be. */
  #lastPiece = 0
  #congested = false

  constructor(out: ByteSink, options: { pieceBytes?: number } = {}) {
    this.#out = out
    this.#pieceBytes = options.pieceBytes ?? 32_768
  }

  /** Writes to another sink from here on; what was collected goes to the old one. */
  redirect(out: ByteSink): void {
    this.flush()
    this.#out = out
  }

  /** True while the client is behind: `if (writer.congested) await writer.drained()` between responses. */
  get congested(): boolean {
    return this.#congested
  }

  /** Appends text, one octet per character (latin1). */
  text(text: string): this {
    this.#makeRoom(text.length)
    this.#end += this.#slab.write(text, this.#end, "latin1")
    return this.#appended()
  }

  /** Appends octets. They must not change until they are written. */
  bytes(bytes: Uint8Array): this {
    if (bytes.length >= largeBytes) {
      this.flush()
      this.#write(bytes)
      return this
    }
    this.#makeRoom(bytes.length)
    this.#slab.set(bytes, this.#end)
    this.#end += bytes.length
    return this.#appended()
  }

  #appended(): this {
    if (this.#end - this.#start >= this.#pieceBytes) this.flush()
    return this
  }

  #makeRoom(length: number): void {
    if (this.#slab.length - this.#end >= length) return
    const held = this.#end - this.#start
    const larger = Buffer.allocUnsafeSlow(Math.max(leastSlab, held * 2, held + length, this.#lastPiece + leastSlab))
    this.#slab.copy(larger, 0, this.#start, this.#end)
    this.#slab = larger
    this.#start = 0
    this.#end = held
  }

  /**
   * literal  = "{" number "}" CRLF *CHAR8        (RFC 3501 §9)
   * literal8 = "~{" number "}" CRLF *OCTET       (RFC 3516 §6, with `binary`)
   *
   * Waits whenever the client is behind, so that the source is read no faster than it is sent.
   *
   * @throws LiteralMismatch when the source does not give exactly `size` octets
   * @throws PeerGone when the connection closes meanwhile, and whatever the source throws
   */
  async literal(size: number, source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, binary = false): Promise<void> {
    this.text(`${binary ? "~" : ""}{${size}}\r\n`)
    let written = 0
    for await (const chunk of source) {
      written += chunk.length
      if (written > size) throw new LiteralMismatch(size, written)
      this.bytes(chunk)
      if (this.#congested) await this.drained()
    }
    if (written !== size) throw new LiteralMismatch(size, written)
  }

  /** As `literal`, of few octets that are there already, without waiting: it holds all of them. */
  shortLiteral(size: number, source: Iterable<Uint8Array>, binary = false): void {
    this.text(`${binary ? "~" : ""}{${size}}\r\n`)
    let written = 0
    for (const chunk of source) {
      written += chunk.length
      if (written > size) throw new LiteralMismatch(size, written)
      this.bytes(chunk)
    }
    if (written !== size) throw new LiteralMismatch(size, written)
  }

  /** Hands everything collected to the connection; does not wait. */
  flush(): void {
    if (this.#end === this.#start) return
    const piece = this.#slab.subarray(this.#start, this.#end)
    this.#lastPiece = Math.min(piece.length, this.#pieceBytes)
    this.#start = this.#end
    // A connection that waits for its next command keeps no more than a short answer needs.
    if (this.#slab.length > leastSlab) {
      this.#slab = Buffer.alloc(0)
      this.#start = 0
      this.#end = 0
    }
    this.#write(piece)
  }

  #write(piece: Uint8Array): void {
    if (!this.#out.destroyed) this.#congested = !this.#out.write(piece)
  }

  /** Flushes, then waits until the connection takes more. @throws PeerGone */
  async drained(): Promise<void> {
    this.flush()
    if (this.#out.destroyed) throw new PeerGone()
    if (!this.#congested) return
    if (this.#out.writableNeedDrain) await this.#drain()
    this.#congested = false
  }

  #drain(): Promise<void> {
    const out = this.#out
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => () => {
        out.off("drain", onDrain)
        out.off("close", onGone)
        out.off("error", onGone)
        then()
      }
      const onDrain = settle(resolve)
      const onGone = settle(() => reject(new PeerGone()))
      out.once("drain", onDrain)
      out.once("close", onGone)
      out.once("error", onGone)
    })
  }
}

import { latin1Bytes } from "./wire.ts"

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

/**
 * Assembles responses and hands them to a connection in pieces of a useful size, so that a line made of
 * twenty parts is neither twenty writes nor twenty awaits. Under a slow reader what is held is bounded: one
 * piece here, and what `out` buffers; `literal` waits by itself, other callers look at `congested`.
 */
export class ResponseWriter {
  #out: ByteSink
  readonly #pieceBytes: number
  #parts: Uint8Array[] = []
  #held = 0
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
    return this.bytes(latin1Bytes(text))
  }

  /** Appends octets; they are kept by reference until they are written. */
  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    this.#held += bytes.length
    if (this.#held >= this.#pieceBytes) this.flush()
    return this
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

  /** Hands everything collected to the connection; does not wait. */
  flush(): void {
    if (this.#held === 0) return
    const [first] = this.#parts
    const piece = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts)
    this.#parts = []
    this.#held = 0
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

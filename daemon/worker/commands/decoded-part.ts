import { type TransferDecoder, transferDecoder } from "../../message/transfer.ts"

/** Encoded octets between two marks. */
const markEvery = 1_048_576

/** Parts whose marks one connection keeps. */
const mostParts = 8

type Span = { start: number; end: number }
type Read = (offset: number, length: number) => Iterable<Uint8Array>

/** Where decoding can begin again: octets read and written up to here, and the decoder as it was then. */
type Mark = { read: number; written: number; decoder: TransferDecoder }

/**
 * A part without its transfer encoding. Nothing of it is kept but marks, so that a client which fetches it piece
 * by piece (RFC 3516 §4.2) does not have it decoded from the start for each of them.
 */
class DecodedPart {
  readonly #span: Span
  readonly #marks: Mark[]
  #size: number | null = null

  constructor(span: Span, encoding: string) {
    this.#span = span
    this.#marks = [{ read: 0, written: 0, decoder: transferDecoder(encoding) }]
  }

  /** Octets in all, once somebody read to the end. */
  get size(): number | null {
    return this.#size
  }

  /**
   * The decoded octets [offset, offset + length), as far as there are any. A piece for each piece that is read, be
   * it empty: much can be encoded before the first octet that is wanted, or decode to nothing, and whoever takes the
   * pieces has to give way meanwhile.
   */
  *pieces(read: Read, offset: number, length: number): Generator<Uint8Array> {
    const { start, end } = this.#span
    const mark = this.#markBefore(offset)
    const decoder = mark.decoder.fork()
    const at = { read: mark.read, written: mark.written }
    for (const encoded of read(start + at.read, end - start - at.read)) {
      const octets = decoder.write(encoded)
      yield overlap(octets, offset - at.written, length)
      at.read += encoded.length
      at.written += octets.length
      this.#mark(at, decoder)
      if (at.written >= offset + length) return
    }
    const last = decoder.end()
    this.#size = at.written + last.length
    yield overlap(last, offset - at.written, length)
  }

  #markBefore(offset: number): Mark {
    const found = this.#marks.findLast(({ written }) => written <= offset)
    if (found === undefined) throw new Error("the first mark is at the start")
    return found
  }

  #mark({ read, written }: { read: number; written: number }, decoder: TransferDecoder): void {
    const last = this.#marks.at(-1)?.read ?? 0
    if (read >= last + markEvery) this.#marks.push({ read, written, decoder: decoder.fork() })
  }
}

/** The octets [offset, offset + length) of these, where `offset` may be negative: then they begin later. */
function overlap(octets: Uint8Array, offset: number, length: number): Uint8Array {
  return octets.subarray(Math.max(0, offset), Math.max(0, offset + length))
}

/** The parts that a connection decoded last. */
export class DecodedParts {
  readonly #parts = new Map<string, DecodedPart>()

  /** `emailId` names the octets for all time (RFC 8474 §5.1), which a row of the database does not. */
  part(emailId: string, span: Span, encoding: string): DecodedPart {
    const key = `${emailId} ${span.start} ${span.end} ${encoding}`
    const part = this.#parts.get(key) ?? new DecodedPart(span, encoding)
    this.#parts.delete(key)
    this.#parts.set(key, part)
    for (const oldest of this.#parts.keys()) if (this.#parts.size > mostParts) this.#parts.delete(oldest)
    return part
  }
}

import type { Connection } from "./connection.ts"
import { pack, unpack } from "./packing.ts"
import type { Query } from "./query.ts"
import { StoreError } from "./types.ts"

/** Octets in a piece at most: what one read or write holds in memory. */
export const pieceBytes = 262_144

/** A piece's row id is content * 2^20 + number. Content ids stay below 2^33, so it is an exact number. */
const numbersPerContent = 1_048_576

/** Octets and the text beside them. */
const maxFrameBytes = 2 * pieceBytes

const nothing = new Uint8Array(0)

/** Octets of one content: `number` gives the order of pieces, `offset` where they stand in the message. */
export type NumberedPiece = { number: number; offset: number; bytes: Uint8Array }

/** Decoded text, UTF-8, which may be stored beside the octets it was decoded from. */
export type Texts = { header: Uint8Array; body: Uint8Array }

/** Which texts are beside their octets: the header's in piece 0, the body's in piece 1. */
export type Beside = { header: boolean; body: boolean }

type Piece = { id: number; offset: number; length: number; packing: number; bytes: Uint8Array }
type Place = { id: number; offset: number; length: number }

/** Statements on `piece`: the exact octets of contents. */
export class Pieces {
  readonly #insert: Query<[id: number, offset: number, length: number, packing: number, bytes: Uint8Array], unknown>
  readonly #two: Query<[from: number, to: number], Piece>
  readonly #places: Query<[from: number, to: number, end: number, start: number], Place>
  readonly #one: Query<[id: number], Piece>
  readonly #removeLast: Query<[from: number, to: number, most: number], unknown>
  readonly #removeOne: Query<[id: number], unknown>

  constructor(connection: Connection) {
    this.#insert = connection.prepare("INSERT INTO piece (id, offset, length, packing, bytes) VALUES (?, ?, ?, ?, ?)")
    this.#two = connection.prepare(
      "SELECT id, offset, length, packing, bytes FROM piece WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 2",
    )
    this.#places = connection.prepare(
      "SELECT id, offset, length FROM piece WHERE id BETWEEN ? AND ? AND offset < ? AND offset + length > ? ORDER BY id",
    )
    this.#one = connection.prepare("SELECT id, offset, length, packing, bytes FROM piece WHERE id = ?")
    this.#removeLast = connection.prepare(
      "DELETE FROM piece WHERE id IN (SELECT id FROM piece WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?)",
    )
    this.#removeOne = connection.prepare("DELETE FROM piece WHERE id = ?")
  }

  /** Number 0 is for a header by itself; other octets begin with number 1. `beside` is stored behind them. */
  write(content: number, { number, offset, bytes }: NumberedPiece, beside: Uint8Array = nothing): void {
    if (bytes.length === 0) return
    const packed = pack(beside.length === 0 ? bytes : Buffer.concat([bytes, beside]))
    this.#insert.run(content * numbersPerContent + number, offset, bytes.length, packed.packing, packed.bytes)
  }

  /** A whole message: its header as number 0 where it fits one piece, then the rest. */
  writeAll(content: number, bytes: Uint8Array, headerSize: number, texts: Texts): Beside {
    const start = headerSize < bytes.length && headerSize <= pieceBytes ? headerSize : 0
    const header = start > 0 && texts.header.length <= pieceBytes
    const body = start < bytes.length && bytes.length - start <= pieceBytes && texts.body.length <= pieceBytes
    this.write(content, { number: 0, offset: 0, bytes: bytes.subarray(0, start) }, header ? texts.header : nothing)
    let number = 1
    for (let offset = start; offset < bytes.length; offset += pieceBytes) {
      const octets = bytes.subarray(offset, offset + pieceBytes)
      this.write(content, { number: number++, offset, bytes: octets }, body ? texts.body : nothing)
    }
    return { header, body }
  }

  /** Makes the header of a content that was written from number 1 a piece by itself. */
  splitHeader(content: number, headerSize: number, headerText: Uint8Array): Beside {
    const first = this.#piece(content, 1)
    if (headerSize === 0 || headerSize >= first.length) return { header: false, body: false }
    const bytes = octetsOf(first)
    const header = headerText.length <= pieceBytes
    this.#removeOne.run(first.id)
    this.write(content, { number: 0, offset: 0, bytes: bytes.subarray(0, headerSize) }, header ? headerText : nothing)
    this.write(content, { number: 1, offset: headerSize, bytes: bytes.subarray(headerSize) })
    return { header, body: false }
  }

  /** What is stored behind the octets of this piece. */
  beside(content: number, number: number): Uint8Array {
    const piece = this.#piece(content, number)
    return unpack(piece, maxFrameBytes).subarray(piece.length)
  }

  /** A header that is a piece by itself, which it is where it is small; null otherwise. */
  header(content: number): Uint8Array | null {
    const piece = this.#one.get(content * numbersPerContent)
    return piece === undefined ? null : octetsOf(piece)
  }

  /**
   * A whole message of at most two pieces, which one statement reads; `read` does the same for any message, with
   * a statement per piece and one before.
   *
   * @throws StoreError `no-such-message`, `damaged`
   */
  whole(content: number, size: number): Uint8Array[] {
    const from = content * numbersPerContent
    const pieces = this.#two.all(from, from + numbersPerContent - 1)
    if (pieces.length === 0 && size > 0) throw new StoreError("no-such-message")
    if (pieces.reduce((sum, { length }) => sum + length, 0) !== size)
      throw new StoreError("damaged", "pieces are missing")
    return pieces.map(octetsOf)
  }

  /** Octets [offset, offset + length) as far as there are any; only rows that hold some of them are read, one at a time. */
  *read(content: number, offset: number, length: number): Generator<Uint8Array> {
    const end = offset + length
    const from = content * numbersPerContent
    for (const place of this.#places.all(from, from + numbersPerContent - 1, end, offset)) {
      const piece = this.#piece(content, place.id - from)
      yield octetsOf(piece).subarray(Math.max(0, offset - piece.offset), Math.min(piece.length, end - piece.offset))
    }
  }

  /** Removes so many, from the end. Returns how many there were. */
  removeLast(content: number, most: number): number {
    const from = content * numbersPerContent
    return this.#removeLast.run(from, from + numbersPerContent - 1, most).changes
  }

  /** It can be gone: another connection may expunge between two pieces, unless the reader holds the content. */
  #piece(content: number, number: number): Piece {
    const piece = this.#one.get(content * numbersPerContent + number)
    if (piece === undefined) throw new StoreError("no-such-message")
    return piece
  }
}

function octetsOf(piece: Piece): Uint8Array {
  const bytes = unpack(piece, maxFrameBytes)
  if (bytes.length < piece.length) throw new StoreError("damaged", "a piece that is too short")
  return bytes.subarray(0, piece.length)
}

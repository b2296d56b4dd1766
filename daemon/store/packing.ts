import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { StoreError } from "./types.ts"

/** How bytes lie in a row: 0 as they are, 1 as one zstd frame. */
export type Packed = { packing: number; bytes: Uint8Array }

const asIs = 0
const zstd = 1

/** Below this, a frame saves nothing that a page would notice. */
const leastBytes = 256

/** Level 3: on mail, 6 takes twice the time for 3 % less. */
const parameters = { [constants.ZSTD_c_compressionLevel]: 3 }

/** Compressed where that saves at least an eighth: base64 and text do, JPEG and ZIP do not. */
export function pack(bytes: Uint8Array): Packed {
  if (bytes.length < leastBytes) return { packing: asIs, bytes }
  const frame = zstdCompressSync(bytes, { pledgedSrcSize: bytes.length, params: parameters })
  return frame.length < bytes.length - (bytes.length >> 3) ? { packing: zstd, bytes: frame } : { packing: asIs, bytes }
}

/** @throws StoreError `damaged` when the frame cannot be read, or holds more than `maxBytes` */
export function unpack({ packing, bytes }: Packed, maxBytes: number): Uint8Array {
  if (packing === asIs) return bytes
  if (packing !== zstd) throw new StoreError("damaged", `packing ${packing}`)
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: maxBytes })
  } catch (cause) {
    throw new StoreError("damaged", "a compressed row", { cause })
  }
}

/** The bound is only against a damaged frame; the parser's own limits are far below it. */
const maxTextBytes = 256 * 1024 * 1024

/** Text, stored as UTF-8. */
export function unpackText(packed: Packed): string {
  return textOf(unpack(packed, maxTextBytes))
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
}

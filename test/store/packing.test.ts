import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import test from "node:test"
import { constants, zstdCompressSync } from "node:zlib"
import { pack, unpack } from "../../daemon/store/packing.ts"
import { StoreError } from "../../daemon/store/types.ts"

const asIs = 0
const zstd = 1
const deflate = 3

const chosen: [what: string, bytes: Buffer, packing: number][] = [
  ["nothing", Buffer.alloc(0), asIs],
  ["255 octets of text", text(255), asIs],
  ["256 octets of text", text(256), deflate],
  ["8,192 octets of text", text(8_192), deflate],
  ["8,193 octets of text", text(8_193), zstd],
  ["a whole piece of text", text(262_144), zstd],
  ["a piece and the text beside it", text(524_288), zstd],
  ["4,000 octets without order", randomBytes(4_000), asIs],
  ["a piece without order", randomBytes(262_144), asIs],
]
for (const [what, bytes, packing] of chosen) {
  test(`${what}: packing ${packing}, and back`, () => {
    const packed = pack(bytes)
    assert.equal(packed.packing, packing)
    assert.deepEqual(Buffer.from(unpack(packed, 1_000_000)), bytes)
  })
}

test("zstd frames with other headers than ours are read, small ones too", () => {
  for (const size of [1, 300, 5_000, 70_000, 600_000]) {
    for (const pledged of [true, false]) {
      const bytes = zstdCompressSync(text(size), {
        ...(pledged ? { pledgedSrcSize: size } : {}),
        params: { [constants.ZSTD_c_checksumFlag]: pledged ? 0 : 1 },
      })
      assert.deepEqual(Buffer.from(unpack({ packing: zstd, bytes }, 1_000_000)), text(size))
    }
  }
})

const damaged: [what: string, packing: number, damage: (bytes: Uint8Array) => Uint8Array][] = [
  ["DEFLATE that ends early", deflate, (bytes) => bytes.subarray(0, bytes.length - 8)],
  ["DEFLATE that is none", deflate, (bytes) => Buffer.alloc(bytes.length, 0xff)],
  ["a frame that ends early", zstd, (bytes) => bytes.subarray(0, bytes.length - 8)],
  ["a frame of four octets", zstd, (bytes) => bytes.subarray(0, 4)],
  ["no frame", zstd, (bytes) => Buffer.alloc(bytes.length)],
  ["a packing that nobody knows", 7, (bytes) => bytes],
]
for (const [what, packing, damage] of damaged) {
  test(`${what} is damage`, () => {
    const { bytes } = pack(text(packing === deflate ? 5_000 : 20_000))
    assert.throws(() => unpack({ packing, bytes: damage(bytes) }, 1_000_000), isDamage)
  })
}

test("more octets than there may be are damage", () => {
  for (const size of [5_000, 20_000]) {
    assert.throws(() => unpack(pack(text(size)), size - 1), isDamage)
    assert.equal(unpack(pack(text(size)), size).length, size)
  }
})

function isDamage(error: unknown): boolean {
  return error instanceof StoreError && error.fault === "damaged"
}

function text(size: number): Buffer {
  return Buffer.from("All that arrives is stored, and no two lines are alike: ".repeat(size / 56 + 1).slice(0, size))
}

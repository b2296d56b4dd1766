import assert from "node:assert/strict"
import { createHmac, hkdfSync } from "node:crypto"
import { test } from "node:test"
import fc from "fast-check"
import { hkdf, hmac } from "../../daemon/keys/hkdf.ts"

test("RFC 5869, test case 1, its first 32 octets", () => {
  const salt = Buffer.from("000102030405060708090a0b0c", "hex")
  const info = Buffer.from("f0f1f2f3f4f5f6f7f8f9", "hex").toString("latin1")
  const expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
  assert.equal(hkdf(Buffer.alloc(22, 0x0b), salt, info).toString("hex"), expected)
})

test("the same as Node's, for any input", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 40, unit: "binary-ascii" }),
      (secret, salt, info) => {
        assert.deepEqual(hkdf(secret, salt, info), Buffer.from(hkdfSync("sha256", secret, salt, info, 32)))
        assert.deepEqual(hmac(salt, secret, secret), createHmac("sha256", salt).update(secret).update(secret).digest())
      },
    ),
  )
})

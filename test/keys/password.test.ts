import assert from "node:assert/strict"
import test from "node:test"
import fc from "fast-check"
import { opaqueString, PasswordRefused } from "../../daemon/keys/password.ts"

const accepted: [input: string, normalised: string, why: string][] = [
  ["correct horse", "correct horse", "ASCII stays as it is, spaces included"],
  ["Correct Horse", "Correct Horse", "case is kept"],
  ["\u00a0x\u3000y", " x y", "non-ASCII spaces become U+0020 (RFC 8265 §4.2.2)"],
  ["e\u0301te\u0301", "\u00e9t\u00e9", "a combining mark joins the ASCII letter before it"],
  ["\u00e9", "\u00e9", "composed stays composed"],
  ["πß\u00e5", "πß\u00e5", "no case folding"],
  ["Jack of \u2666s", "Jack of \u2666s", "symbols are admitted"],
  ["a\u0301\u0323b", "\u1ea1\u0301b", "marks are put into canonical order"],
  ["\u{1f600}", "\u{1f600}", "so are symbols beyond the BMP"],
  ["\uff21", "\uff21", "width is kept"],
]
for (const [input, normalised, why] of accepted) {
  test(`OpaqueString: ${why}`, () => assert.equal(opaqueString(Buffer.from(input)).toString(), normalised))
}

const refused: [input: Uint8Array, why: RegExp][] = [
  [Buffer.from(""), /empty/],
  [Buffer.from("a\tb"), /control/],
  [Buffer.from("a\x7f"), /control/],
  [Buffer.from("a\u0085b"), /control/],
  [Buffer.from("a\u200bb"), /invisible/],
  [Buffer.from("\u{e000}"), /invisible|unassigned/],
  [Uint8Array.of(0x61, 0xff), /UTF-8/],
  [Uint8Array.of(0xc0, 0x80), /UTF-8/],
  [Uint8Array.of(0xed, 0xa0, 0x80), /UTF-8/],
]
for (const [input, why] of refused) {
  test(`OpaqueString refuses ${Buffer.from(input).toString("hex")}`, () => {
    assert.throws(
      () => opaqueString(input),
      (error) => error instanceof PasswordRefused && why.test(error.message),
    )
  })
}

test("what is admitted is what String.normalize says, and is stable", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), (text) => {
      let normal: Buffer
      try {
        normal = opaqueString(Buffer.from(text))
      } catch (error) {
        return error instanceof PasswordRefused
      }
      assert.equal(normal.toString(), text.replace(/\p{Zs}/gu, " ").normalize("NFC"))
      assert.deepEqual(opaqueString(normal), normal)
      return true
    }),
  )
})

test("any octets: normalised or refused, never anything else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
      try {
        return opaqueString(octets).length > 0
      } catch (error) {
        return error instanceof PasswordRefused
      }
    }),
  )
})

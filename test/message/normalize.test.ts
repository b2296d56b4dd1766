import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { foldForSearch } from "../../daemon/message/normalize.ts"

const folds: [text: string, folded: string][] = [
  ["Hello", "hello"],
  ["Crème Brûlée", "creme brulee"],
  ["cafe\u0301", "cafe"],
  ["STRASSE Straße ẞ", "strasse strasse ss"],
  ["İstanbul DIYARBAKIR ılık", "istanbul diyarbakir ilik"],
  ["ΟΔΟΣ οδός", "οδοσ οδοσ"],
  ["ﬁne ① Ｆｕｌｌ", "fine 1 full"],
  ["Łódź Ærø Đ", "lodz aero d"],
  ["Ёлка Йод", "елка иод"],
  ["מָזֵל", "מזל"],
  ["हिन्दी", "हिन्दी"], // vowel signs are letters
  ["soft\u00adhyphen\ufeff", "softhyphen"],
  ["a\u00a0b", "a b"],
]
for (const [text, folded] of folds) test(`fold of ${text}`, () => assert.equal(foldForSearch(text), folded))

test("folding twice changes nothing, and a character folds alike wherever it stands", () => {
  for (let code = 0; code < 0x20000; code++) {
    const text = String.fromCodePoint(code)
    const folded = foldForSearch(text)
    if (foldForSearch(folded) !== folded || !foldForSearch(`x${text}y`).includes(folded))
      assert.fail(`U+${code.toString(16)}`)
  }
})

test("folding is idempotent on any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => foldForSearch(foldForSearch(text)) === foldForSearch(text)),
    { numRuns: 300 },
  )
})

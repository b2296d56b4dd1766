import assert from "node:assert/strict"
import { test } from "node:test"
import { TextDecoder } from "node:util"
import { charsetLabels } from "../../daemon/message/charset-labels.ts"

function isKnown(label: string): boolean {
  try {
    return new TextDecoder(label) !== null
  } catch {
    return false
  }
}

test("every name in the list can be decoded", () => {
  assert.deepEqual(
    [...charsetLabels].filter((label) => !isKnown(label)),
    [],
  )
})

test("every name like those in the list that can be decoded is in it", () => {
  const stems = [
    "iso-8859-",
    "iso8859-",
    "iso8859",
    "iso_8859-",
    "windows-",
    "x-cp",
    "cp",
    "ibm",
    "koi8-",
    "x-mac-",
    "l",
  ]
  const ends = ["r", "u", "ru", "roman", "cyrillic", "ukrainian", "8-i", "8-e", "6-i", "6-e"]
  const numbers = [...Array(20).keys(), ...Array.from({ length: 1100 }, (_, n) => 800 + n)].map(String)
  const names = stems.flatMap((stem) => [...numbers, ...ends].map((end) => stem + end))
  assert.deepEqual(
    names.filter((name) => isKnown(name) !== charsetLabels.has(name)),
    [],
  )
})

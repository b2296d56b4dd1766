/**
 * Marks that searching ignores: diacritics of Latin, Greek, Cyrillic; points of Hebrew and Arabic; and what
 * cannot be seen (soft hyphen, zero-width space, word joiner, BOM). The vowel signs of Indic and South-East
 * Asian scripts are combining marks too, but they are letters to their readers, so they stay.
 */
const ignored = new RegExp(
  `[${[
    "\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f", // diacritics of all scripts
    "\\u0483-\\u0489\\u2de0-\\u2dff", // Cyrillic
    "\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u05c4\\u05c5\\u05c7", // Hebrew points
    "\\u0610-\\u061a\\u064b-\\u065f\\u0670\\u06d6-\\u06dc\\u06df-\\u06e4\\u06e7\\u06e8\\u06ea-\\u06ed", // Arabic
    "\\u00ad\\u200b\\u2060\\ufeff", // invisible
  ].join("")}]`,
  "g",
)

/** Letters without decomposition that people type as plain ones. */
const plain: Record<string, string> = { ø: "o", đ: "d", ł: "l", ħ: "h", ŧ: "t", ı: "i", æ: "ae", œ: "oe", ς: "σ" }
const special = /[øđłħŧıæœς]/g

const beyondAscii = /[^\0-\x7f]/

/**
 * The form in which text is compared for SEARCH, the same for index and scan: compatibility decomposition
 * (NFKD), diacritics removed, case folded without regard to a locale (ß is ss, İ and ı are i, ς is σ).
 * Idempotent; a substring's fold lies in the fold of the text it was cut from (at character boundaries).
 */
export function foldForSearch(text: string): string {
  if (!beyondAscii.test(text)) return text.toLowerCase()
  const cased = strip(text).toLowerCase().toUpperCase().toLowerCase()
  return strip(cased).replace(special, (letter) => plain[letter] ?? letter)
}

function strip(text: string): string {
  return text.normalize("NFKD").replace(ignored, "")
}

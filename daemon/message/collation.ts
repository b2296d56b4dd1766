/** Characters whose title case is neither their upper case nor themselves: the digraphs of UnicodeData.txt. */
const titleCase = new Map(
  ["\u01c4\u01c5\u01c6", "\u01c7\u01c8\u01c9", "\u01ca\u01cb\u01cc", "\u01f1\u01f2\u01f3"].flatMap((family) =>
    [...family].map((letter): [string, string] => [letter, family.charAt(1)]),
  ),
)

const beyondAscii = /[^\0-\x7f]/

/**
 * What i;unicode-casemap (RFC 5051 §2) compares: each character in its simple title case, decomposed. Two texts
 * are equal in that collation when their keys are; `compareKeys` orders keys.
 */
export function collationKey(text: string): string {
  if (!beyondAscii.test(text)) return text.toUpperCase()
  return Array.from(text, titled).join("").normalize("NFKD")
}

/** The simple mapping is one character to one; what grows with its case (ß) stays as it is. */
function titled(letter: string): string {
  const known = titleCase.get(letter)
  if (known !== undefined) return known
  const upper = letter.toUpperCase()
  return upper.length === letter.length ? upper : letter
}

/** Order of the octets in UTF-8, which is that of the code points (RFC 5051 §2, last step). */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Halves of a pair stand for characters above all that have one unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/**
 * Characters of a key, and of what it is made of, that SORT and THREAD look at. Mailboxes keep so much of each base
 * subject: another number is another version of their schema.
 */
export const comparedCharacters = 500

/**
 * A key of the beginning of a text: senders write texts of any length, some of which become many times as long when
 * they are decomposed, and the keys of all messages are kept at once.
 */
export function boundedKey(text: string): string {
  return beginning(collationKey(beginning(text)))
}

/** A copy: a part of a text in V8 would keep all of it. */
function beginning(text: string): string {
  if (text.length <= comparedCharacters) return text
  return Buffer.from(text.slice(0, comparedCharacters), "utf16le").toString("utf16le")
}

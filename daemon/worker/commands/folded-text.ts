import { foldForSearch } from "../../message/normalize.ts"
import type { Pace } from "../pace.ts"

/**
 * Characters that are folded, or looked through, at one go. Looking for a text that almost repeats itself takes
 * time by its length for each of them, so both have a limit.
 */
const pieceCharacters = 16_384

/** A cut is made before one of these, as far as there is one among so many: no accent belongs to what is before it. */
const lookBack = 256

/** Text as SEARCH compares it, in pieces that follow one another. */
export type FoldedText = readonly string[]

/** Folds piece by piece; at once where that is quick. @throws ClientGone */
export function folded(text: string, pace: Pace): FoldedText | Promise<FoldedText> {
  if (text.length <= pieceCharacters) return [foldForSearch(text)]
  return foldedSlowly(text, pace)
}

async function foldedSlowly(text: string, pace: Pace): Promise<FoldedText> {
  const pieces: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = cut(text, at + pieceCharacters)
    pieces.push(foldForSearch(text.slice(at, end)))
    at = end
    if (pace.due) await pace.rest()
  }
  return pieces
}

/** Where to cut near here: before an ASCII character, or at least not within a character. */
function cut(text: string, near: number): number {
  if (near >= text.length) return text.length
  for (let at = near; at > near - lookBack; at -= 1) if (text.charCodeAt(at) < 0x80) return at
  const unit = text.charCodeAt(near)
  return unit >= 0xdc00 && unit <= 0xdfff ? near - 1 : near
}

/** Whether `wanted`, which is folded, is in the text; gives way meanwhile when it takes long. @throws ClientGone */
export function contains(text: FoldedText, wanted: string, pace: Pace): boolean | Promise<boolean> {
  for (let at = 0; at < text.length; at += 1) {
    if (at > 0 && pace.due) return containsFrom(text, at, wanted, pace)
    if (isAt(text, at, wanted)) return true
  }
  return wanted === ""
}

async function containsFrom(text: FoldedText, from: number, wanted: string, pace: Pace): Promise<boolean> {
  for (let at = from; at < text.length; at += 1) {
    if (pace.due) await pace.rest()
    if (isAt(text, at, wanted)) return true
  }
  return false
}

/** In this piece, or from those before into it. */
function isAt(text: FoldedText, at: number, wanted: string): boolean {
  let before = ""
  for (let back = at - 1; back >= 0 && before.length < wanted.length - 1; back -= 1) {
    before = (text[back] ?? "") + before
  }
  const overlap = Math.min(before.length, Math.max(0, wanted.length - 1))
  return (before.slice(before.length - overlap) + (text[at] ?? "")).includes(wanted)
}

/** Whether one of these texts, folded already, contains it. @throws ClientGone */
export function someContain(texts: readonly string[], wanted: string, pace: Pace): boolean | Promise<boolean> {
  if (texts.every(({ length }) => length <= pieceCharacters) && texts.length < 64) {
    return texts.some((text) => text.includes(wanted))
  }
  return someContainSlowly(texts, wanted, pace)
}

async function someContainSlowly(texts: readonly string[], wanted: string, pace: Pace): Promise<boolean> {
  for (const text of texts) {
    if (pace.due) await pace.rest()
    if (await contains(slices(text), wanted, pace)) return true
  }
  return false
}

function slices(text: string): FoldedText {
  const count = Math.max(1, Math.ceil(text.length / pieceCharacters))
  return Array.from({ length: count }, (_, index) => text.slice(index * pieceCharacters, (index + 1) * pieceCharacters))
}

import type { Part } from "./types.ts"

/** Octets [start, end) of a stored message. */
export type Span = { start: number; end: number }

/**
 * The part with this number (RFC 3501 §6.4.5), or null. "Non-multipart messages, and non-multipart
 * encapsulated messages, have only a part 1". No numbers at all is the message itself.
 */
export function partAt(root: Part, numbers: readonly number[]): Part | null {
  let part: Part | null = root
  let container: Part | null = root
  for (const number of numbers) {
    part = container === null ? null : childOf(container, number)
    if (part === null) return null
    container = containerIn(part)
  }
  return part
}

/**
 * Which octets a section of BODY[…] names: with part numbers ALL is the body and MIME the header of that
 * part; HEADER and TEXT are those of the message, or of the message/rfc822 with that number. Null if there
 * is no such thing.
 */
export function sectionSpan(
  root: Part,
  numbers: readonly number[],
  what: "ALL" | "HEADER" | "TEXT" | "MIME",
): Span | null {
  const part = partAt(root, numbers)
  if (part === null) return null
  const isMessage = numbers.length === 0
  if (what === "ALL") return { start: isMessage ? part.headerStart : part.bodyStart, end: part.end }
  if (what === "MIME") return isMessage ? null : headerOf(part)
  const message = isMessage ? part : (part.message?.root ?? null)
  if (message === null) return null
  return what === "HEADER" ? headerOf(message) : { start: message.bodyStart, end: message.end }
}

function headerOf(part: Part): Span {
  return { start: part.headerStart, end: part.bodyStart }
}

function childOf(container: Part, number: number): Part | null {
  if (container.children.length > 0) return container.children[number - 1] ?? null
  return number === 1 ? container : null
}

/** What the next number counts in: a multipart's parts, or those of the message inside. */
function containerIn(part: Part): Part | null {
  if (part.message !== null) return part.message.root
  return part.children.length > 0 ? part : null
}

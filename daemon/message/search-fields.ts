import { addressText, parseAddresses } from "./address.ts"
import { decodeWords } from "./encoded-words.ts"
import { valuesOf } from "./fields.ts"
import { foldForSearch } from "./normalize.ts"
import type { ByteString } from "./types.ts"

/** The fields that SEARCH has keys of their own for (RFC 3501 §6.4.4). */
export const searchFieldNames = ["from", "to", "cc", "bcc", "subject"] as const
export type SearchFieldName = (typeof searchFieldNames)[number]

/** Of each field the lines that `searchLines` makes of its values; null where the header has none. */
export type SearchFields = Record<SearchFieldName, string | null>

/** Fields with more octets than this together are left to those who read the header. */
const maxOctets = 65_536

const wanted: ReadonlySet<string> = new Set(searchFieldNames)

/**
 * What SEARCH compares with one value of a field, decoded and folded. Of addresses both what stands "in the
 * envelope structure's FROM field" (RFC 3501 §6.4.4), where quoting and comments are gone, and the field as it
 * was sent, which is what people copy from elsewhere.
 */
export function searchLines(name: SearchFieldName, value: ByteString): string[] {
  const texts = name === "subject" ? [value] : [value, ...parseAddresses(value).map(addressText)]
  return [...new Set(texts.map((text) => foldForSearch(decodeWords(text))))]
}

/** What is kept of a header for these searches; null when it is too much to keep beside the header, or to look at now. */
export function searchFields(header: ByteString): SearchFields | null {
  const values = valuesOf(header, wanted)
  const octets = [...values.values()].flat().reduce((sum, value) => sum + value.length, 0)
  if (octets > maxOctets) return null
  const lines = (name: SearchFieldName) =>
    values
      .get(name)
      ?.flatMap((value) => searchLines(name, value))
      .join("\n") ?? null
  return { from: lines("from"), to: lines("to"), cc: lines("cc"), bcc: lines("bcc"), subject: lines("subject") }
}

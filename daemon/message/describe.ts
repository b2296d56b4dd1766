import { parseContentType, parseDisposition, parseEncoding, parseLanguages } from "./parameters.ts"
import type { ByteString, Part } from "./types.ts"

/** Fields that describe a part (RFC 2045 §3, RFC 2183, RFC 2557, RFC 3282), in lower case. */
export const describingFields = [
  "content-type",
  "content-transfer-encoding",
  "content-id",
  "content-description",
  "content-md5",
  "content-disposition",
  "content-language",
  "content-location",
]

/** A part that nothing is known of yet: text/plain; charset=us-ascii, 7bit (RFC 2045 §5.2, §6.1). */
export function plainPart(headerStart: number): Part {
  return {
    headerStart,
    bodyStart: headerStart,
    end: headerStart,
    lines: 0,
    type: "text",
    subtype: "plain",
    parameters: [["charset", "us-ascii"]],
    id: null,
    description: null,
    encoding: "7bit",
    md5: null,
    disposition: null,
    language: [],
    location: null,
    children: [],
    message: null,
  }
}

/** Fills in what the header says; the first of repeated fields counts. `inDigest`: message/rfc822 is the default (RFC 2046 §5.1.5). */
export function describe(part: Part, values: Map<string, ByteString[]>, inDigest: boolean): void {
  const first = (name: string) => values.get(name)?.[0] ?? null
  const type = first("content-type")
  if (type !== null) Object.assign(part, parseContentType(type))
  else if (inDigest) Object.assign(part, { type: "message", subtype: "rfc822", parameters: [] })
  part.encoding = parseEncoding(first("content-transfer-encoding") ?? "")
  part.id = first("content-id")
  part.description = first("content-description")
  part.md5 = first("content-md5")
  part.disposition = parseDisposition(first("content-disposition") ?? "")
  part.language = parseLanguages(first("content-language") ?? "")
  part.location = first("content-location")
}

export function isMultipart(part: Part): boolean {
  return part.type.toLowerCase() === "multipart"
}

/** message/rfc822 and message/global (RFC 6532 §3.7). */
export function isMessage(part: Part): boolean {
  const subtype = part.subtype.toLowerCase()
  return part.type.toLowerCase() === "message" && (subtype === "rfc822" || subtype === "global")
}

export function isText(part: Part): boolean {
  return part.type.toLowerCase() === "text"
}

/** False for an encoding that RFC 2046 §5.2.1 forbids for a message: there is nothing readable to be nested. */
export function isReadableAsIs(part: Part): boolean {
  const encoding = part.encoding.toLowerCase()
  return encoding !== "base64" && encoding !== "quoted-printable"
}

/**
 * A multipart or message that is not opened becomes application/octet-stream: BODYSTRUCTURE has no form for a
 * multipart without parts or a message/rfc822 without envelope (RFC 3501 §9, body-type-mpart, body-type-msg).
 */
export function makeOpaque(part: Part): void {
  part.type = "application"
  part.subtype = "octet-stream"
}

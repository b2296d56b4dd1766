import type { SearchFields } from "./search-fields.ts"

/**
 * What a message is made of (RFC 5322, RFC 2045-2047, RFC 2231), as far as IMAP needs to know.
 *
 * A `ByteString` is a string in which each character is one octet of the message (latin1): headers are
 * octets until somebody decodes them, and IMAP returns them undecoded.
 */
export type ByteString = string

/** RFC 3501 §7.4.2: the four fields of an address. A group starts with host NIL and mailbox = group name, and ends with both NIL. */
export type Address = {
  name: ByteString | null
  route: ByteString | null
  mailbox: ByteString | null
  host: ByteString | null
}

/** RFC 3501 §7.4.2 ENVELOPE. Empty lists stand for NIL. `sender` and `replyTo` already default to `from`. */
export type Envelope = {
  date: ByteString | null
  subject: ByteString | null
  from: Address[]
  sender: Address[]
  replyTo: Address[]
  to: Address[]
  cc: Address[]
  bcc: Address[]
  inReplyTo: ByteString | null
  messageId: ByteString | null
}

export type Parameter = [name: ByteString, value: ByteString]

/** One node of the MIME tree. Offsets are octets from the start of the message. */
export type Part = {
  /** First octet of this part's header; `headerStart === bodyStart` when there is no header at all. */
  headerStart: number
  /** First octet after the empty line that ends the header. */
  bodyStart: number
  /** One past the last octet of the body (the CRLF before a boundary belongs to the boundary, RFC 2046 §5.1.1). */
  end: number
  /** Lines in the body, as BODYSTRUCTURE counts them. */
  lines: number
  /** As written, "text"/"plain" by default (RFC 2045 §5.2); inside multipart/digest message/rfc822. */
  type: ByteString
  subtype: ByteString
  parameters: Parameter[]
  id: ByteString | null
  description: ByteString | null
  /** Content-Transfer-Encoding as written, "7bit" by default. */
  encoding: ByteString
  md5: ByteString | null
  disposition: { type: ByteString; parameters: Parameter[] } | null
  language: ByteString[]
  location: ByteString | null
  /** Children of a multipart (never empty when type is multipart and this array is used). */
  children: Part[]
  /** The message inside message/rfc822 (and message/global), else null. */
  message: { envelope: Envelope; root: Part } | null
}

export type ParsedMessage = {
  /** Octets in all: RFC822.SIZE. */
  size: number
  root: Part
  envelope: Envelope
  /** The header block with the empty line that ends it, exact octets. */
  header: Uint8Array
  /** Date header as ms since the epoch, or null when it cannot be read (for SENTBEFORE/SENTON/SENTSINCE: the date as written, time zone disregarded, RFC 3501 §6.4.4). */
  sentAt: number | null
  /** The calendar day written in Date, as days since the epoch without regard to the time zone, or null. */
  sentDay: number | null
  /** Message-ID, first, without white space; null if none. */
  messageId: ByteString | null
  /** Message-IDs of References, or of In-Reply-To where there is none (RFC 5256 §3). */
  references: ByteString[]
  /** Decoded subject (RFC 2047) and its base subject (RFC 5256 §2.1). */
  subject: string
  baseSubject: string
  /** Decoded header fields, one per line "Name: value", for TEXT search. */
  headerText: string
  /** For SEARCH by field; null when they are too long, or the header was. */
  searchFields: SearchFields | null
  /** Exact octets of the fields that clients list messages by, see `listedFields`; null when they are too long, or the header was. */
  listedFields: Uint8Array | null
  /** Decoded text of all text/* parts (HTML to text), then names of attachments, for BODY and TEXT search. */
  bodyText: string
  /** False when `bodyText` was cut at the parser's limit. */
  bodyTextComplete: boolean
  /** Up to 200 characters of readable text (RFC 8970). */
  preview: string
}

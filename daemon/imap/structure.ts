import type { Address, ByteString, Envelope, Parameter, Part } from "../message/types.ts"
import { latin1Bytes, stringText } from "./wire.ts"

/**
 * ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 §7.4.2 and §9), well formed whatever the message was like.
 * Values come out of headers that were unfolded; a CR, LF or NUL that is still in one becomes a space, so
 * that no line of an answer is broken by what somebody mailed.
 */

/** Collects a text of octets, so that a tree of any depth is written in linear time. */
class Pieces {
  #text: ByteString = ""
  /** What is written like message/rfc822. */
  readonly messages: ReadonlySet<string>

  constructor(global = false) {
    this.messages = new Set(global ? ["rfc822", "global"] : ["rfc822"])
  }

  text(text: ByteString): void {
    this.#text += text
  }

  string(value: ByteString): void {
    this.#text += stringText(safe(value))
  }

  nstring(value: ByteString | null): void {
    this.#text += value === null ? "NIL" : stringText(safe(value))
  }

  /** `"(" item *(SP item) ")"`, or nil for none. */
  list<T>(items: readonly T[], separator: string, write: (item: T) => void): void {
    items.forEach((item, index) => {
      this.text(index === 0 ? "(" : separator)
      write(item)
    })
    this.text(items.length === 0 ? "NIL" : ")")
  }

  octets(): Uint8Array {
    return latin1Bytes(this.#text)
  }
}

function safe(value: ByteString): ByteString {
  return /[\r\n\0]/.test(value) ? value.replace(/\r\n|[\r\n\0]/g, " ") : value
}

/**
 * envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
 *            env-bcc SP env-in-reply-to SP env-message-id ")"
 */
export function envelopeWire(envelope: Envelope): Uint8Array {
  const out = new Pieces()
  writeEnvelope(out, envelope)
  return out.octets()
}

function writeEnvelope(out: Pieces, envelope: Envelope): void {
  out.text("(")
  out.nstring(envelope.date)
  out.text(" ")
  out.nstring(envelope.subject)
  for (const addresses of [envelope.from, envelope.sender, envelope.replyTo, envelope.to, envelope.cc, envelope.bcc]) {
    out.text(" ")
    out.list(addresses, "", (address) => writeAddress(out, address))
  }
  out.text(" ")
  out.nstring(envelope.inReplyTo)
  out.text(" ")
  out.nstring(envelope.messageId)
  out.text(")")
}

/** address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
function writeAddress(out: Pieces, address: Address): void {
  const fields = [address.name, address.route, address.mailbox, address.host]
  out.list(fields, " ", (field) => out.nstring(field))
}

/**
 * body = "(" (body-type-1part / body-type-mpart) ")"
 *
 * `extended` gives BODYSTRUCTURE, else BODY (without extension data). With `global`, message/global is a
 * body-type-msg, as it is in IMAP4rev2 (RFC 9051 §9, media-message).
 */
export function bodyWire(part: Part, extended: boolean, global = false): Uint8Array {
  const out = new Pieces(global)
  writeBody(out, part, extended)
  return out.octets()
}

function writeBody(out: Pieces, part: Part, extended: boolean): void {
  out.text("(")
  if (is(part.type, "multipart")) writeMultipart(out, part, extended)
  else writeSinglePart(out, part, extended)
  out.text(")")
}

/**
 * body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
 * body-ext-mpart  = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
 */
function writeMultipart(out: Pieces, part: Part, extended: boolean): void {
  if (part.children.length === 0) writeBody(out, emptyText, extended)
  for (const child of part.children) writeBody(out, child, extended)
  out.text(" ")
  out.string(part.subtype)
  if (!extended) return
  out.text(" ")
  writeParameters(out, part.parameters)
  writeExtension(out, part)
}

/**
 * body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
 * body-fields     = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
 * body-ext-1part  = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc]]]
 */
function writeSinglePart(out: Pieces, part: Part, extended: boolean): void {
  out.string(part.type)
  out.text(" ")
  out.string(part.subtype)
  out.text(" ")
  writeParameters(out, part.parameters)
  out.text(" ")
  out.nstring(part.id)
  out.text(" ")
  out.nstring(part.description)
  out.text(" ")
  out.string(part.encoding)
  out.text(` ${count(part.end - part.bodyStart)}`)
  if (is(part.type, "message") && out.messages.has(part.subtype.toLowerCase())) writeMessage(out, part, extended)
  else if (is(part.type, "text")) out.text(` ${count(part.lines)}`)
  if (!extended) return
  out.text(" ")
  out.nstring(part.md5)
  writeExtension(out, part)
}

/**
 * body-type-msg = media-message SP body-fields SP envelope SP body SP body-fld-lines
 *
 * "MESSAGE/RFC822" must have these three; where the parser did not go deeper they are those of an empty
 * message. In IMAP4rev1 message/global is a basic type.
 */
function writeMessage(out: Pieces, part: Part, extended: boolean): void {
  out.text(" ")
  writeEnvelope(out, part.message?.envelope ?? emptyEnvelope)
  out.text(" ")
  writeBody(out, part.message?.root ?? emptyText, extended)
  out.text(` ${count(part.lines)}`)
}

/** SP body-fld-dsp SP body-fld-lang SP body-fld-loc */
function writeExtension(out: Pieces, part: Part): void {
  out.text(" ")
  writeDisposition(out, part.disposition)
  out.text(" ")
  out.list(part.language, " ", (language) => out.string(language))
  out.text(" ")
  out.nstring(part.location)
}

/** body-fld-dsp = "(" string SP body-fld-param ")" / nil */
function writeDisposition(out: Pieces, disposition: Part["disposition"]): void {
  if (disposition === null) {
    out.text("NIL")
    return
  }
  out.text("(")
  out.string(disposition.type)
  out.text(" ")
  writeParameters(out, disposition.parameters)
  out.text(")")
}

/** body-fld-param = "(" string SP string *(SP string SP string) ")" / nil */
function writeParameters(out: Pieces, parameters: readonly Parameter[]): void {
  out.list(parameters, " ", ([name, value]) => {
    out.string(name)
    out.text(" ")
    out.string(value)
  })
}

function is(given: ByteString, name: string): boolean {
  return given.toLowerCase() === name
}

/** number: unsigned 32-bit. */
function count(value: number): number {
  return Math.min(Math.max(Math.trunc(value), 0), 0xffff_ffff)
}

const emptyEnvelope: Envelope = {
  date: null,
  subject: null,
  from: [],
  sender: [],
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  inReplyTo: null,
  messageId: null,
}

/** Stands where the grammar demands a body and the message has none. */
const emptyText: Part = {
  headerStart: 0,
  bodyStart: 0,
  end: 0,
  lines: 0,
  type: "text",
  subtype: "plain",
  parameters: [],
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

import type { ByteString } from "../message/types.ts"
import type { OctetRange, Section } from "./ast.ts"
import { type Cursor, defaultContext, endOfCommand } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { section } from "./fetch.ts"
import { canonicalMailbox } from "./mailbox-name.ts"

/** A message of this account, or a part of one, as a relative IMAP URL names it (RFC 5092 §7.2). */
export type MessageUrl = {
  /** Decoded; null is the selected mailbox. */
  mailbox: string | null
  uidValidity: number | null
  uid: number
  section: Section
  range: OctetRange | null
}

const wholeMessage: Section = { parts: [], what: { text: "ALL" } }

/** `/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=s/;PARTIAL=n.n`; the words in any case. */
const form = // no scheme, and with it no server
  /^(?![a-z][a-z0-9+.-]*:)\/?(?:([^;/?#][^;?#]*?)(?:;uidvalidity=([1-9]\d{0,9}))?\/?)?\/?;uid=([1-9]\d{0,9})(?:\/;section=([^;?#]+?))?(?:\/;partial=(\d{1,10})(?:\.([1-9]\d{0,9}))?)?$/i

/**
 * ["/" enc-mailbox [";UIDVALIDITY=" nz-number]] "/;UID=" nz-number ["/;SECTION=" enc-section]
 * ["/;PARTIAL=" number ["." nz-number]]
 *
 * RFC 5092 §6, §11: percent-encoded UTF-8, no scheme and no server, because CATENATE names messages of the own
 * account only (RFC 4469 §3). A slash at either end of the mailbox's name is none of it.
 *
 * @returns null for anything else
 */
export function messageUrl(url: ByteString): MessageUrl | null {
  const [whole, name, uidValidity, uid, sectionText, offset, length] = form.exec(url) ?? []
  if (whole === undefined) return null
  const mailbox = name === undefined ? null : percentDecoded(name)
  const found = sectionText === undefined ? wholeMessage : sectionOf(sectionText)
  if (found === null || (name !== undefined && mailbox === null)) return null
  return {
    mailbox: mailbox === null ? null : canonicalMailbox(mailbox),
    uidValidity: uidValidity === undefined ? null : Number(uidValidity),
    uid: Number(uid),
    section: found,
    range: offset === undefined ? null : { offset: Number(offset), length: Number(length ?? Number.POSITIVE_INFINITY) },
  }
}

/** Null when an escape is broken or what comes out is not UTF-8. */
function percentDecoded(text: ByteString): string | null {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function sectionOf(encoded: ByteString): Section | null {
  const text = percentDecoded(encoded)
  if (text === null) return null
  const cursor: Cursor = { bytes: Buffer.from(`[${text}]`, "latin1"), at: 0 }
  try {
    const found = section(cursor, defaultContext)
    endOfCommand(cursor)
    return found
  } catch (error) {
    if (error instanceof ParseError) return null
    throw error
  }
}

import { parseAddresses } from "./address.ts"
import type { Address, ByteString, Envelope } from "./types.ts"

/** Fields that an ENVELOPE is made of, in lower case. */
export const envelopeFields = [
  "date",
  "subject",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "in-reply-to",
  "message-id",
]

/**
 * ENVELOPE (RFC 3501 §7.4.2) from unfolded values by field name. Where a field occurs more than once, address
 * lists are joined (so that nobody can show one From to the server and another to the reader), and of the
 * others the last counts, as in Dovecot. Absent is null, present but empty is "" (RFC 9051 §7.5.2).
 */
export function envelopeOf(values: Map<string, ByteString[]>): Envelope {
  const from = addresses(values, "from")
  const sender = addresses(values, "sender")
  const replyTo = addresses(values, "reply-to")
  return {
    date: lastOf(values, "date"),
    subject: lastOf(values, "subject"),
    from,
    sender: sender.length > 0 ? sender : from,
    replyTo: replyTo.length > 0 ? replyTo : from,
    to: addresses(values, "to"),
    cc: addresses(values, "cc"),
    bcc: addresses(values, "bcc"),
    inReplyTo: lastOf(values, "in-reply-to"),
    messageId: lastOf(values, "message-id"),
  }
}

function addresses(values: Map<string, ByteString[]>, name: string): Address[] {
  return (values.get(name) ?? []).flatMap((value) => parseAddresses(value))
}

function lastOf(values: Map<string, ByteString[]>, name: string): ByteString | null {
  return values.get(name)?.at(-1) ?? null
}

import { parseAddresses } from "./address.ts"
import type { ByteString, Envelope } from "./types.ts"

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

/** Addresses of one field that are kept. */
const mostOfOneField = 10_000

/**
 * ENVELOPE (RFC 3501 §7.4.2) from unfolded values by field name. Where a field occurs more than once, address
 * lists are joined (so that nobody can show one From to the server and another to the reader), and of the
 * others the last counts, as in Dovecot. Absent is null, present but empty is "" (RFC 9051 §7.5.2). At most
 * `most` addresses are kept.
 */
export function envelopeOf(values: Map<string, ByteString[]>, most = Number.POSITIVE_INFINITY): Envelope {
  let left = most
  const addresses = (name: string) =>
    (values.get(name) ?? []).flatMap((value) => {
      const list = left > 0 ? parseAddresses(value, Math.min(left, mostOfOneField)) : []
      left -= list.length
      return list
    })
  const from = addresses("from")
  const sender = addresses("sender")
  const replyTo = addresses("reply-to")
  return {
    date: lastOf(values, "date"),
    subject: lastOf(values, "subject"),
    from,
    sender: sender.length > 0 ? sender : from,
    replyTo: replyTo.length > 0 ? replyTo : from,
    to: addresses("to"),
    cc: addresses("cc"),
    bcc: addresses("bcc"),
    inReplyTo: lastOf(values, "in-reply-to"),
    messageId: lastOf(values, "message-id"),
  }
}

/** How many addresses an envelope keeps. */
export function addressesIn({ from, sender, replyTo, to, cc, bcc }: Envelope): number {
  return [from, sender, replyTo, to, cc, bcc].reduce((sum, list) => sum + list.length, 0)
}

function lastOf(values: Map<string, ByteString[]>, name: string): ByteString | null {
  return values.get(name)?.at(-1) ?? null
}

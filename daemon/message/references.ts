import type { ByteString } from "./types.ts"

/** The first (the thread's root) and the last of a long list are kept. */
const mostReferences = 500

/** Message-IDs in a value, in order, brackets included, quotes that are not needed removed (RFC 5256 §3). Duplicates go. */
export function messageIds(value: ByteString): ByteString[] {
  const found = new Set<ByteString>()
  for (let open = value.indexOf("<"); open !== -1; ) {
    const close = value.indexOf(">", open)
    if (close === -1) break
    const id = normalId(value.slice(value.lastIndexOf("<", close), close + 1))
    if (id.length > 2) found.add(id)
    open = value.indexOf("<", close)
  }
  const ids = [...found]
  return ids.length <= mostReferences ? ids : [...ids.slice(0, 1), ...ids.slice(1 - mostReferences)]
}

/** The one Message-ID of a message, or null. One without brackets is taken as it is. */
export function ownMessageId(value: ByteString | undefined): ByteString | null {
  if (value === undefined) return null
  return messageIds(value)[0] ?? (value.replace(/[\s<>]+/g, "") || null)
}

/** Octets of References, or the first of In-Reply-To where that has none (RFC 5256 §3, REFERENCES). */
export function referencesOf(references: readonly ByteString[], inReplyTo: readonly ByteString[]): ByteString[] {
  const ids = messageIds(references.join(" "))
  return ids.length > 0 ? ids : messageIds(inReplyTo.join(" ")).slice(0, 1)
}

function normalId(raw: ByteString): ByteString {
  const id = raw.replace(/\s+/g, "")
  return id.replace(/^<"([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+)"@/, "<$1@")
}

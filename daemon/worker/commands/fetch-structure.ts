import { bodyWire } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import type { FetchAhead } from "./fetch-ahead.ts"

/**
 * BODY, or with `extended` BODYSTRUCTURE. What is stored is in the form of IMAP4rev1; IMAP4rev2 has another one
 * for message/global, which is so rare that it is made when it is asked for.
 */
export function bodyOctets(
  { account, rev2 }: Conversation,
  ahead: FetchAhead,
  content: number,
  extended: boolean,
): Uint8Array {
  const stored = ahead.body(content, extended)
  if (!rev2 || !mayHoldGlobal(stored)) return stored
  return bodyWire(account.store.contents.structures.root(content), extended, true)
}

/** Subtypes are stored as they were written, so in any case. */
function mayHoldGlobal(wire: Uint8Array): boolean {
  return /"global"/i.test(Buffer.from(wire.buffer, wire.byteOffset, wire.byteLength).toString("latin1"))
}

import type { ByteString } from "../../message/types.ts"

/** The parts of an address that SORT compares (RFC 3501 §7.4.2). */
export type FirstAddress = { name: ByteString | null; mailbox: ByteString | null; host: ByteString | null }

/** Where these lists stand in an ENVELOPE: behind date and subject come from, sender, reply-to, to, cc. */
const places = { from: 0, to: 3, cc: 4 } as const

type Cursor = { readonly text: ByteString; at: number }

/**
 * The first address of a list of an ENVELOPE as the store keeps it, or null for NIL. It reads our own writing
 * (`envelopeWire`), so other forms need no care.
 */
export function firstAddress(envelope: Uint8Array, list: keyof typeof places): FirstAddress | null {
  const text = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength).toString("latin1")
  const cursor: Cursor = { text, at: 1 }
  nstring(cursor)
  nstring(cursor)
  for (let place = 0; place < places[list]; place += 1) skipList(cursor)
  if (!tryChar(cursor, "(")) return null
  return address(cursor)
}

/** "(" 1*address ")" / nil, and the space behind it. */
function skipList(cursor: Cursor): void {
  if (!tryChar(cursor, "(")) return void nstring(cursor)
  while (cursor.text[cursor.at] === "(") address(cursor)
  cursor.at += 2
}

/** address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
function address(cursor: Cursor): FirstAddress {
  cursor.at += 1
  const name = nstring(cursor)
  nstring(cursor)
  const mailbox = nstring(cursor)
  return { name, mailbox, host: nstring(cursor) }
}

/** nstring, and the one octet behind it, which is a space or a parenthesis. */
function nstring(cursor: Cursor): ByteString | null {
  const value = bareNstring(cursor)
  cursor.at += 1
  return value
}

function bareNstring(cursor: Cursor): ByteString | null {
  if (tryChar(cursor, '"')) return quoted(cursor)
  if (tryChar(cursor, "{")) return literal(cursor)
  cursor.at += "NIL".length
  return null
}

function quoted(cursor: Cursor): ByteString {
  let value = ""
  for (;;) {
    const char = cursor.text.charAt(cursor.at++)
    if (char === '"' || char === "") return value
    value += char === "\\" ? cursor.text.charAt(cursor.at++) : char
  }
}

function literal(cursor: Cursor): ByteString {
  const end = cursor.text.indexOf("}\r\n", cursor.at)
  const start = end + 3
  cursor.at = start + Number(cursor.text.slice(cursor.at, end))
  // A copy: a part of a text in V8 would keep all of it, and a kept result many envelopes.
  return Buffer.from(cursor.text.slice(start, cursor.at), "latin1").toString("latin1")
}

function tryChar(cursor: Cursor, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false
  cursor.at += 1
  return true
}

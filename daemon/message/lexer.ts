import type { ByteString } from "./types.ts"

/** A place in an unfolded header value. */
export type Cursor = { readonly text: ByteString; at: number }

/**
 * CFWS (RFC 5322 §3.2.2): white space and comments, which nest. Returns what the last comment said, without
 * its quoting, or null if there was none. An open comment ends with the value.
 */
export function skipCfws(cursor: Cursor): ByteString | null {
  let last: ByteString | null = null
  for (;;) {
    const char = cursor.text[cursor.at]
    if (char === "(") last = comment(cursor)
    else if (char === " " || char === "\t" || char === "\r" || char === "\n") cursor.at++
    else return last
  }
}

/** True when there was white space or a comment. */
export function skippedCfws(cursor: Cursor): boolean {
  const from = cursor.at
  skipCfws(cursor)
  return cursor.at > from
}

function comment(cursor: Cursor): ByteString {
  let depth = 0
  let said = ""
  for (; cursor.at < cursor.text.length; cursor.at++) {
    const char = cursor.text[cursor.at]
    if (char === "(" && depth++ === 0) continue
    if (char === ")" && --depth === 0) break
    if (char === "\\") cursor.at++
    said += cursor.text[cursor.at] ?? ""
  }
  cursor.at++
  return said
}

/** quoted-string (RFC 5322 §3.2.4): its content, unescaped. The cursor is at the DQUOTE. An open one ends with the value. */
export function quotedString(cursor: Cursor): ByteString {
  let content = ""
  let from = ++cursor.at
  for (; cursor.at < cursor.text.length; cursor.at++) {
    const char = cursor.text[cursor.at]
    if (char === '"') break
    if (char !== "\\") continue
    content += cursor.text.slice(from, cursor.at)
    from = ++cursor.at
  }
  content += cursor.text.slice(from, cursor.at)
  cursor.at++
  return content
}

/** Text up to the first of `stops` (one character each) or the end. */
export function takeUntil(cursor: Cursor, stops: string): ByteString {
  const from = cursor.at
  while (cursor.at < cursor.text.length && !stops.includes(cursor.text.charAt(cursor.at))) cursor.at++
  return cursor.text.slice(from, cursor.at)
}

/** token = 1*<any CHAR except SPACE, CTLs, tspecials> (RFC 2045 §5.1); octets above 0x7f pass. Empty if there is none. */
export function mimeToken(cursor: Cursor): ByteString {
  const from = cursor.at
  while (cursor.at < cursor.text.length && isTokenCode(cursor.text.charCodeAt(cursor.at))) cursor.at++
  return cursor.text.slice(from, cursor.at)
}

const tspecials = new Set([...'()<>@,;:\\"/[]?='].map((char) => char.charCodeAt(0)))

function isTokenCode(code: number): boolean {
  return code > 32 && code !== 127 && !tspecials.has(code)
}

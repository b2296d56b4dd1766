import { decodeCharset, decodeUndeclared } from "./charset.ts"
import type { ByteString } from "./types.ts"

/** encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?=" (RFC 2047 §2, RFC 2231 §5). */
const encodedWord = /=\?([^?*\s]{1,80})(?:\*[^?\s]{0,80})?\?([BbQq])\?([^?]*)\?=/g

type Word = { charset: string; octets: Buffer }

/**
 * A header value as Unicode (RFC 2047). White space between two encoded words goes; neighbours in one charset
 * are decoded together, because senders cut characters in two. What is not a well-formed encoded word stays
 * as it is; raw octets above 0x7f are UTF-8 if they can be, else windows-1252. Line ends and NUL become blanks.
 */
export function decodeWords(value: ByteString): string {
  const text = value.includes("=?") ? decodeMixed(value) : decodeRaw(value)
  return /[\r\n\0]/.test(text) ? text.replace(/\r\n|[\r\n\0]/g, " ") : text
}

function decodeMixed(value: ByteString): string {
  let out = ""
  let last = 0
  let run: Word[] = []
  for (const match of value.matchAll(encodedWord)) {
    const between = value.slice(last, match.index)
    last = match.index + match[0].length
    if (run.length === 0 || /[^ \t\r\n]/.test(between)) {
      out += decodeRun(run) + decodeRaw(between)
      run = []
    }
    run.push(wordOf(match))
  }
  return out + decodeRun(run) + decodeRaw(value.slice(last))
}

function wordOf([, charset = "", encoding, text = ""]: RegExpExecArray): Word {
  const octets = encoding === "B" || encoding === "b" ? Buffer.from(text, "base64") : decodeQ(text)
  return { charset: charset.toLowerCase(), octets }
}

/** The "Q" encoding (RFC 2047 §4.2). */
function decodeQ(text: ByteString): Buffer {
  const octets = text
    .replaceAll("_", " ")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(octets, "latin1")
}

function decodeRun(run: Word[]): string {
  let out = ""
  for (let at = 0; at < run.length; ) {
    const charset = run[at]?.charset ?? ""
    let end = at
    while (end < run.length && run[end]?.charset === charset) end++
    const octets = run.slice(at, end).map((word) => word.octets)
    out += decodeCharset(octets.length === 1 && octets[0] !== undefined ? octets[0] : Buffer.concat(octets), charset)
    at = end
  }
  return out
}

function decodeRaw(text: ByteString): string {
  return /[\x80-\xff]/.test(text) ? decodeUndeclared(Buffer.from(text, "latin1")) : text
}

import { isUtf8 } from "node:buffer"
import { TextDecoder } from "node:util"
import { charsetLabels } from "./charset-labels.ts"

/** Names that mail uses and the Encoding Standard (which `TextDecoder` follows) does not know. */
const aliases: Record<string, string> = {
  utf: "utf-8",
  utf_8: "utf-8",
  "utf-8mb4": "utf-8",
  "unicode-2-0-utf-8": "utf-8",
  "latin-1": "iso-8859-1",
  latin_1: "iso-8859-1",
  "8859_1": "iso-8859-1",
  iso_8859_1: "iso-8859-1",
  "iso-8859-8-e": "iso-8859-8",
  "latin-9": "iso-8859-15",
  latin9: "iso-8859-15",
  "cp-1250": "windows-1250",
  "cp-1251": "windows-1251",
  "cp-1252": "windows-1252",
  "win-1251": "windows-1251",
  win1251: "windows-1251",
  windows1251: "windows-1251",
  windows1252: "windows-1252",
  ansi: "windows-1252",
  macintosh: "macintosh",
  macroman: "macintosh",
  cp932: "shift_jis",
  "x-sjis-jp": "shift_jis",
  eucjp: "euc-jp",
  "iso-2022-jp-1": "iso-2022-jp",
  "iso-2022-jp-2": "iso-2022-jp",
  "iso-2022-jp-ms": "iso-2022-jp",
  cp50220: "iso-2022-jp",
  cp949: "euc-kr",
  uhc: "euc-kr",
  euckr: "euc-kr",
  cp936: "gbk",
  "gb18030-2000": "gb18030",
  cp950: "big5",
  cp874: "windows-874",
  tis620: "tis-620",
}

/** Names that say nothing about octets above 0x7f: those are UTF-8 if they can be, else windows-1252. */
const undeclared = new Set([
  "",
  "us-ascii",
  "ascii",
  "ansi_x3.4-1968",
  "unknown-8bit",
  "unknown",
  "x-unknown",
  "default",
  "binary",
  "8bit",
  "7bit",
  "none",
  "iso-8859-1-us-ascii",
])

/** One decoder per name, made when it is first needed. */
const decoders = new Map<string, TextDecoder>()

/** Octets in a MIME charset as text; null is "not declared". A charset nobody knows is read as latin1. Never throws. */
export function decodeCharset(bytes: Uint8Array, charset: string | null): string {
  const label = (charset ?? "").trim().toLowerCase()
  if (undeclared.has(label)) return decodeUndeclared(bytes)
  const decoder = decoderFor(aliases[label] ?? label)
  if (decoder === null) return latin1(bytes)
  return decoder.decode(decoder.encoding === "iso-2022-jp" ? withoutIdleEscapes(bytes) : bytes)
}

/** Octets that are decoded at one go. */
const octetsAtOnce = 262_144

/** As `decodeCharset`, for texts that are long; stops at places where others may have their turn. */
export function* decodedCharset(bytes: Uint8Array, charset: string | null): Generator<void, string> {
  const label = (charset ?? "").trim().toLowerCase()
  const name = undeclared.has(label) ? (isUtf8(bytes) ? "utf-8" : "windows-1252") : (aliases[label] ?? label)
  // ISO-2022-JP is looked through as a whole; and what is short costs nothing.
  if (bytes.length <= octetsAtOnce || !charsetLabels.has(name) || decoderFor(name)?.encoding === "iso-2022-jp")
    return decodeCharset(bytes, charset)
  const decoder = new TextDecoder(name)
  let text = ""
  for (let at = 0; at < bytes.length; at += octetsAtOnce) {
    text += decoder.decode(bytes.subarray(at, at + octetsAtOnce), { stream: true })
    yield
  }
  return text + decoder.decode()
}

const shift = "\\x1b[($][@BIJ]"
const idleEscapes = new RegExp(`(?:${shift})+(?=${shift})`, "g")

/** An escape that another follows at once changes nothing, but the Encoding Standard makes U+FFFD of it; joined encoded words have them. */
function withoutIdleEscapes(bytes: Uint8Array): Uint8Array {
  return Buffer.from(latin1(bytes).replace(idleEscapes, ""), "latin1")
}

/** UTF-8 if the octets are that, else windows-1252. */
export function decodeUndeclared(bytes: Uint8Array): string {
  return decoderFor(isUtf8(bytes) ? "utf-8" : "windows-1252")?.decode(bytes) ?? latin1(bytes)
}

function decoderFor(label: string): TextDecoder | null {
  const known = decoders.get(label)
  if (known !== undefined) return known
  if (!charsetLabels.has(label)) return null
  const decoder = new TextDecoder(label)
  decoders.set(label, decoder)
  return decoder
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
}

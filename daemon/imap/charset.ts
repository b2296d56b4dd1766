import { latin1 } from "./cursor.ts"
import { BadCharset, ParseError } from "./errors.ts"

/** Octets of a SEARCH string to Unicode. @throws ParseError when the octets are not in that charset */
export type Decode = (bytes: Uint8Array, at: number) => string

const ascii = /^(us-ascii|ascii|ansi_x3\.4-1968|iso-ir-6|iso646-us)$/i

/**
 * How strings of a SEARCH are read (RFC 3501 §6.4.4).
 *
 * Without CHARSET the RFC says US-ASCII; UTF-8 is a superset, is what RFC 9051 §6.4.4 says, and is what
 * clients send that forget CHARSET. Named charsets are those of the WHATWG Encoding Standard.
 *
 * @throws BadCharset
 */
export function decoderFor(charset: string | null): Decode {
  if (charset !== null && ascii.test(charset)) return usAscii
  const decoder = textDecoder(charset ?? "utf-8")
  return (bytes, at) => {
    try {
      return decoder.decode(bytes)
    } catch (error) {
      if (error instanceof TypeError) throw new ParseError(`string in ${decoder.encoding}`, at)
      throw error
    }
  }
}

/** The Encoding Standard reads "us-ascii" as windows-1252; in IMAP an 8-bit octet is an error there. */
function usAscii(bytes: Uint8Array, at: number): string {
  if (bytes.some((byte) => byte > 0x7f)) throw new ParseError("string in US-ASCII", at)
  return latin1(bytes)
}

function textDecoder(charset: string) {
  try {
    return new TextDecoder(charset, { fatal: true })
  } catch (error) {
    if (error instanceof RangeError) throw new BadCharset(charset)
    throw error
  }
}

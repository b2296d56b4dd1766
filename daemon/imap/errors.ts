/**
 * Bytes that do not follow the grammar; answered with BAD. The message names the production that was
 * expected and the offset, and never repeats what the client sent (it may be a password).
 */
export class ParseError extends Error {
  readonly expected: string
  /** Offset in the command, in octets. */
  readonly at: number

  constructor(expected: string, at: number) {
    super(`expected ${expected} at byte ${at}`)
    this.name = "ParseError"
    this.expected = expected
    this.at = at
  }
}

/** SEARCH in a character set we cannot decode; answered with NO [BADCHARSET (…)], RFC 3501 §6.4.4. */
export class BadCharset extends Error {
  readonly charset: string
  /** The search was to be saved: a refused one leaves nothing in "$" (RFC 5182 §2.1). */
  saves = false
  /** What to offer instead; any other charset of the WHATWG Encoding Standard works as well. */
  readonly supported: readonly string[] = ["US-ASCII", "UTF-8", "ISO-8859-1", "WINDOWS-1252"]

  constructor(charset: string) {
    super("character set is not supported")
    this.name = "BadCharset"
    this.charset = charset
  }
}

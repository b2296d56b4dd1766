import type { StoredLiteral } from "./ast.ts"
import { ParseError } from "./errors.ts"

/**
 * A command being read: all its octets, and how far the grammar has come. Literals lie inline; those that
 * were streamed to a sink are absent from `bytes` and found in `streamed` under the offset where they would begin.
 */
export type Cursor = {
  readonly bytes: Uint8Array
  at: number
  readonly streamed?: ReadonlyMap<number, StoredLiteral>
  /** Octets above 0x7f in a quoted string must be UTF-8 (RFC 6855 §3). */
  readonly utf8?: boolean
}

/** Limits and modes that a connection gives to the grammar. */
export type GrammarContext = {
  /** Deepest nesting of parentheses, NOT and OR. */
  maxNesting: number
  /** Ranges in one sequence set. */
  maxSequenceRanges: number
  /** Items in any one list; and search keys in all. */
  maxItems: number
  /** Messages in one APPEND, and parts of them (RFC 3502, RFC 4469). */
  maxAppendParts: number
  /** Mailbox names are UTF-8 instead of modified UTF-7 (RFC 6855 §3, RFC 9051 §5.1). */
  utf8: boolean
  /** Where the grammar notes mailbox names that were not given in the form in which we keep them: that form, and the given one. */
  supplied?: Map<string, string>
}

export const defaultContext: GrammarContext = {
  maxNesting: 50,
  maxSequenceRanges: 20_000,
  maxItems: 1000,
  maxAppendParts: 1000,
  utf8: false,
}

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
export const DQUOTE = 0x22
export const DOLLAR = 0x24
export const PERCENT = 0x25
export const OPEN = 0x28
export const CLOSE = 0x29
export const ASTERISK = 0x2a
export const PLUS = 0x2b
export const COMMA = 0x2c
export const MINUS = 0x2d
export const DOT = 0x2e
export const COLON = 0x3a
export const LESS = 0x3c
export const GREATER = 0x3e
export const OPEN_SQUARE = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_SQUARE = 0x5d
export const OPEN_CURLY = 0x7b
export const CLOSE_CURLY = 0x7d
export const TILDE = 0x7e

/** The octet under the cursor, or -1 at the end. */
export function peek(cursor: Cursor): number {
  return cursor.bytes[cursor.at] ?? -1
}

/** Takes one octet. @throws ParseError at the end */
export function next(cursor: Cursor, expected: string): number {
  const byte = cursor.bytes[cursor.at]
  if (byte === undefined) throw new ParseError(expected, cursor.at)
  cursor.at += 1
  return byte
}

/** Takes this octet. @throws ParseError when there is another */
export function expectByte(cursor: Cursor, byte: number, expected: string): void {
  if (cursor.bytes[cursor.at] !== byte) throw new ParseError(expected, cursor.at)
  cursor.at += 1
}

/** Takes this octet if it is there. */
export function tryByte(cursor: Cursor, byte: number): boolean {
  if (cursor.bytes[cursor.at] !== byte) return false
  cursor.at += 1
  return true
}

/** SP: exactly one space (RFC 3501 §9 note 2). */
export function space(cursor: Cursor): void {
  expectByte(cursor, SP, "SP")
}

export function atEnd(cursor: Cursor): boolean {
  return cursor.at >= cursor.bytes.length
}

/** Nothing may follow, not even a space; no client we know of needs more leniency. */
export function endOfCommand(cursor: Cursor): void {
  if (!atEnd(cursor)) throw new ParseError("CRLF", cursor.at)
}

/** Octets as text, one character each. Only for octets that are no secret. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
}

/** The longest run of octets for which `allowed` holds a 1; may be empty. */
export function takeWhile(cursor: Cursor, allowed: Uint8Array): Uint8Array {
  const start = cursor.at
  while (allowed[cursor.bytes[cursor.at] ?? 256] === 1) cursor.at += 1
  return cursor.bytes.subarray(start, cursor.at)
}

/** `"(" item *(SP item) ")"`, or with `orEmpty` also `"()"`. */
export function parenthesised<T>(
  cursor: Cursor,
  context: GrammarContext,
  item: (cursor: Cursor) => T,
  orEmpty = false,
): T[] {
  expectByte(cursor, OPEN, "(")
  if (orEmpty && tryByte(cursor, CLOSE)) return []
  const items = spaced(cursor, context, item)
  expectByte(cursor, CLOSE, "SP or )")
  return items
}

/** `item *(SP item)`, as many as one list may have. */
export function spaced<T>(cursor: Cursor, { maxItems }: GrammarContext, item: (cursor: Cursor) => T): T[] {
  const items = [item(cursor)]
  while (tryByte(cursor, SP)) {
    if (items.length >= maxItems) throw new ParseError(`at most ${maxItems} items in one list`, cursor.at)
    items.push(item(cursor))
  }
  return items
}

const keywordChars = byteClass((byte) => /[A-Za-z0-9.-]/.test(String.fromCharCode(byte)))

/** A token of the grammar itself in any case, returned in upper case. @throws ParseError when there is none */
export function keyword(cursor: Cursor, expected: string): string {
  const start = cursor.at
  const word = takeWhile(cursor, keywordChars)
  if (word.length === 0 || word.length > 64) throw new ParseError(expected, start)
  return latin1(word).toUpperCase()
}

/** Table of 256 octets (and one sentinel for "no octet") for `takeWhile`. */
export function byteClass(allowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 257 }, (_, byte) => (byte < 256 && allowed(byte) ? 1 : 0))
}

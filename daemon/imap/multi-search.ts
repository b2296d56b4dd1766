import type { CommandBody, MailboxSource, SearchReturn } from "./ast.ts"
import { type Cursor, type GrammarContext, keyword, OPEN, parenthesised, peek, space } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { mailbox } from "./mailbox-name.ts"
import { searchProgram, tryWord } from "./search.ts"
import { searchReturns } from "./search-return.ts"

export const multiSearchCommands: CommandFamily = { ESEARCH: esearch }

/**
 * esearch             = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program
 * esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
 * source-mbox         = filter-mailboxes *(SP filter-mailboxes)
 *
 * RFC 7377 §4; no scope-options exist. Without return options it is ALL (§2.1).
 */
function esearch(cursor: Cursor, context: GrammarContext): CommandBody {
  space(cursor)
  const sources = tryWord(cursor, "IN") ? sourceOptions(cursor, context) : null
  const returns: SearchReturn[] = tryWord(cursor, "RETURN") ? searchReturns(cursor) : ["ALL"]
  const program = searchProgram(cursor, context, returns.includes("SAVE"))
  return { name: "ESEARCH", sources, returns, ...program }
}

function sourceOptions(cursor: Cursor, context: GrammarContext): MailboxSource[] {
  const sources = parenthesised(cursor, (inner) => filterMailboxes(inner, context))
  space(cursor)
  return sources
}

/**
 * filter-mailboxes          = filter-mailboxes-selected / filter-mailboxes-other
 * filter-mailboxes-selected = "selected"
 * filter-mailboxes-other    = "inboxes" / "personal" / "subscribed" / ("subtree" SP one-or-more-mailbox) /
 *                             ("subtree-one" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
 *
 * RFC 5465 §8, RFC 7377 §4.
 */
function filterMailboxes(cursor: Cursor, context: GrammarContext): MailboxSource {
  const start = cursor.at
  const word = keyword(cursor, "filter-mailboxes").toLowerCase()
  switch (word) {
    case "selected":
    case "inboxes":
    case "personal":
    case "subscribed":
      return { source: word }
    case "subtree":
    case "subtree-one":
    case "mailboxes":
      return { source: word, mailboxes: oneOrMoreMailboxes(cursor, context) }
    default:
      throw new ParseError("filter-mailboxes", start)
  }
}

/** one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" (RFC 5465 §8) */
function oneOrMoreMailboxes(cursor: Cursor, context: GrammarContext): string[] {
  space(cursor)
  if (peek(cursor) !== OPEN) return [mailbox(cursor, context)]
  return parenthesised(cursor, (inner) => mailbox(inner, context))
}

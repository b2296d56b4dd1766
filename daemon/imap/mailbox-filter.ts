import type { MailboxFilter } from "./ast.ts"
import { type Cursor, type GrammarContext, keyword, OPEN, parenthesised, peek, space } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { mailbox } from "./mailbox-name.ts"

/**
 * filter-mailboxes       = filter-mailboxes-selected / filter-mailboxes-other
 * filter-mailboxes-other = "inboxes" / "personal" / "subscribed" / ("subtree" SP one-or-more-mailbox) /
 *                          ("subtree-one" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
 *
 * RFC 5465 §8; "subtree-one" is of RFC 7377 §4. What filter-mailboxes-selected may be depends on the command.
 */
export function filterMailboxes<Selected extends string>(
  cursor: Cursor,
  context: GrammarContext,
  selected: readonly Selected[],
): MailboxFilter | { source: Selected } {
  const start = cursor.at
  const word = keyword(cursor, "filter-mailboxes").toLowerCase()
  const found = selected.find((each) => each === word)
  if (found !== undefined) return { source: found }
  switch (word) {
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
  return parenthesised(cursor, context, (inner) => mailbox(inner, context))
}

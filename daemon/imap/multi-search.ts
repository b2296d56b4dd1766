import type { CommandBody, MailboxSource, SearchReturn } from "./ast.ts"
import { type Cursor, type GrammarContext, parenthesised, space } from "./cursor.ts"
import type { CommandFamily } from "./grammar.ts"
import { filterMailboxes } from "./mailbox-filter.ts"
import { searchProgram, tryWord } from "./search.ts"
import { searchReturns } from "./search-return.ts"

export const multiSearchCommands: CommandFamily = { ESEARCH: esearch }

/**
 * esearch             = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program
 * esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
 * source-mbox         = filter-mailboxes *(SP filter-mailboxes)
 * filter-mailboxes-selected = "selected"
 *
 * RFC 7377 §4; no scope-options exist. Without return options it is ALL (§2.1).
 */
function esearch(cursor: Cursor, context: GrammarContext): CommandBody {
  space(cursor)
  const sources = tryWord(cursor, "IN") ? sourceOptions(cursor, context) : null
  const returns: SearchReturn[] = tryWord(cursor, "RETURN") ? searchReturns(cursor, context) : ["ALL"]
  const program = searchProgram(cursor, context, returns.includes("SAVE"))
  return { name: "ESEARCH", sources, returns, ...program }
}

function sourceOptions(cursor: Cursor, context: GrammarContext): MailboxSource[] {
  const sources = parenthesised(cursor, context, (inner) => filterMailboxes(inner, context, ["selected"]))
  space(cursor)
  return sources
}

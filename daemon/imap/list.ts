import type { CommandBody, ListCommand } from "./ast.ts"
import { type Cursor, type GrammarContext, keyword, OPEN, parenthesised, peek, SP, space, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { mailbox, mailboxPattern } from "./mailbox-name.ts"
import { statusItems } from "./mailboxes.ts"
import { metadataReturn } from "./metadata.ts"

export const listCommands: CommandFamily = {
  LIST: (cursor, context) => list(cursor, context),
  /** lsub = "LSUB" SP mailbox SP list-mailbox (RFC 3501 §9). */
  LSUB: (cursor, context) => {
    space(cursor)
    const reference = mailbox(cursor, context)
    space(cursor)
    return { name: "LSUB", reference, pattern: mailboxPattern(cursor, context) }
  },
}

/**
 * list        = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
 * mbox-or-pat = list-mailbox / patterns
 * patterns    = "(" list-mailbox *(SP list-mailbox) ")"
 *
 * RFC 5258 §6. Options are kept as written; what one implies for another is for the handler.
 */
function list(cursor: Cursor, context: GrammarContext): CommandBody {
  space(cursor)
  const withSelection = peek(cursor) === OPEN
  const selection = withSelection ? selectionOptions(cursor, context) : noSelection()
  if (withSelection) space(cursor)
  const reference = mailbox(cursor, context)
  space(cursor)
  const withPatterns = peek(cursor) === OPEN
  const pattern = (inner: Cursor) => mailboxPattern(inner, context)
  const patterns = withPatterns ? parenthesised(cursor, context, pattern) : [pattern(cursor)]
  const withReturns = tryByte(cursor, SP)
  const returns = withReturns ? returnOptions(cursor, context) : noReturns()
  const extended = withSelection || withPatterns || withReturns
  return { name: "LIST", list: { extended, selection, reference, patterns, returns } }
}

function noSelection(): ListCommand["selection"] {
  return { subscribed: false, specialUse: false, remote: false, recursiveMatch: false }
}

function noReturns(): ListCommand["returns"] {
  return { subscribed: false, children: false, specialUse: false, status: null, metadata: null }
}

/**
 * list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"
 * list-select-opt  = "SUBSCRIBED" / "SPECIAL-USE" / "REMOTE" / "RECURSIVEMATCH"
 *
 * RFC 5258 §6, RFC 6154 §6. RECURSIVEMATCH needs one of the first two beside it; unknown options are
 * refused (RFC 5258 §3).
 */
function selectionOptions(cursor: Cursor, context: GrammarContext): ListCommand["selection"] {
  const start = cursor.at
  const selection = noSelection()
  parenthesised(cursor, context, (inner) => selectionOption(inner, selection), true)
  if (selection.recursiveMatch && !selection.subscribed && !selection.specialUse) {
    throw new ParseError("SUBSCRIBED or SPECIAL-USE beside RECURSIVEMATCH", start)
  }
  return selection
}

function selectionOption(cursor: Cursor, selection: ListCommand["selection"]): void {
  const start = cursor.at
  const word = keyword(cursor, "list-select-opt")
  if (word === "SUBSCRIBED") selection.subscribed = true
  else if (word === "SPECIAL-USE") selection.specialUse = true
  else if (word === "REMOTE") selection.remote = true
  else if (word === "RECURSIVEMATCH") selection.recursiveMatch = true
  else throw new ParseError("list-select-opt", start)
}

/**
 * list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
 * return-option    = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / status-option / metadata-option
 * status-option    = "STATUS" SP "(" status-att *(SP status-att) ")"
 *
 * RFC 5258 §6, RFC 6154 §6, RFC 5819 §4, RFC 9590 §5.
 */
function returnOptions(cursor: Cursor, context: GrammarContext): ListCommand["returns"] {
  const start = cursor.at
  if (keyword(cursor, "RETURN") !== "RETURN") throw new ParseError("RETURN", start)
  space(cursor)
  const returns = noReturns()
  parenthesised(cursor, context, (inner) => returnOption(inner, context, returns), true)
  return returns
}

function returnOption(cursor: Cursor, context: GrammarContext, returns: ListCommand["returns"]): void {
  const start = cursor.at
  const word = keyword(cursor, "return-option")
  if (word === "SUBSCRIBED") returns.subscribed = true
  else if (word === "CHILDREN") returns.children = true
  else if (word === "SPECIAL-USE") returns.specialUse = true
  else if (word === "STATUS") {
    space(cursor)
    returns.status = statusItems(cursor, context)
  } else if (word === "METADATA") returns.metadata = metadataReturn(cursor, context)
  else throw new ParseError("return-option", start)
}

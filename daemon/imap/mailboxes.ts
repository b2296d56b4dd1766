import type { CommandBody, SelectParameters, StatusItem } from "./ast.ts"
import { type Cursor, type GrammarContext, keyword, parenthesised, SP, space, tryByte } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { mailbox } from "./mailbox-name.ts"
import { sequenceSet } from "./numbers.ts"
import { resync } from "./qresync.ts"
import { createUses } from "./special-use.ts"

/** Commands whose argument is a mailbox: RFC 3501 §6.3.1 to §6.3.7, §6.3.10, §6.4.7, and MOVE (RFC 6851 §4). */
export const mailboxCommands: CommandFamily = {
  SELECT: (cursor, context) => select(cursor, context, "SELECT"),
  EXAMINE: (cursor, context) => select(cursor, context, "EXAMINE"),
  CREATE: (cursor, context) => ({
    name: "CREATE",
    mailbox: oneMailbox(cursor, context),
    uses: tryByte(cursor, SP) ? createUses(cursor, context) : [],
  }),
  DELETE: (cursor, context) => ({ name: "DELETE", mailbox: oneMailbox(cursor, context) }),
  SUBSCRIBE: (cursor, context) => ({ name: "SUBSCRIBE", mailbox: oneMailbox(cursor, context) }),
  UNSUBSCRIBE: (cursor, context) => ({ name: "UNSUBSCRIBE", mailbox: oneMailbox(cursor, context) }),
  RENAME: (cursor, context) => ({
    name: "RENAME",
    from: oneMailbox(cursor, context),
    to: oneMailbox(cursor, context),
  }),
  STATUS: (cursor, context) => {
    const name = oneMailbox(cursor, context)
    space(cursor)
    return { name: "STATUS", mailbox: name, items: statusItems(cursor, context) }
  },
  COPY: (cursor, context) => copy(cursor, context, "COPY", false),
  "UID COPY": (cursor, context) => copy(cursor, context, "COPY", true),
  MOVE: (cursor, context) => copy(cursor, context, "MOVE", false),
  "UID MOVE": (cursor, context) => copy(cursor, context, "MOVE", true),
}

function oneMailbox(cursor: Cursor, context: GrammarContext): string {
  space(cursor)
  return mailbox(cursor, context)
}

/**
 * select        = "SELECT" SP mailbox [select-params]
 * select-params = SP "(" select-param *(SP select-param) ")"
 * select-param  = "CONDSTORE" / qresync-param
 *
 * RFC 4466 §3, RFC 7162 §7; each parameter once.
 */
function select(cursor: Cursor, context: GrammarContext, name: "SELECT" | "EXAMINE"): CommandBody {
  const selected = oneMailbox(cursor, context)
  const parameters: SelectParameters = { condstore: false, qresync: null }
  const start = cursor.at
  if (tryByte(cursor, SP)) {
    const words = parenthesised(cursor, context, (inner) => selectParameter(inner, context, parameters))
    if (new Set(words).size < words.length) throw new ParseError("each select-param once", start)
  }
  return { name, mailbox: selected, parameters }
}

function selectParameter(cursor: Cursor, context: GrammarContext, parameters: SelectParameters): string {
  const start = cursor.at
  const word = keyword(cursor, "select-param")
  if (word === "CONDSTORE") parameters.condstore = true
  else if (word === "QRESYNC") parameters.qresync = resync(cursor, context)
  else throw new ParseError("CONDSTORE or QRESYNC", start)
  return word
}

const statusNames: ReadonlySet<string> = new Set<StatusItem>([
  "MESSAGES",
  "RECENT",
  "UIDNEXT",
  "UIDVALIDITY",
  "UNSEEN",
  "HIGHESTMODSEQ", // RFC 7162 §7
  "SIZE", // RFC 8438 §4
  "DELETED", // RFC 9051 §9
  "DELETED-STORAGE", // RFC 9208 §7
  "MAILBOXID", // RFC 8474 §7
  "APPENDLIMIT", // RFC 7889 §5
])

/**
 * "(" status-att *(SP status-att) ")"
 *
 * RFC 3501 §9 (STATUS), RFC 5819 §4 (LIST … RETURN (STATUS (…))). Each is told once, however often it is asked for.
 */
export function statusItems(cursor: Cursor, context: GrammarContext): StatusItem[] {
  return [...new Set(parenthesised(cursor, context, statusItem))]
}

function statusItem(cursor: Cursor): StatusItem {
  const start = cursor.at
  const word = keyword(cursor, "status-att")
  if (!isStatusItem(word)) throw new ParseError("status-att", start)
  return word
}

function isStatusItem(word: string): word is StatusItem {
  return statusNames.has(word)
}

/**
 * copy = "COPY" SP sequence-set SP mailbox
 * move = "MOVE" SP sequence-set SP mailbox
 *
 * RFC 3501 §9, RFC 6851 §5.
 */
function copy(cursor: Cursor, context: GrammarContext, name: "COPY" | "MOVE", uid: boolean): CommandBody {
  space(cursor)
  const set = sequenceSet(cursor, context.maxSequenceRanges)
  return { name, uid, set, mailbox: oneMailbox(cursor, context) }
}

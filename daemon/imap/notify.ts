import type { CommandBody, EventGroup, FetchItem, NotifyEvent } from "./ast.ts"
import {
  CLOSE,
  type Cursor,
  expectByte,
  type GrammarContext,
  keyword,
  latin1,
  OPEN,
  parenthesised,
  peek,
  SP,
  space,
  tryByte,
} from "./cursor.ts"
import { ParseError } from "./errors.ts"
import { fetchItems } from "./fetch.ts"
import type { CommandFamily } from "./grammar.ts"
import { filterMailboxes } from "./mailbox-filter.ts"
import { tryWord } from "./search.ts"
import { atom } from "./strings.ts"

export const notifyCommands: CommandFamily = { NOTIFY: notify }

/**
 * notify       = "NOTIFY" SP (notify-set / notify-none)
 * notify-set   = "SET" [SP "STATUS"] SP event-groups
 * notify-none  = "NONE"
 * event-groups = event-group *(SP event-group)
 *
 * RFC 5465 §8. Which events exist and go together is for the handler: it answers some of it with NO.
 */
function notify(cursor: Cursor, context: GrammarContext): CommandBody {
  space(cursor)
  const start = cursor.at
  const word = keyword(cursor, "SET or NONE")
  if (word === "NONE") return { name: "NOTIFY", set: null }
  if (word !== "SET") throw new ParseError("SET or NONE", start)
  space(cursor)
  const status = tryWord(cursor, "STATUS")
  const groups: EventGroup[] = []
  do groups.push(eventGroup(cursor, context))
  while (tryByte(cursor, SP))
  return { name: "NOTIFY", set: { status, groups } }
}

/**
 * event-group               = "(" filter-mailboxes SP events ")"
 * filter-mailboxes-selected = "selected" / "selected-delayed"
 */
function eventGroup(cursor: Cursor, context: GrammarContext): EventGroup {
  expectByte(cursor, OPEN, "(")
  const mailboxes = filterMailboxes(cursor, context, ["selected", "selected-delayed"])
  space(cursor)
  const found = events(cursor, context)
  expectByte(cursor, CLOSE, ")")
  return { mailboxes, events: found }
}

/** events = ("(" event *(SP event) ")") / "NONE" */
function events(cursor: Cursor, context: GrammarContext): NotifyEvent[] {
  if (peek(cursor) === OPEN) return parenthesised(cursor, context, (inner) => event(inner, context))
  const start = cursor.at
  if (keyword(cursor, "events") !== "NONE") throw new ParseError("events", start)
  return []
}

/**
 * event         = message-event / mailbox-event / user-event / event-ext
 * message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" / "FlagChange" /
 *                 "AnnotationChange"
 * event-ext     = atom
 */
function event(cursor: Cursor, context: GrammarContext): NotifyEvent {
  const name = latin1(atom(cursor, "event"))
  return { event: name, items: name.toLowerCase() === "messagenew" ? attributes(cursor, context) : null }
}

/** [SP "(" fetch-att *(SP fetch-att) ")"] */
function attributes(cursor: Cursor, context: GrammarContext): FetchItem[] | null {
  if (peek(cursor) !== SP || cursor.bytes[cursor.at + 1] !== OPEN) return null
  space(cursor)
  return fetchItems(cursor, context)
}

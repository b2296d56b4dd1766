import type { FetchItem } from "../../imap/ast.ts"
import { dateTimeWire } from "../../imap/response.ts"
import type { Messages } from "../../store/store.ts"
import type { Marked, Message } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { inOrder } from "../message-limit.ts"
import type { Range, View } from "../view.ts"

type Attribute<M> = (conversation: Conversation, message: M) => string

/** What changes about a message. */
const markAttributes = {
  UID: (_, { uid }) => String(uid),
  FLAGS: (conversation, message) => conversation.flagsWire(message),
  /** RFC 7162 §3.1.4.2 */
  MODSEQ: (_, { modseq }) => `(${modseq})`,
} satisfies Partial<Record<FetchItem["item"], Attribute<Marked>>>

/** What the rows of a message say. */
export const rowAttributes = {
  ...markAttributes,
  INTERNALDATE: (_, { internalDate, internalZone }) => dateTimeWire({ at: internalDate, zoneMinutes: internalZone }),
  "RFC822.SIZE": (_, { size }) => String(size),
  /** RFC 8474 §5 */
  EMAILID: ({ account }, { content }) => `(${account.store.objectIds.email(content)})`,
  THREADID: ({ account }, { thread }) => `(${account.store.objectIds.thread(thread)})`,
  /** RFC 8514 §4.2 */
  SAVEDATE: (_, { savedAt }) => dateTimeWire({ at: savedAt, zoneMinutes: 0 }),
} satisfies Partial<Record<FetchItem["item"], Attribute<Message>>>

/** How an item is told that costs nothing but being written. */
type Teller<M> = { label: string; value: Attribute<M> }

/** Messages that were read, with what is to be told of them. */
export type RowAnswers = {
  count: number
  /** One untagged FETCH for each that the client knows, at one go. @returns how many these are */
  tell(conversation: Conversation, view: View, lowest: number | null): number
}

/** Reads the messages of these ranges of UIDs. */
export type RowReader = (messages: Messages, mailbox: number, ranges: Range[]) => RowAnswers

/** For items that the rows of a message say; null when there are others. What changes costs least. */
export function rowReader(items: readonly FetchItem[]): RowReader | null {
  const marks = tellersOf<Marked>(items, markAttributes)
  const all = tellersOf<Message>(items, rowAttributes)
  if (all === null) return null
  return (messages, mailbox, ranges) =>
    marks !== null ? answers(messages.marks(mailbox, ranges), marks) : answers([...messages.rows(mailbox, ranges)], all)
}

function tellersOf<M>(
  items: readonly FetchItem[],
  attributes: Partial<Record<FetchItem["item"], Attribute<M>>>,
): Teller<M>[] | null {
  const tellers: Teller<M>[] = []
  for (const { item } of items) {
    const value = attributes[item]
    if (value === undefined) return null
    tellers.push({ label: `${item} `, value })
  }
  return tellers
}

function answers<M extends Marked>(messages: M[], tellers: readonly Teller<M>[]): RowAnswers {
  return {
    count: messages.length,
    tell: (conversation, view, lowest) => tellRows(conversation, view, tellers, inOrder(messages, lowest)),
  }
}

function tellRows<M extends Marked>(
  conversation: Conversation,
  view: View,
  tellers: readonly Teller<M>[],
  messages: readonly M[],
): number {
  let answers = ""
  let told = 0
  for (const message of messages) {
    const sequence = view.sequenceOf(message.uid)
    if (sequence === null) continue
    told += 1
    let separator = `${conversation.fetchHead(sequence, message.uid)}(`
    for (const { label, value } of tellers) {
      answers += separator + label + value(conversation, message)
      separator = " "
    }
    answers += ")\r\n"
  }
  conversation.writer.text(answers)
  return told
}

import type { FetchItem } from "../../imap/ast.ts"
import { PeerGone, type ResponseWriter, sectionWire, stringWire } from "../../imap/response.ts"
import { type Message, StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { ClientGone, type Pace } from "../pace.ts"
import { AnswerBroken } from "../refusal.ts"
import type { View } from "../view.ts"
import type { FetchAhead, SectionItem } from "./fetch-ahead.ts"
import { type BinaryAnswers, type BinaryItem, isBinary } from "./fetch-binary.ts"
import { bytesOctets, messageOctets, type Octets, rangeOf, sectionOctets } from "./fetch-section.ts"
import { bodyOctets } from "./fetch-structure.ts"
import { rowAttributes } from "./row-answer.ts"

/** A message to be told of; `marked` when telling it sets \Seen. */
export type Fetched = { message: Message; marked: boolean }

/** The value of one item: its wire form, octets to be sent as a literal, or null for NIL. */
export type Value = { label: string | Uint8Array; value: string | Uint8Array | Octets | null }

/** What a FETCH has prepared for all of its messages. */
type Prepared = { ahead: FetchAhead; binary: BinaryAnswers }

/** What is read while it is sent. */
function sendsOctets({ item }: FetchItem): boolean {
  return item === "BODY[]" || item === "BINARY[]" || item === "RFC822" || isOldSection(item)
}

/**
 * What another session expunges while it is being sent, is sent to its end (RFC 2180 §4.1.1).
 *
 * @returns false when the message is gone
 */
export async function tellIfThere(
  conversation: Conversation,
  view: View,
  items: readonly FetchItem[],
  fetched: Fetched,
  prepared: Prepared,
): Promise<boolean> {
  const { contents } = conversation.account.store
  const { content } = fetched.message
  const tell = () => tellMessage(conversation, view, items, fetched, prepared)
  const reads = items.some((item) => sendsOctets(item) && !prepared.ahead.has(content, item))
  try {
    return await (reads ? contents.holding(content, tell) : tell())
  } catch (error) {
    if (error instanceof StoreError && error.fault === "no-such-message") return false
    throw error
  }
}

/**
 * One untagged FETCH. Its values are all looked up before its first octet is written: once it has begun it
 * cannot be taken back.
 *
 * @returns false when the client does not know the message
 * @throws StoreError `no-such-message` when another session expunged it after its row was read
 */
async function tellMessage(
  conversation: Conversation,
  view: View,
  items: readonly FetchItem[],
  fetched: Fetched,
  { ahead, binary }: Prepared,
): Promise<boolean> {
  const sequence = view.sequenceOf(fetched.message.uid)
  if (sequence === null) return false
  if (!binary.empty) await binary.measure(fetched.message)
  const { writer, pace } = conversation
  const values: Value[] = []
  for (const item of wantedOf(conversation, items, fetched)) {
    const value = isBinary(item) ? binary.answer(item) : itemValue(conversation, ahead, fetched.message, item)
    if (value !== null) values.push(value)
    if (pace.due) await pace.rest()
  }
  if (values.length === 0) return true
  let separator = `${conversation.fetchHead(sequence, fetched.message.uid)}(`
  for (const { label, value } of values) {
    writer.text(separator)
    if (typeof label === "string") writer.text(label)
    else writer.bytes(label)
    writer.text(" ")
    if (isLong(value)) await tellLong(conversation, value)
    else tellValue(writer, value)
    if (writer.congested) await writer.drained()
    if (pace.due) await pace.rest()
    separator = " "
  }
  writer.text(")\r\n")
  return true
}

/** Octets that are sent at one go: what a mail without attachments has. Waiting costs more than sending them. */
const shortOctets = 32_768

function isLong(value: Value["value"]): value is Octets {
  return (
    value !== null &&
    typeof value === "object" &&
    "pieces" in value &&
    (value.size > shortOctets || (value.slow === true && value.size > 0))
  )
}

function tellValue(writer: ResponseWriter, value: Value["value"]): void {
  if (value === null) writer.text("NIL")
  else if (typeof value === "string") writer.text(value)
  else if (value instanceof Uint8Array) writer.bytes(value)
  else if (value.size === 0) writer.text('""')
  else tellShort(writer, value)
}

/** Octets are read while they are sent; what fails now cannot be answered with NO any more. */
function tellShort(writer: ResponseWriter, { size, pieces, binary }: Octets): void {
  try {
    writer.shortLiteral(size, pieces(0, size), binary)
  } catch (error) {
    throw new AnswerBroken(error)
  }
}

async function tellLong({ writer, pace }: Conversation, { size, pieces, binary }: Octets): Promise<void> {
  try {
    await writer.literal(size, inTurns(pieces(0, size), pace), binary)
  } catch (error) {
    throw error instanceof PeerGone || error instanceof ClientGone ? error : new AnswerBroken(error)
  }
}

async function* inTurns(pieces: Iterable<Uint8Array>, pace: Pace): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    yield piece
    if (pace.due) await pace.rest()
  }
}

function wantedOf(conversation: Conversation, items: readonly FetchItem[], { marked }: Fetched): readonly FetchItem[] {
  return marked ? withSeenItems(items, conversation) : items
}

/** When this command set \Seen, FLAGS is told (RFC 3501 §6.4.5), with CONDSTORE also UID and MODSEQ (RFC 7162 §3.2.4). */
function withSeenItems(items: readonly FetchItem[], { condstore, uidOnly }: Conversation): FetchItem[] {
  const wanted = condstore ? (["UID", "FLAGS", "MODSEQ"] as const) : (["FLAGS"] as const)
  const told = uidOnly ? wanted.filter((name) => name !== "UID") : wanted
  const missing = told.filter((name) => !items.some(({ item }) => item === name))
  return [...items, ...missing.map((item): FetchItem => ({ item }))]
}

function itemValue(
  conversation: Conversation,
  ahead: FetchAhead,
  message: Message,
  item: Exclude<FetchItem, BinaryItem>,
): Value {
  const { contents } = conversation.account.store
  if (item.item === "BODY[]") {
    if (item.partial === null && isWhole(item.section))
      return { label: sectionLabel(item), value: messageOctets(contents, message) }
    const fields = ahead.fields(message.content, item)
    const octets = fields === null ? sectionOctets(contents, message, item.section) : bytesOctets(fields)
    const value = octets === null ? null : rangeOf(octets, item.partial)
    return { label: sectionLabel(item), value }
  }
  const label = item.item
  if (label === "RFC822") return { label, value: messageOctets(contents, message) }
  if (isOldSection(label)) return { label, value: sectionOctets(contents, message, oldSections[label]) }
  return { label, value: attributes[label](conversation, message, ahead) }
}

/** The same for all messages of a command, so it is made once. */
const sectionLabels = new WeakMap<SectionItem, Uint8Array>()

function sectionLabel(item: SectionItem): Uint8Array {
  const label = sectionLabels.get(item) ?? sectionWire(item.section, item.partial?.offset ?? null)
  sectionLabels.set(item, label)
  return label
}

function isWhole({ parts, what }: SectionItem["section"]): boolean {
  return parts.length === 0 && what.text === "ALL"
}

/** RFC 3501 §6.4.5: the old names of two sections. */
const oldSections = {
  "RFC822.HEADER": { parts: [], what: { text: "HEADER" } },
  "RFC822.TEXT": { parts: [], what: { text: "TEXT" } },
} as const satisfies Record<string, { parts: readonly number[]; what: { text: string } }>

type OldSection = keyof typeof oldSections

function isOldSection(name: string): name is OldSection {
  return name in oldSections
}

/** Everything that costs no more than a row; wire forms were made when the message came in. */
const attributes: Record<
  Exclude<FetchItem["item"], "BODY[]" | "RFC822" | BinaryItem["item"] | OldSection>,
  (conversation: Conversation, message: Message, ahead: FetchAhead) => string | Uint8Array
> = {
  ...rowAttributes,
  ENVELOPE: (_, { content }, ahead) => ahead.envelope(content),
  BODY: (conversation, { content }, ahead) => bodyOctets(conversation, ahead, content, false),
  BODYSTRUCTURE: (conversation, { content }, ahead) => bodyOctets(conversation, ahead, content, true),
  /** RFC 8970 §3.2: in UTF-8; it was made when the message came in, so LAZY has nothing to put off. */
  PREVIEW: ({ account }, { content }) => stringWire(Buffer.from(account.store.contents.preview(content))),
}

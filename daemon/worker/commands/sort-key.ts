import type { SortCriterion, SortKey } from "../../imap/ast.ts"
import { boundedKey, compareKeys } from "../../message/collation.ts"
import { decodeWords } from "../../message/encoded-words.ts"
import type { Order } from "../../store/orderings.ts"
import type { Store } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"
import { type FirstAddress, firstAddress } from "./envelope-address.ts"

/** What a message is sorted by, which never changes: one value per criterion. */
export type Placed = { uid: number; values: (string | number)[] }

/** The same with the message. */
export type Sortable = Placed & { message: Message }

/** What is read of a message; the envelope only where a criterion looks at addresses. */
type Facts = Order & { envelope: Uint8Array }
type Reader = (message: Message, facts: Facts) => string | number

const noEnvelope = new Uint8Array(0)

/** Of many messages at one go; what another session expunged is left out. */
export function sortablesOf(
  { contents, orderings }: Store,
  messages: readonly Message[],
  criteria: readonly SortCriterion[],
): Sortable[] {
  const ids = messages.map(({ content }) => content)
  const orders = orderings.of(ids)
  const envelopes = criteria.some(({ key }) => addressKeys.has(key)) ? contents.wires.of("envelope", ids) : null
  const envelopeOf = (content: number) =>
    envelopes === null ? noEnvelope : (envelopes.get(content) ?? contents.envelope(content))
  return messages.flatMap((message) => {
    const order = orders.get(message.content)
    if (order === undefined) return []
    const facts = { ...order, envelope: envelopeOf(message.content) }
    return { uid: message.uid, message, values: criteria.map(({ key }) => readers[key](message, facts)) }
  })
}

/** RFC 5256 §3: one criterion after the other; what is equal in all of them stays in mailbox order. */
export function comparison(criteria: readonly SortCriterion[]): (a: Placed, b: Placed) => number {
  return (a, b) => {
    for (const [index, { reverse }] of criteria.entries()) {
      const order = compareValues(a.values[index], b.values[index])
      if (order !== 0) return reverse ? -order : order
    }
    return a.uid - b.uid
  }
}

function compareValues(a: string | number | undefined, b: string | number | undefined): number {
  return typeof a === "string" && typeof b === "string" ? compareKeys(a, b) : Number(a) - Number(b)
}

const addressKeys: ReadonlySet<SortKey> = new Set(["CC", "FROM", "TO", "DISPLAYFROM", "DISPLAYTO"])

/** RFC 5256 §3 and RFC 5957 §4. */
const readers: Readonly<Record<SortKey, Reader>> = {
  ARRIVAL: ({ internalDate }) => internalDate,
  CC: (_, { envelope }) => mailboxOf(firstAddress(envelope, "cc")),
  DATE: sentDate,
  FROM: (_, { envelope }) => mailboxOf(firstAddress(envelope, "from")),
  SIZE: ({ size }) => size,
  SUBJECT: (_, { baseSubject }) => boundedKey(baseSubject),
  TO: (_, { envelope }) => mailboxOf(firstAddress(envelope, "to")),
  DISPLAYFROM: (_, { envelope }) => displayOf(firstAddress(envelope, "from")),
  DISPLAYTO: (_, { envelope }) => displayOf(firstAddress(envelope, "to")),
}

/** RFC 5256 §2.2: where Date cannot be read, INTERNALDATE takes its place. */
export function sentDate({ internalDate }: Message, { sentAt }: Order): number {
  return sentAt ?? internalDate
}

/** "addr-mailbox of the first address"; empty when there is none. */
function mailboxOf(address: FirstAddress | null): string {
  return boundedKey(address?.mailbox ?? "")
}

/** RFC 5957 §3: the decoded name, else the address, else what there is of it. */
function displayOf(address: FirstAddress | null): string {
  if (address === null) return ""
  const name = address.name === null ? "" : decodeWords(address.name)
  if (name !== "") return boundedKey(name)
  if (address.mailbox === null) return ""
  return boundedKey(address.host === null ? address.mailbox : `${address.mailbox}@${address.host}`)
}

import type { SortCriterion, SortKey } from "../../imap/ast.ts"
import { collationKey, compareKeys } from "../../message/collation.ts"
import { decodeWords } from "../../message/encoded-words.ts"
import type { Contents } from "../../store/contents.ts"
import type { Message } from "../../store/types.ts"
import { type FirstAddress, firstAddress } from "./envelope-address.ts"

/** A message with what it is sorted by: one value per criterion. */
export type Sortable = { message: Message; values: (string | number)[] }

type Reader = (contents: Contents, message: Message) => string | number

/** @throws StoreError `no-such-message` */
export function sortableOf(contents: Contents, message: Message, criteria: readonly SortCriterion[]): Sortable {
  return { message, values: criteria.map(({ key }) => readers[key](contents, message)) }
}

/** RFC 5256 §3: one criterion after the other; what is equal in all of them stays in mailbox order. */
export function comparison(criteria: readonly SortCriterion[]): (a: Sortable, b: Sortable) => number {
  return (a, b) => {
    for (const [index, { reverse }] of criteria.entries()) {
      const order = compareValues(a.values[index], b.values[index])
      if (order !== 0) return reverse ? -order : order
    }
    return a.message.uid - b.message.uid
  }
}

function compareValues(a: string | number | undefined, b: string | number | undefined): number {
  return typeof a === "string" && typeof b === "string" ? compareKeys(a, b) : Number(a) - Number(b)
}

/** RFC 5256 §3 and RFC 5957 §4; each reads no more of a message than it has to. */
const readers: Readonly<Record<SortKey, Reader>> = {
  ARRIVAL: (_, { internalDate }) => internalDate,
  CC: (contents, { content }) => mailboxOf(firstAddress(contents.envelope(content), "cc")),
  DATE: sentDate,
  FROM: (contents, { content }) => mailboxOf(firstAddress(contents.envelope(content), "from")),
  SIZE: (_, { size }) => size,
  SUBJECT: (contents, { content }) => collationKey(contents.baseSubject(content)),
  TO: (contents, { content }) => mailboxOf(firstAddress(contents.envelope(content), "to")),
  DISPLAYFROM: (contents, { content }) => displayOf(firstAddress(contents.envelope(content), "from")),
  DISPLAYTO: (contents, { content }) => displayOf(firstAddress(contents.envelope(content), "to")),
}

/** RFC 5256 §2.2: where Date cannot be read, INTERNALDATE takes its place. */
export function sentDate(contents: Contents, { content, internalDate }: Message): number {
  return contents.sentAt(content) ?? internalDate
}

/** "addr-mailbox of the first address"; empty when there is none. */
function mailboxOf(address: FirstAddress | null): string {
  return collationKey(address?.mailbox ?? "")
}

/** RFC 5957 §3: the decoded name, else the address, else what there is of it. */
function displayOf(address: FirstAddress | null): string {
  if (address === null) return ""
  const name = address.name === null ? "" : decodeWords(address.name)
  if (name !== "") return collationKey(name)
  if (address.mailbox === null) return ""
  return collationKey(address.host === null ? address.mailbox : `${address.mailbox}@${address.host}`)
}

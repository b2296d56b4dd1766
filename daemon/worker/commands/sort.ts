import type { SortCriterion, SortKey } from "../../imap/ast.ts"
import { boundedKey, compareKeys } from "../../message/collation.ts"
import type { OrderKey } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"
import { SortedOrder } from "../context-members.ts"
import type { Conversation } from "../conversation.ts"
import type { Pace } from "../pace.ts"
import { countOf, type Range } from "../view.ts"
import { BatchSize } from "./batch-size.ts"
import type { CommandOf, Family } from "./command.ts"
import { pacedSort } from "./paced-sort.ts"
import { type Arrangement, answerSearch, type Found } from "./search-answer.ts"
import { findWithin, isSettled, namesNumbers } from "./search-run.ts"
import { comparison, type Placed, type Sortable, sortablesOf } from "./sort-key.ts"

type SortCommand = CommandOf<"SORT">

export const sortFamily: Family<"SORT"> = {
  capabilities: [
    { name: "SORT", rfc: 5256 },
    { name: "SORT=DISPLAY", rfc: 5957 },
    { name: "ESORT", rfc: 5267 },
  ],
  commands: {
    SORT: {
      state: "selected",
      expunges: "in-uid-form",
      run: (conversation, command) => answerSearch(conversation, command, sortedBy(conversation, command)),
      holdsExpunges: ({ key }) => namesNumbers(key),
    },
  },
}

/** What is sorted, in mailbox order, and of each criterion a value for each. */
type Unsorted = { found: Found[]; columns: (number | string)[][] }

/** Reads of messages that were looked at what they are sorted by. */
type Read = (messages: readonly Message[]) => Sortable[]

/** Sorts, and remembers by what, for as long as the command runs or its result is kept up to date. */
function sortedBy(conversation: Conversation, command: SortCommand): Arrangement {
  const { criteria } = command
  const { store } = conversation.account
  const read: Read = (messages) => sortablesOf(store, messages, criteria)
  let known: Unsorted = { found: [], columns: [] }
  let order: readonly number[] = []
  return {
    find: async (ranges) => {
      known = await unsorted(conversation, command, ranges, read)
      order = await orderOf(known, criteria, conversation.pace)
      return order.map((index) => known.found[index] as Found)
    },
    members: (told) => {
      const uids = new Set(told.map(({ uid }) => uid))
      const placed = order.map((index) => placeOf(known, index)).filter(({ uid }) => uids.has(uid))
      return new SortedOrder({ compare: comparison(criteria), place: (messages) => read(messages).map(bare) }, placed)
    },
  }
}

function placeOf({ found, columns }: Unsorted, index: number): Placed {
  return { uid: found[index]?.uid ?? 0, values: columns.map((column) => column[index] ?? 0) }
}

/** Without the message, which would otherwise be kept. */
function bare({ uid, values }: Sortable): Placed {
  return { uid, values }
}

/** Indexes of what was found, in the order wanted. */
async function orderOf(
  { found, columns }: Unsorted,
  criteria: readonly SortCriterion[],
  pace: Pace,
): Promise<number[]> {
  const ranks: Float64Array[] = []
  for (const column of columns) ranks.push(await ranksOf(column, pace))
  const indexes = found.map((_, index) => index)
  return pacedSort(indexes, byRank(ranks, criteria), pace)
}

/** What the engine can say by itself is read without the messages. */
async function unsorted(
  conversation: Conversation,
  command: SortCommand,
  ranges: Range[],
  read: Read,
): Promise<Unsorted> {
  const keys = orderKeys(command)
  if (keys !== null && conversation.account.store.orderings.complete)
    return readKeys(conversation, command, ranges, keys)
  const messages = await findWithin(conversation, conversation.selected(), command, ranges)
  const sortables = await readMany(conversation, command.tag, messages, read)
  const columns = command.criteria.map((_, at) => sortables.map(({ values }) => values[at] ?? 0))
  return { found: sortables.map(({ message }) => message), columns }
}

/** Null when the messages have to be looked at, too. */
function orderKeys({ key, criteria }: SortCommand): OrderKey[] | null {
  const keys = criteria.map((criterion) => criterion.key).filter(isOrderKey)
  return isSettled(key) && keys.length === criteria.length ? keys : null
}

function isOrderKey(key: SortKey): key is OrderKey {
  return key === "ARRIVAL" || key === "DATE" || key === "SIZE" || key === "SUBJECT"
}

async function readKeys(
  conversation: Conversation,
  { tag }: SortCommand,
  ranges: Range[],
  keys: readonly OrderKey[],
): Promise<Unsorted> {
  const view = conversation.selected()
  const { orderings } = conversation.account.store
  const pace = conversation.pace
  const progress = conversation.progress(tag, countOf(ranges))
  const found: Found[] = []
  const columns = keys.map((): (number | string)[] => [])
  const collated = new Map<string, string>()
  const collate = (text: string) => {
    const key = collated.get(text) ?? boundedKey(text)
    collated.set(text, key)
    return key
  }
  for (const batch of view.batches(ranges, keysAtOnce)) {
    for (const row of batch.flatMap((range) => orderings.keys(view.state.mailbox, range, keys))) {
      found.push({ uid: row[0], modseq: 0 })
      for (const [at, column] of columns.entries()) {
        const value = row[at + 1] ?? 0
        column.push(typeof value === "string" ? collate(value) : value)
      }
      if (pace.due) await pace.rest()
    }
    progress.add(keysAtOnce)
  }
  return { found, columns }
}

/** Numbers in the order of the values: these are compared once for each different text, not for each message. */
async function ranksOf(values: readonly (number | string)[], pace: Pace): Promise<Float64Array> {
  const texts = new Set<string>()
  for (const value of values) if (typeof value === "string") texts.add(value)
  const ranks = new Map((await pacedSort([...texts], compareKeys, pace)).map((text, rank) => [text, rank]))
  return Float64Array.from(values, (value) => (typeof value === "string" ? (ranks.get(value) ?? 0) : value))
}

/** As `comparison`, of indexes. */
function byRank(ranks: readonly Float64Array[], criteria: readonly SortCriterion[]) {
  const columns = ranks.map((values, at) => ({ values, sign: criteria[at]?.reverse === true ? -1 : 1 }))
  return (a: number, b: number): number => {
    for (const { values, sign } of columns) {
      const order = (values[a] ?? 0) - (values[b] ?? 0)
      if (order !== 0) return sign * order
    }
    return a - b
  }
}

/** Messages of which keys are read at one go. */
const keysAtOnce = 500

/** After the search: reads something of all that it found, some at a time, and gives way in between. @throws ClientGone */
export async function readMany<T>(
  conversation: Conversation,
  tag: string,
  messages: readonly Message[],
  read: (messages: readonly Message[]) => readonly T[],
): Promise<T[]> {
  const pace = conversation.pace
  const progress = conversation.progress(tag, null)
  const all: T[] = []
  const size = new BatchSize()
  for (let at = 0; at < messages.length; ) {
    const batch = messages.slice(at, at + size.next())
    at += batch.length
    for (const each of size.measure(() => read(batch))) all.push(each)
    progress.add(batch.length)
    if (pace.due) await pace.rest()
  }
  return all
}

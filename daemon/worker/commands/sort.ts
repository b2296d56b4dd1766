import type { Message } from "../../store/types.ts"
import { SortedOrder } from "../context-members.ts"
import type { Conversation } from "../conversation.ts"
import type { CommandOf, Family } from "./command.ts"
import { pacedSort } from "./paced-sort.ts"
import { type Arrangement, answerSearch } from "./search-answer.ts"
import { namesNumbers } from "./search-run.ts"
import { comparison, type Placed, type Sortable, sortablesOf } from "./sort-key.ts"

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

/** Sorts, and remembers by what, for as long as the command runs or its result is kept up to date. */
function sortedBy(conversation: Conversation, { tag, criteria }: CommandOf<"SORT">): Arrangement {
  const { contents } = conversation.account.store
  const read = (messages: readonly Message[]) => sortablesOf(contents, messages, criteria)
  const compare = comparison(criteria)
  let sorted: readonly Sortable[] = []
  return {
    arrange: async (found) => {
      sorted = await pacedSort(await readMany(conversation, tag, found, read), compare, conversation.pace)
      return sorted.map(({ message }) => message)
    },
    members: (told) => {
      const uids = new Set(told.map(({ uid }) => uid))
      const placed = placesOf(sorted).filter(({ uid }) => uids.has(uid))
      return new SortedOrder({ compare, place: (messages) => placesOf(read(messages)) }, placed)
    },
  }
}

function placesOf(sortables: readonly Sortable[]): Placed[] {
  return sortables.map(({ uid, values }) => ({ uid, values }))
}

/** Messages read at one go. */
const batchMessages = 250

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
  for (let at = 0; at < messages.length; at += batchMessages) {
    for (const each of read(messages.slice(at, at + batchMessages))) all.push(each)
    progress.add(batchMessages)
    if (pace.due) await pace.rest()
  }
  return all
}

import type { Message } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { CommandOf, Family } from "./command.ts"
import { pacedSort } from "./paced-sort.ts"
import { answerSearch } from "./search-answer.ts"
import { namesNumbers } from "./search-run.ts"
import { comparison, sortablesOf } from "./sort-key.ts"

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
      run: (conversation, command) =>
        answerSearch(conversation, command, (found) => sorted(conversation, command, found)),
      holdsExpunges: ({ key }) => namesNumbers(key),
    },
  },
}

async function sorted(
  conversation: Conversation,
  { tag, criteria }: CommandOf<"SORT">,
  found: Message[],
): Promise<Message[]> {
  const { contents } = conversation.account.store
  const read = (messages: readonly Message[]) => sortablesOf(contents, messages, criteria)
  const sortables = await readMany(conversation, tag, found, read)
  const inOrder = await pacedSort(sortables, comparison(criteria), conversation.pace)
  return inOrder.map(({ message }) => message)
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

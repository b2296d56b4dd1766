import { type Message, StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { CommandOf, Family } from "./command.ts"
import { pacedSort } from "./paced-sort.ts"
import { answerSearch } from "./search-answer.ts"
import { namesNumbers } from "./search-run.ts"
import { comparison, type Sortable, sortableOf } from "./sort-key.ts"

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
  { criteria }: CommandOf<"SORT">,
  found: Message[],
): Promise<Message[]> {
  const { contents } = conversation.account.store
  const sortables = await readEach(conversation, found, (message): Sortable => sortableOf(contents, message, criteria))
  const inOrder = await pacedSort(sortables, comparison(criteria), conversation.pace())
  return inOrder.map(({ message }) => message)
}

/** Reads something of each message, giving way meanwhile; what another session expunged is left out. @throws ClientGone */
export async function readEach<T>(
  conversation: Conversation,
  messages: readonly Message[],
  read: (message: Message) => T,
): Promise<T[]> {
  const pace = conversation.pace()
  const all: T[] = []
  for (const message of messages) {
    try {
      all.push(read(message))
    } catch (error) {
      if (!(error instanceof StoreError) || error.fault !== "no-such-message") throw error
    }
    if (pace.due) await pace.rest()
  }
  return all
}

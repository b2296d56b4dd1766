import type { FetchItem } from "../../imap/ast.ts"
import { untagged } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import { lastingKey, rangesIn, SearchContext } from "../search-context.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import type { Hit } from "./search-answer.ts"

export const searchUpdateFamily: Family<"CANCELUPDATE"> = {
  capabilities: [{ name: "CONTEXT=SEARCH", rfc: 5267 }],
  commands: { CANCELUPDATE: { state: "selected", expunges: "yes", run: cancelUpdate } },
}

/** RFC 5267 §4.3: a tag that stands for a context cannot be given to another. @throws Refused BAD */
export function refuseTagReuse(conversation: Conversation, tag: string): void {
  if (conversation.selected().contexts.has(tag)) throw new Refused({ status: "BAD", text: "Tag reuse" })
}

/**
 * Keeps the result of a SEARCH for the client. NOUPDATE (RFC 5267 §4.3.1) where that cannot be exact, where
 * there are too many, and for a sorted result.
 */
export function keepUpdated(
  conversation: Conversation,
  command: CommandOf<"SEARCH"> | CommandOf<"SORT">,
  hits: readonly Hit[],
  items: readonly FetchItem[],
): void {
  const view = conversation.selected()
  const key = command.name === "SEARCH" ? lastingKey(command.key, view) : null
  const { max_contexts, max_sequence_ranges } = conversation.account.limits
  if (key === null || rangesIn(key) > max_sequence_ranges || view.contexts.size >= max_contexts) {
    sayNoUpdate(conversation, command.tag)
    return
  }
  const members = hits.map(({ uid }) => uid)
  view.contexts.set(command.tag, new SearchContext({ tag: command.tag, uid: command.uid, key, items }, members))
}

export function sayNoUpdate({ writer }: Conversation, tag: string): void {
  writer.text(untagged("NO", "This search will not be updated", { code: "NOUPDATE", tag }))
}

/** RFC 5267 §4.3.5; all of the tags, or none. */
function cancelUpdate(conversation: Conversation, { tags }: CommandOf<"CANCELUPDATE">): Completion {
  const { contexts } = conversation.selected()
  if (!tags.every((tag) => contexts.has(tag))) throw new Refused({ status: "BAD", text: "Unknown tag" })
  for (const tag of tags) contexts.delete(tag)
  return { text: "CANCELUPDATE completed" }
}

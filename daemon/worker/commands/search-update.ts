import type { FetchItem, SearchKey } from "../../imap/ast.ts"
import { untagged } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import { lastingKey, rangesIn, SearchContext } from "../search-context.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import type { Arrangement, Hit, Searching } from "./search-answer.ts"

export const searchUpdateFamily: Family<"CANCELUPDATE"> = {
  capabilities: [
    { name: "CONTEXT=SEARCH", rfc: 5267 },
    { name: "CONTEXT=SORT", rfc: 5267 },
  ],
  commands: { CANCELUPDATE: { state: "selected", expunges: "yes", run: cancelUpdate } },
}

/** RFC 5267 §4.3: a tag that stands for a context cannot be given to another. @throws Refused BAD */
export function refuseTagReuse(conversation: Conversation, tag: string): void {
  if (conversation.selected().contexts.has(tag)) throw new Refused({ status: "BAD", text: "Tag reuse" })
}

/** Keeps a result for the client, as it was told. */
export function keepUpdated(
  conversation: Conversation,
  command: Searching,
  told: readonly Hit[],
  arrangement: Arrangement,
  items: readonly FetchItem[],
): void {
  const view = conversation.selected()
  const { tag, uid } = command
  const key = lastingKey(command.key, view)
  if (key === null || isTooMuch(conversation, command, key, told.length)) return sayNoUpdate(conversation, tag)
  const members = arrangement.members(told)
  const { kept, limits } = conversation.account
  if (!kept.keep(members, limits.max_contexts_bytes)) return sayNoUpdate(conversation, tag)
  view.contexts.set(tag, new SearchContext({ tag, uid, key, items }, members))
}

/** RFC 5267 §4.3.1: a server may have such limits. A sorted result has to keep what it is sorted by. */
function isTooMuch(conversation: Conversation, { name }: Searching, key: SearchKey, messages: number): boolean {
  const { max_contexts, max_sorted_context, max_sequence_ranges } = conversation.account.limits
  if (conversation.selected().contexts.size >= max_contexts) return true
  return rangesIn(key) > max_sequence_ranges || (name === "SORT" && messages > max_sorted_context)
}

export function sayNoUpdate({ writer }: Conversation, tag: string): void {
  writer.text(untagged("NO", "This search will not be updated", { code: "NOUPDATE", tag }))
}

/** RFC 5267 §4.3.5; all of the tags, or none. NO, not BAD: the client may not have seen NOUPDATE yet. */
function cancelUpdate(conversation: Conversation, { tags }: CommandOf<"CANCELUPDATE">): Completion {
  const { contexts } = conversation.selected()
  const ended = tags.map((tag) => contexts.get(tag)).filter((context) => context !== undefined)
  if (ended.length < tags.length) throw new Refused({ status: "NO", text: "No such updates" })
  for (const { members } of ended) conversation.account.kept.forget(members)
  for (const tag of tags) contexts.delete(tag)
  return { text: "CANCELUPDATE completed" }
}

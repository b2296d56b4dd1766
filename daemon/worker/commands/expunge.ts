import type { ResponseCode } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import { type Permitted, partial, permitted } from "../message-limit.ts"
import { intersection, type Range, type View } from "../view.ts"
import { BatchSize, evenCost, keywordOctets } from "./batch-size.ts"
import { inBatches } from "./batches.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

export const expungeFamily: Family<"EXPUNGE" | "UID EXPUNGE"> = {
  capabilities: [{ name: "UIDPLUS", rfc: 4315 }],
  commands: {
    EXPUNGE: { state: "selected", expunges: "yes", run: expunge },
    "UID EXPUNGE": { state: "selected", expunges: "yes", run: uidExpunge },
  },
}

/** RFC 3501 §6.4.3. The untagged EXPUNGE come from the view, like those of other sessions. */
async function expunge(conversation: Conversation, { tag }: CommandOf<"EXPUNGE">): Promise<Completion> {
  conversation.refuseReadOnly()
  const any = await expungeAll(conversation, tag, conversation.selected().state.mailbox)
  return { ...(await highestAfterExpunge(conversation, any)), text: "EXPUNGE completed" }
}

/** RFC 4315 §2.1: only messages that are both \Deleted and in the set. */
async function uidExpunge(conversation: Conversation, { tag, set }: CommandOf<"UID EXPUNGE">): Promise<Completion> {
  conversation.refuseReadOnly()
  const view = conversation.selected()
  const { mailbox } = view.state
  const { ranges, lowest } = deleted(conversation, view, view.resolve(set, true))
  const uids = view.uidsIn(ranges)
  const any = await expungeEach(conversation, tag, mailbox, uids)
  const completion = { ...(await highestAfterExpunge(conversation, any)), text: "UID EXPUNGE completed" }
  return partial(conversation, completion, lowest)
}

/** RFC 9738 §3.1: what has to go, and not what was named, is limited. */
function deleted(conversation: Conversation, view: View, ranges: Range[]): Permitted {
  const limited = permitted(conversation, view, ranges)
  if (limited.lowest === null) return limited
  const gone = conversation.account.store.messages.deleted(view.state.mailbox)
  return permitted(conversation, view, intersection(ranges, view.rangesOf(gone)))
}

/** RFC 7162 §3.2.7, §3.2.9: after an expunge, the mod-sequence up to which the client has now been told everything. */
export async function highestAfterExpunge(conversation: Conversation, any: boolean): Promise<{ code?: ResponseCode }> {
  if (!any || !conversation.qresync) return {}
  await conversation.tell(true)
  return { code: { code: "HIGHESTMODSEQ", value: conversation.selected().toldModseq } }
}

/** Every \Deleted message, also those this client has not been told of. @returns whether there was one */
export async function expungeAll(conversation: Conversation, tag: string, mailbox: number): Promise<boolean> {
  const { store } = conversation.account
  if (store.mailboxes.status(mailbox).deleted === 0) return false
  return expungeEach(conversation, tag, mailbox, store.messages.deleted(mailbox))
}

/** @returns whether any was there */
async function expungeEach(
  conversation: Conversation,
  tag: string,
  mailbox: number,
  uids: readonly number[],
): Promise<boolean> {
  const { messages, mailboxes } = conversation.account.store
  let any = false
  const work = (batch: number[]) => {
    any = messages.expunge(mailbox, batch).length > 0 || any
  }
  const size = new BatchSize(evenCost(keywordOctets(mailboxes.keywords(mailbox))))
  await inBatches(conversation, tag, uids, work, size)
  return any
}

import type { Conversation } from "../conversation.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

/** Messages removed in one transaction. */
const batchMessages = 500

export const expungeFamily: Family<"EXPUNGE" | "UID EXPUNGE"> = {
  capabilities: [{ name: "UIDPLUS", rfc: 4315 }],
  commands: {
    EXPUNGE: { state: "selected", expunges: "yes", run: expunge },
    "UID EXPUNGE": { state: "selected", expunges: "yes", run: uidExpunge },
  },
}

/** RFC 3501 §6.4.3. The untagged EXPUNGE come from the view, like those of other sessions. */
async function expunge(conversation: Conversation): Promise<Completion> {
  conversation.refuseReadOnly()
  await expungeAll(conversation, conversation.selected().state.mailbox)
  return { text: "EXPUNGE completed" }
}

/** RFC 4315 §2.1: only messages that are both \Deleted and in the set. */
async function uidExpunge(conversation: Conversation, { set }: CommandOf<"UID EXPUNGE">): Promise<Completion> {
  conversation.refuseReadOnly()
  const view = conversation.selected()
  const { messages } = conversation.account.store
  const pace = conversation.pace()
  for (const batch of view.batches(view.resolve(set, true), batchMessages)) {
    messages.expunge(view.state.mailbox, view.uidsBetween(batch))
    await pace.rest()
  }
  return { text: "UID EXPUNGE completed" }
}

/** Every \Deleted message, also those this client has not been told of. */
export async function expungeAll(conversation: Conversation, mailbox: number): Promise<void> {
  const { store } = conversation.account
  if (store.mailboxes.status(mailbox).deleted === 0) return
  const pace = conversation.pace()
  const uids = store.messages.uids(mailbox)
  for (let at = 0; at < uids.length && store.mailboxes.status(mailbox).deleted > 0; at += batchMessages) {
    store.messages.expunge(mailbox, uids.slice(at, at + batchMessages))
    await pace.rest()
  }
}

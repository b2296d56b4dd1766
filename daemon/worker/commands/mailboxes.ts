import { StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { Pace } from "../pace.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { tellMailbox } from "./list.ts"
import { useFor } from "./special-use.ts"

export const mailboxFamily: Family<"CREATE" | "DELETE" | "RENAME" | "SUBSCRIBE" | "UNSUBSCRIBE"> = {
  capabilities: [{ name: "CREATE-SPECIAL-USE", rfc: 6154 }],
  commands: {
    CREATE: { state: "authenticated", expunges: "yes", run: create },
    DELETE: { state: "authenticated", expunges: "yes", run: remove },
    RENAME: { state: "authenticated", expunges: "yes", run: rename },
    SUBSCRIBE: { state: "authenticated", expunges: "yes", run: subscribe },
    UNSUBSCRIBE: { state: "authenticated", expunges: "yes", run: subscribe },
  },
}

/** RFC 3501 §6.3.3, its USE of RFC 6154 §3, and its MAILBOXID of RFC 8474 §4.1. */
function create(conversation: Conversation, { mailbox, uses }: CommandOf<"CREATE">): Completion {
  const { store } = conversation.account
  const { objectId, name } = store.mailboxes.create(mailbox, useFor(store, uses))
  tellIfRenamed(conversation, name, conversation.line.supplied(mailbox))
  return { code: { code: "MAILBOXID", id: objectId }, text: "CREATE completed" }
}

/**
 * RFC 3501 §6.3.4. A client that deletes the mailbox it has selected has none selected afterwards; another
 * one that has it selected is told BYE (RFC 2180 §3.3), because it counts messages which are no more.
 */
async function remove(conversation: Conversation, { mailbox }: CommandOf<"DELETE">): Promise<Completion> {
  const { mailboxes } = conversation.account.store
  const { id } = mailboxes.named(mailbox)
  mailboxes.delete(mailbox)
  if (conversation.view?.state.mailbox === id) conversation.deselect()
  tellIfRenamed(conversation, mailbox, conversation.line.supplied(mailbox))
  await clear(conversation)
  return { text: "DELETE completed" }
}

/** The mailbox is gone already; what cannot be cleared on a full disk goes when it is opened the next time. */
async function clear({ account }: Conversation): Promise<void> {
  const pace = new Pace(() => false)
  try {
    while (account.store.mailboxes.clear()) await pace.rest()
  } catch (error) {
    if (!(error instanceof StoreError && error.fault === "disk-full")) throw error
    account.log.warn({}, "the disk is full: messages of a deleted mailbox are still there")
  }
}

/** RFC 3501 §6.3.5. Who has it selected keeps it under its new name; of INBOX, the messages move away. */
function rename(conversation: Conversation, { from, to }: CommandOf<"RENAME">): Completion {
  const { account, line } = conversation
  account.store.mailboxes.rename(from, to)
  const differs = line.supplied(from) !== null || line.supplied(to) !== null
  if (differs) tellIfRenamed(conversation, to.replace(/\/$/, ""), line.supplied(from) ?? from)
  return { text: "RENAME completed" }
}

/** RFC 9051 §6.3.9.7: how we call a mailbox that the client called otherwise. */
export function tellIfRenamed(conversation: Conversation, name: string, supplied: string | null): void {
  if (conversation.rev2 && supplied !== null) tellMailbox(conversation, name, supplied)
}

/** RFC 3501 §6.3.6, §6.3.7. */
function subscribe({ account }: Conversation, { name, mailbox }: CommandOf<"SUBSCRIBE">): Completion {
  account.store.mailboxes.subscribe(mailbox, name === "SUBSCRIBE")
  return { text: `${name} completed` }
}

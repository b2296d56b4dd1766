import { untagged } from "../../imap/response.ts"
import { type Mailbox, StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { View } from "../view.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { expungeAll } from "./expunge.ts"
import { tellMailbox } from "./list.ts"
import { refuseWithoutQresync, resynchronise } from "./resync.ts"

export const selectFamily: Family<"SELECT" | "EXAMINE" | "CLOSE" | "UNSELECT"> = {
  capabilities: [
    { name: "UNSELECT", rfc: 3691 },
    { name: "CONDSTORE", rfc: 7162 },
    { name: "QRESYNC", rfc: 7162 },
  ],
  commands: {
    SELECT: { state: "authenticated", expunges: "yes", run: select },
    EXAMINE: { state: "authenticated", expunges: "yes", run: select },
    CLOSE: { state: "selected", expunges: "yes", run: close },
    UNSELECT: { state: "selected", expunges: "yes", run: unselect },
  },
}

/** RFC 3501 §6.3.1, §6.3.2. Whatever happens, the mailbox selected before no longer is. */
async function select(conversation: Conversation, command: CommandOf<"SELECT">): Promise<Completion> {
  const { store, settle } = conversation.account
  const { condstore, qresync } = command.parameters
  if (qresync !== null) refuseWithoutQresync(conversation)
  if (conversation.view !== null) {
    conversation.deselect()
    // RFC 7162 §3.2.11: what follows is about the next mailbox.
    conversation.writer.text(untagged("OK", "Previous mailbox is now closed", "CLOSED"))
  }
  if (command.mailbox === "INBOX") await settle()
  const mailbox = store.mailboxes.named(command.mailbox)
  if (!mailbox.selectable) throw new StoreError("not-selectable")
  if (condstore) conversation.enableCondstoreQuietly()
  const readOnly = command.name === "EXAMINE"
  const view = View.open(store, mailbox, readOnly)
  conversation.select(view)
  describe(conversation, mailbox, view)
  if (qresync !== null) await resynchronise(conversation, mailbox, view, qresync)
  return { code: readOnly ? "READ-ONLY" : "READ-WRITE", text: `${command.name} completed` }
}

/**
 * The untagged answers of SELECT: RFC 3501 §6.3.1, RFC 7162 §3.1.2.1, RFC 8474 §4.2; in IMAP4rev2 without
 * RECENT and UNSEEN, and with LIST (RFC 9051 §6.3.2).
 */
function describe(conversation: Conversation, mailbox: Mailbox, view: View): void {
  const { writer, account } = conversation
  const unseen = account.store.messages.firstUnseen(mailbox.id)
  // RFC 9586 §3: no message numbers are told.
  const firstUnseen = unseen === null || conversation.uidOnly ? null : view.sequenceOf(unseen)
  conversation.tellFlagNames(view, account.store.mailboxes.keywords(mailbox.id), view.state.readOnly)
  conversation.tellCounts(view)
  if (firstUnseen !== null && !conversation.rev2)
    writer.text(untagged("OK", "First unseen", { code: "UNSEEN", value: firstUnseen }))
  writer.text(untagged("OK", "UIDs valid", { code: "UIDVALIDITY", value: mailbox.uidValidity }))
  writer.text(untagged("OK", "Next UID", { code: "UIDNEXT", value: mailbox.uidNext }))
  writer.text(untagged("OK", "Highest", { code: "HIGHESTMODSEQ", value: mailbox.highestModseq }))
  writer.text(untagged("OK", "Mailbox ID", { code: "MAILBOXID", id: mailbox.objectId }))
  if (conversation.rev2) tellMailbox(conversation, mailbox.name, conversation.line.supplied(mailbox.name))
}

/** RFC 3501 §6.4.2: expunges without telling, unless the mailbox is open read-only. */
async function close(conversation: Conversation, { tag }: CommandOf<"CLOSE">): Promise<Completion> {
  const view = conversation.selected()
  conversation.deselect()
  // CLOSE cannot fail: of a mailbox that another session deleted there is nothing left to expunge.
  const there = conversation.account.store.mailboxes.byId(view.state.mailbox) !== undefined
  if (there && !view.state.readOnly) await expungeAll(conversation, tag, view.state.mailbox)
  return { text: "CLOSE completed" }
}

/** RFC 3691 §2. */
function unselect(conversation: Conversation): Completion {
  conversation.deselect()
  return { text: "UNSELECT completed" }
}

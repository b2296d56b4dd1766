import type { StatusItem } from "../../imap/ast.ts"
import { mailboxWire } from "../../imap/response.ts"
import { type Mailbox, type MailboxStatus, StoreError } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

export const statusFamily: Family<"STATUS"> = {
  capabilities: [
    { name: "STATUS=SIZE", rfc: 8438 },
    { name: "OBJECTID", rfc: 8474 },
  ],
  commands: { STATUS: { state: "authenticated", expunges: "yes", run: status } },
}

/** RFC 3501 §6.3.10. */
async function status(conversation: Conversation, { mailbox: name, items }: CommandOf<"STATUS">): Promise<Completion> {
  const { store, settle } = conversation.account
  if (name === "INBOX") await settle()
  const mailbox = store.mailboxes.named(name)
  if (!mailbox.selectable) throw new StoreError("not-selectable")
  tellStatus(conversation, mailbox, items)
  return { text: "STATUS completed" }
}

/** One untagged STATUS that was asked for. Asking for HIGHESTMODSEQ enables CONDSTORE (RFC 7162 §3.1). */
export function tellStatus(conversation: Conversation, mailbox: Mailbox, items: readonly StatusItem[]): void {
  writeStatus(conversation, mailbox, items)
  if (items.includes("HIGHESTMODSEQ")) conversation.enableCondstore()
}

/** One untagged STATUS. */
export function writeStatus(conversation: Conversation, mailbox: Mailbox, items: readonly StatusItem[]): void {
  const counted = conversation.account.store.mailboxes.status(mailbox.id)
  const answers = items.map((item) => `${item} ${values[item](counted, mailbox, conversation)}`)
  conversation.writer
    .text("* STATUS ")
    .bytes(mailboxWire(mailbox.name, conversation.utf8))
    .text(` (${answers.join(" ")})\r\n`)
}

/** Complete by type: an item that the grammar learns is answered here. */
const values: Record<
  StatusItem,
  (counted: MailboxStatus, mailbox: Mailbox, conversation: Conversation) => number | string
> = {
  MESSAGES: ({ messages }) => messages,
  RECENT: ({ recent }) => recent,
  UIDNEXT: ({ uidNext }) => uidNext,
  UIDVALIDITY: ({ uidValidity }) => uidValidity,
  UNSEEN: ({ unseen }) => unseen,
  HIGHESTMODSEQ: ({ highestModseq }) => highestModseq,
  /** RFC 8438 §3: octets of all messages. */
  SIZE: ({ size }) => size,
  /** RFC 9051 §6.3.11 */
  DELETED: ({ deleted }) => deleted,
  /** RFC 9208 §4.1.4 */
  "DELETED-STORAGE": (_, { id }, { account }) => account.store.messages.deletedSize(id),
  /** RFC 7889 §3.1: the same as in CAPABILITY, for clients that only ask for it mailbox by mailbox. */
  APPENDLIMIT: (_, _mailbox, { account }) => account.maxMessageBytes,
  MAILBOXID: (_, { objectId }) => `(${objectId})`,
}

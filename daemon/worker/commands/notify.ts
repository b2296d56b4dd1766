import type { EventGroup } from "../../imap/ast.ts"
import type { Conversation } from "../conversation.ts"
import { Interest } from "../interest.ts"
import { statusItemsAtFirst } from "../notices.ts"
import { Refused } from "../refusal.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { writeStatus } from "./status.ts"

export const notifyFamily: Family<"NOTIFY"> = {
  capabilities: [{ name: "NOTIFY", rfc: 5465 }],
  commands: { NOTIFY: { state: "authenticated", expunges: "yes", run: notify } },
}

/** RFC 5465 §3.1. What is refused changes nothing. */
async function notify(conversation: Conversation, { set }: CommandOf<"NOTIFY">): Promise<Completion> {
  const text = "NOTIFY completed"
  if (set === null) {
    conversation.hearNothing()
    return { text }
  }
  refuseTooMuch(conversation, set.groups)
  const { store, settle } = conversation.account
  const interest = Interest.in(set.groups, () => store.mailboxes.subscriptions())
  if (set.status && interest.of("INBOX").has("MessageNew")) await settle()
  await conversation.hear(interest)
  if (interest.selected.items.some(({ item }) => item === "MODSEQ")) conversation.enableCondstore()
  if (set.status) await tellStatusOf(conversation, interest)
  return { text }
}

/** RFC 5465 §3.1: "NOTIFY too complex or expensive". @throws Refused */
function refuseTooMuch({ account }: Conversation, groups: readonly EventGroup[]): void {
  const { max_notify_groups: mostGroups, max_notify_mailboxes: mostNames } = account.limits
  const names = groups.reduce((sum, { mailboxes }) => sum + namesIn(mailboxes), 0)
  if (groups.length <= mostGroups && names <= mostNames) return
  const text = `At most ${mostGroups} event groups and ${mostNames} mailboxes`
  throw new Refused({ status: "NO", code: "NOTIFICATIONOVERFLOW", text })
}

function namesIn(mailboxes: EventGroup["mailboxes"]): number {
  return "mailboxes" in mailboxes ? mailboxes.mailboxes.length : 0
}

/** For each mailbox whose messages are watched, but not the selected one. What changes meanwhile is told after it. */
async function tellStatusOf(conversation: Conversation, interest: Interest): Promise<void> {
  const { account, writer } = conversation
  const pace = conversation.pace
  for (const mailbox of account.store.mailboxes.list()) {
    const items = statusItemsAtFirst(interest.of(mailbox.name))
    if (items.length === 0 || !mailbox.selectable || mailbox.id === conversation.view?.state.mailbox) continue
    writeStatus(conversation, mailbox, items)
    if (writer.congested) await writer.drained()
    await pace.rest()
  }
}

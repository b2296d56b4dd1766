import { MailboxOrder } from "../context-members.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { answerSearch } from "./search-answer.ts"
import { findWithin, namesNumbers } from "./search-run.ts"

export const searchFamily: Family<"SEARCH"> = {
  capabilities: [
    { name: "ESEARCH", rfc: 4731 },
    { name: "SEARCHRES", rfc: 5182 },
    { name: "WITHIN", rfc: 5032 },
    { name: "PARTIAL", rfc: 9394 },
  ],
  commands: {
    SEARCH: {
      state: "selected",
      expunges: "in-uid-form",
      run: search,
      holdsExpunges: ({ key }) => namesNumbers(key),
    },
  },
}

async function search(conversation: Conversation, command: CommandOf<"SEARCH">): Promise<Completion> {
  refuseCharset(conversation, command)
  const view = conversation.selected()
  return answerSearch(conversation, command, {
    find: (ranges, onlyFirst) => findWithin(conversation, view, command, ranges, onlyFirst),
    members: (told) => new MailboxOrder(told.map(({ uid }) => uid)),
  })
}

/** RFC 6855 §3: after UTF8=ACCEPT there is one charset. IMAP4rev2 permits to name it (RFC 9051 §6.4.4). */
function refuseCharset(conversation: Conversation, { charset, returns }: CommandOf<"SEARCH">): void {
  if (!conversation.utf8Accept || conversation.rev2 || charset === null) return
  if (returns?.includes("SAVE") === true) conversation.forgetSaved()
  throw new Refused({ status: "BAD", text: "After ENABLE UTF8=ACCEPT there is no CHARSET" })
}

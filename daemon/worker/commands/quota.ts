import { mailboxWire } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

export const quotaFamily: Family<"GETQUOTA" | "GETQUOTAROOT" | "SETQUOTA"> = {
  // Without QUOTASET: limits are the operator's (RFC 9208 §4.1.3).
  capabilities: [
    { name: "QUOTA", rfc: 9208 },
    { name: "QUOTA=RES-STORAGE", rfc: 9208 },
    { name: "QUOTA=RES-MESSAGE", rfc: 9208 },
  ],
  commands: {
    GETQUOTA: { state: "authenticated", expunges: "yes", run: getQuota },
    GETQUOTAROOT: { state: "authenticated", expunges: "yes", run: getQuotaRoot },
    SETQUOTA: { state: "authenticated", expunges: "yes", run: setQuota },
  },
}

/** One quota root holds everything a user has. */
const theRoot = ""

/** RFC 9208 §4.1.1. */
async function getQuota(conversation: Conversation, { root }: CommandOf<"GETQUOTA">): Promise<Completion> {
  if (root !== theRoot) throw new Refused({ status: "NO", code: "NONEXISTENT", text: "No such quota root" })
  await tellQuota(conversation)
  return { text: "GETQUOTA completed" }
}

/** RFC 9208 §4.1.2. The mailbox need not exist. */
async function getQuotaRoot(conversation: Conversation, { mailbox }: CommandOf<"GETQUOTAROOT">): Promise<Completion> {
  conversation.writer.text("* QUOTAROOT ").bytes(mailboxWire(mailbox, conversation.utf8)).text(' ""\r\n')
  await tellQuota(conversation)
  return { text: "GETQUOTAROOT completed" }
}

function setQuota(): never {
  throw new Refused({ status: "NO", code: "NOPERM", text: "Limits are set by the operator" })
}

/**
 * RFC 9208 §4.2.1: a resource without a limit is not listed. Mail that waits in the spool counts, as it will
 * when it is in a mailbox. STORAGE is in units of 1024 octets (§5.1).
 */
async function tellQuota({ account, writer }: Conversation): Promise<void> {
  await account.settle()
  const waiting = await account.waiting()
  const { bytes, messages } = account.store.usage()
  const { quotaBytes, quotaMessages } = account.store.quota()
  const resources: string[] = []
  if (quotaBytes > 0) {
    resources.push(`STORAGE ${Math.ceil((bytes + waiting.bytes) / 1024)} ${Math.ceil(quotaBytes / 1024)}`)
  }
  if (quotaMessages > 0) resources.push(`MESSAGE ${messages + waiting.messages} ${quotaMessages}`)
  writer.text(`* QUOTA "" (${resources.join(" ")})\r\n`)
}

import type { User } from "../directory/directory.ts"
import type { Settings } from "../host/settings.ts"

/** What one user may store: his own quota, or everybody's. Zero is no limit. */
export function quotaOf(user: User, { mailbox }: Settings): { quotaBytes: number; quotaMessages: number } {
  return {
    quotaBytes: user.quotaBytes ?? mailbox.quota_bytes,
    quotaMessages: user.quotaMessages ?? mailbox.quota_messages,
  }
}

/** Whether new mail is refused, by what the user's worker last said of its usage. */
export function isOverQuota(user: User, settings: Settings): boolean {
  const { quotaBytes, quotaMessages } = quotaOf(user, settings)
  const noRoom = quotaBytes > 0 && user.usageBytes >= quotaBytes
  return noRoom || (quotaMessages > 0 && user.usageMessages >= quotaMessages)
}

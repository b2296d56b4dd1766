import type { User } from "../directory/directory.ts"
import type { Settings } from "../host/settings.ts"

/** What one user may store: his own quota, or everybody's. Zero is no limit. */
export function quotaOf(user: User, { mailbox }: Settings): { quotaBytes: number; quotaMessages: number } {
  return {
    quotaBytes: user.quotaBytes ?? mailbox.quota_bytes,
    quotaMessages: user.quotaMessages ?? mailbox.quota_messages,
  }
}

/** Octets and messages; null is no limit. */
type Room = { bytes: number | null; messages: number | null }

type Usage = { bytes: number; messages: number }

/**
 * What new mail may still take, by what the user's worker last said of its usage, and by what waits for him. Null
 * when none may come.
 */
export function roomFor(user: User, settings: Settings, waiting: Usage = { bytes: 0, messages: 0 }): Room | null {
  const { quotaBytes, quotaMessages } = quotaOf(user, settings)
  const bytes = quotaBytes === 0 ? null : quotaBytes - user.usageBytes - waiting.bytes
  const messages = quotaMessages === 0 ? null : quotaMessages - user.usageMessages - waiting.messages
  return (bytes ?? 1) > 0 && (messages ?? 1) > 0 ? { bytes, messages } : null
}

import { untagged } from "../imap/response.ts"
import type { Account } from "./account.ts"
import type { Completion } from "./commands/command.ts"
import type { Conversation } from "./conversation.ts"
import { Refused } from "./refusal.ts"
import { countOf, partOfRanges, type Range, type View } from "./view.ts"

/*
 * RFC 9738: a command works on so many messages and no more. With MESSAGELIMIT those that can be done in part are:
 * on the messages with the highest UIDs, from these down, and the answer names the last one, from which the client
 * goes on. The others are refused. With SAVELIMIT only COPY and APPEND are limited.
 */

type Limits = Account["limits"]

/** The value of MESSAGELIMIT ("all") or SAVELIMIT ("save"); a server has one of them at most (§3). */
export function offered(limits: Limits, what: Limits["message_limit_for"]): number | null {
  return limits.message_limit > 0 && limits.message_limit_for === what ? limits.message_limit : null
}

/** What a command may work on; `lowest` is the UID of the last message, null when these are all. */
export type Permitted = { ranges: Range[]; lowest: number | null }

/** As many of these messages as one command may work on, the newest. */
export function permitted({ account }: Conversation, view: View, ranges: Range[]): Permitted {
  const most = offered(account.limits, "all")
  if (most === null || countOf(ranges) <= most) return { ranges, lowest: null }
  const newest = partOfRanges(ranges, [-1, -most])
  return { ranges: newest, lowest: view.state.uids[newest[0]?.[0] ?? 0] ?? null }
}

/** Work that was cut short goes from the highest UID down (§3.1). */
export function inOrder<T>(ascending: T[], lowest: number | null): T[] {
  return lowest === null ? ascending : ascending.reverse()
}

/** The same of batches of them. */
export function directionOf(lowest: number | null): "up" | "down" {
  return lowest === null ? "up" : "down"
}

/** The answer of a command that was cut short. A code that it has already leaves the tagged answer to itself (§3.1). */
export function partial({ account, writer }: Conversation, completion: Completion, lowest: number | null): Completion {
  if (lowest === null) return completion
  const code = { code: "MESSAGELIMIT", limit: account.limits.message_limit, uid: lowest } as const
  if (completion.code === undefined) return { ...completion, code, text: `${completion.text} in part` }
  writer.text(untagged("NO", "Only the newest messages were worked on", code))
  return completion
}

/** For commands that make no sense in part (§3.1 PARTIAL, §3.3). @throws Refused */
export function refuseBeyond({ account }: Conversation, ranges: Range[]): void {
  const most = offered(account.limits, "all")
  if (most === null || countOf(ranges) <= most) return
  refuse(most, null, "Too many messages for one command")
}

/**
 * COPY and APPEND are done whole or not at all. With the UIDs that were meant, ascending, the answer says which
 * part would have been possible.
 *
 * @throws Refused
 */
export function refuseToSave({ account }: Conversation, count: number, text: string, uids?: readonly number[]): void {
  const most = account.limits.message_limit
  if (most === 0 || count <= most) return
  refuse(most, uids?.at(-most) ?? null, text)
}

function refuse(limit: number, uid: number | null, text: string): never {
  throw new Refused({ status: "NO", code: { code: "MESSAGELIMIT", limit, uid }, text })
}

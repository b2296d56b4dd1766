import type { Conversation } from "../conversation.ts"

/** A transaction is to take about this long: short enough for others, long enough that its commit is a small part. */
const goalMs = 12

const first = 100
const least = 25
const most = 1000

/**
 * A change of many messages in several transactions, between which others have their turn. How many fit one
 * follows from how long the last one took: a copy costs a hundredth of a message that goes with its text.
 *
 * @throws ClientGone between two of them
 */
export async function inBatches(
  conversation: Conversation,
  tag: string,
  uids: readonly number[],
  work: (batch: number[], isLast: boolean) => void,
): Promise<void> {
  const progress = conversation.progress(tag, uids.length)
  let size = first
  for (let at = 0; at < uids.length; ) {
    const batch = uids.slice(at, at + size)
    const begun = performance.now()
    at += batch.length
    work(batch, at >= uids.length)
    size = following(size, performance.now() - begun)
    progress.add(batch.length)
    await conversation.pace.rest()
  }
}

function following(size: number, tookMs: number): number {
  if (tookMs > goalMs) return Math.max(least, Math.floor(size / 2))
  return tookMs < goalMs / 2 ? Math.min(most, size * 2) : size
}

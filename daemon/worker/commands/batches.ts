import type { Conversation } from "../conversation.ts"
import { BatchSize } from "./batch-size.ts"

/**
 * A change of many messages in several transactions, between which others have their turn.
 *
 * @throws ClientGone between two of them
 */
export async function inBatches(
  conversation: Conversation,
  tag: string,
  uids: readonly number[],
  work: (batch: number[], isLast: boolean) => void,
  size = new BatchSize(),
): Promise<void> {
  const progress = conversation.progress(tag, uids.length)
  for (let at = 0; at < uids.length; ) {
    const batch = uids.slice(at, at + size.next())
    at += batch.length
    size.measure(() => work(batch, at >= uids.length))
    progress.add(batch.length)
    await conversation.pace.rest()
  }
}

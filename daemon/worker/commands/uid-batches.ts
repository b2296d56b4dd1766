import { stringWire } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

/** RFC 10022 §3.1.4: a client must not ask for smaller ones. */
const fewestMessages = 500
/** RFC 10022 §3.1.5: messages that the batches of one command may hold together. */
const mostMessages = 100_000

export const uidBatchesFamily: Family<"UIDBATCHES"> = {
  capabilities: [{ name: "UIDBATCHES", rfc: 10022 }],
  commands: { UIDBATCHES: { state: "selected", expunges: "yes", run: uidBatches } },
}

type Batch = [highest: number, lowest: number]

/** RFC 10022 §3.1. It leaves "$" as it is. */
function uidBatches(conversation: Conversation, command: CommandOf<"UIDBATCHES">): Completion {
  refuse(command)
  const batches = batchesOf(conversation.selected().state.uids, command.size, command.batches)
  const ranges = batches.map((batch) => batch.join(":")).join(",")
  conversation.writer
    .text("* UIDBATCHES (TAG ")
    .bytes(stringWire(command.tag))
    .text(`)${ranges === "" ? "" : ` ${ranges}`}\r\n`)
  return { text: "UIDBATCHES completed" }
}

/** @throws Refused */
function refuse({ size, batches }: CommandOf<"UIDBATCHES">): void {
  if (batches !== null && batches[0] > batches[1])
    throw new Refused({ status: "BAD", code: "CLIENTBUG", text: "The range of batches goes down" })
  if (size < fewestMessages)
    throw new Refused({ status: "NO", code: "TOOFEW", text: `At least ${fewestMessages} messages in a batch` })
  if (batches !== null && (batches[1] - batches[0] + 1) * size > mostMessages)
    throw new Refused({ status: "NO", code: "TOOMANY", text: `At most ${mostMessages} messages in all batches` })
}

/**
 * The mailbox from its highest UID down to 1, in ranges that hold `size` messages each (the last one fewer), and
 * no UID between two of them. Batches are counted from 1.
 */
export function batchesOf(
  uids: readonly number[],
  size: number,
  wanted: [first: number, last: number] | null,
): Batch[] {
  const count = Math.ceil(uids.length / size)
  const [first, last] = wanted ?? [1, count]
  const out: Batch[] = []
  for (let batch = first; batch <= Math.min(last, count); batch += 1) {
    const highest = uids[uids.length - 1 - (batch - 1) * size] ?? 0
    const below = uids[uids.length - 1 - batch * size]
    out.push([highest, below === undefined ? 1 : below + 1])
  }
  return out
}

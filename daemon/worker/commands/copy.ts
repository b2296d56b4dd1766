import { type ResponseCode, untagged } from "../../imap/response.ts"
import type { Mailbox } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { partial, permitted, refuseToSave } from "../message-limit.ts"
import { Pace } from "../pace.ts"
import { Refused } from "../refusal.ts"
import { inBatches } from "./batches.ts"
import { type CommandOf, type Completion, type Family, forgives } from "./command.ts"

export const copyFamily: Family<"COPY" | "MOVE"> = {
  capabilities: [{ name: "MOVE", rfc: 6851 }],
  commands: {
    COPY: { state: "selected", expunges: "yes", run: copy },
    MOVE: { state: "selected", expunges: "yes", run: move },
  },
}

type Pairs = { source: number[]; target: number[] }

/**
 * RFC 3501 §6.4.7, COPYUID of RFC 4315 §3. Whole or not at all: what was copied before a failure is taken back, and
 * what was copied before a crash when the mailbox is open again. Meanwhile others see it.
 */
async function copy(conversation: Conversation, command: CommandOf<"COPY">): Promise<Completion> {
  const { uids } = sources(conversation, command)
  refuseToSave(conversation, uids.length, "Too many messages to copy, none was copied", uids)
  const to = conversation.destination(command.mailbox)
  const { store } = conversation.account
  const from = conversation.selected().state.mailbox
  const pairs: Pairs = { source: [], target: [] }
  const copying = store.longCopies.begin(from, to.id)
  try {
    await inBatches(conversation, command.tag, uids, (batch, isLast) => collect(pairs, copying.add(batch, isLast)))
  } catch (error) {
    copying.fail()
    await takeBack(conversation)
    throw error
  }
  return { ...codeOf(to, pairs), text: "COPY completed" }
}

/**
 * RFC 6851 §3.3, §4.3: COPYUID comes before the EXPUNGE of what was moved. Each message is moved whole, so
 * after a failure in the middle the ones moved before it are told as such.
 */
async function move(conversation: Conversation, command: CommandOf<"MOVE">): Promise<Completion> {
  conversation.refuseReadOnly()
  const { uids, lowest } = sources(conversation, command)
  const to = conversation.destination(command.mailbox)
  const { store } = conversation.account
  const from = conversation.selected().state.mailbox
  const pairs: Pairs = { source: [], target: [] }
  try {
    await inBatches(conversation, command.tag, uids, (batch) => collect(pairs, store.messages.move(from, batch, to.id)))
  } finally {
    const { code } = codeOf(to, pairs)
    if (code !== undefined) conversation.writer.text(untagged("OK", "Moved", code))
  }
  await conversation.tell(true, command.uid)
  return partial(conversation, { ...highest(conversation, pairs), text: "MOVE completed" }, lowest)
}

/**
 * UIDs to be copied; MOVE moves as many as it may (RFC 9738 §3.1). UIDs that are gone are passed over; a sequence number whose message is gone is refused
 * (RFC 2180 §4.4.1), because the client means something that it would not get.
 */
function sources(conversation: Conversation, command: CommandOf<"COPY">): { uids: number[]; lowest: number | null } {
  const view = conversation.selected()
  const all = view.resolve(command.set, command.uid)
  const { ranges, lowest } =
    command.name === "MOVE" ? permitted(conversation, view, all) : { ranges: all, lowest: null }
  const uids = view.uidsIn(ranges)
  if (forgives(command)) return { uids, lowest }
  const existing = new Set(conversation.account.store.messages.uids(view.state.mailbox))
  if (uids.every((each) => existing.has(each))) return { uids, lowest }
  throw new Refused({ status: "NO", code: "EXPUNGEISSUED", text: "Some of these messages are gone" })
}

function collect(pairs: Pairs, { source, target }: Pairs): void {
  for (const uid of source) pairs.source.push(uid)
  for (const uid of target) pairs.target.push(uid)
}

/** Also for a client that is gone. The client is told why its COPY failed, not why this did. */
async function takeBack({ account }: Conversation): Promise<void> {
  const pace = new Pace(() => false)
  try {
    while (account.store.longCopies.takeBack()) await pace.rest()
  } catch (error) {
    account.log.error({ err: error }, "copies of a COPY that failed are still there, until the mailbox is opened again")
  }
}

/** RFC 4315 §3: no COPYUID when nothing was copied. */
function codeOf({ uidValidity }: Mailbox, { source, target }: Pairs): { code?: ResponseCode } {
  return source.length === 0 ? {} : { code: { code: "COPYUID", uidValidity, source, target } }
}

/** RFC 6851 §4.4: the mod-sequence after the move, for clients that want them. */
function highest(conversation: Conversation, { source }: Pairs): { code?: ResponseCode } {
  if (!conversation.condstore || source.length === 0) return {}
  return { code: { code: "HIGHESTMODSEQ", value: conversation.selected().toldModseq } }
}

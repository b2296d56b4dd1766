import { appendHead } from "../../imap/append.ts"
import type { StoredLiteral } from "../../imap/ast.ts"
import type { GrammarContext } from "../../imap/cursor.ts"
import type { LiteralPolicy, LiteralSink } from "../../imap/reader.ts"
import type { ResponseCode } from "../../imap/response.ts"
import type { Account } from "../account.ts"
import { type Conversation, storedFlags } from "../conversation.ts"
import { Incoming } from "../ingest.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { tellIfRenamed } from "./mailboxes.ts"

export const appendFamily: Family<"APPEND"> = {
  capabilities: [
    { name: "LITERAL-", rfc: 7888 },
    { name: "APPENDLIMIT", rfc: 7889, value: ({ maxMessageBytes }) => maxMessageBytes },
  ],
  commands: { APPEND: { state: "authenticated", expunges: "yes", run: append } },
}

/**
 * The message of an APPEND goes straight into the mailbox database while it arrives, so its size costs no
 * memory. What can be refused beforehand is refused beforehand, so that the client need not send it.
 */
export function appendPolicy(account: Account, grammar: GrammarContext): LiteralPolicy {
  return (soFar, { size }) => {
    const head = appendHead(soFar, grammar)
    if (head === null) return { kind: "buffer" }
    if (size > account.maxMessageBytes) return { kind: "refuse", reply: "NO [TOOBIG] The message is too big" }
    if (size === 0) return { kind: "refuse", reply: "NO [CANNOT] An empty message is not stored" }
    if (account.store.mailboxes.find(head.mailbox)?.selectable !== true) {
      return { kind: "refuse", reply: "NO [TRYCREATE] No such mailbox" }
    }
    return { kind: "sink", sink: sinkInto(account.ingest.begin()) }
  }
}

/** The handle is the unfinished message: it becomes one only when the rest of the command is right as well. */
function sinkInto(incoming: Incoming): LiteralSink {
  return {
    write: (chunk) => incoming.push(chunk),
    end: () => incoming,
    abort: () => incoming.discard(),
  }
}

/**
 * RFC 3501 §6.3.11 and APPENDUID of RFC 4315 §3. A header with octets above 0x7f is taken from everybody, though
 * RFC 6855 §4 wants it refused before ENABLE UTF8=ACCEPT: old mail is full of them, and a client that moves its
 * mail here would have to leave these messages behind.
 */
function append(conversation: Conversation, command: CommandOf<"APPEND">): Completion {
  const incoming = arrivalOf(conversation.account, command.message.handle)
  try {
    return conversation.account.store.transaction(() => link(conversation, command, incoming))
  } catch (error) {
    incoming.discard()
    throw error
  }
}

/** @throws Error for a handle that no sink of this file returned */
function arrivalOf({ ingest }: Account, handle: unknown): Incoming {
  if (handle instanceof Incoming) return handle
  if (!(handle instanceof Uint8Array)) throw new Error("APPEND without a message")
  const incoming = ingest.begin()
  incoming.push(handle)
  return incoming
}

function link(conversation: Conversation, command: CommandOf<"APPEND">, incoming: Incoming): Completion {
  const mailbox = conversation.destination(command.mailbox)
  tellIfRenamed(conversation, mailbox.name, conversation.line.supplied(command.mailbox))
  const { at, zoneMinutes } = command.internalDate ?? { at: Date.now(), zoneMinutes: 0 }
  const given = { ...storedFlags(command.flags), internalDate: at, internalZone: zoneMinutes }
  const { content } = incoming.finish()
  const added = conversation.account.store.messages.add(mailbox.id, content, given)
  if (added === null) throw new Error("a message without a delivery id cannot have been delivered before")
  const code: ResponseCode = { code: "APPENDUID", uidValidity: mailbox.uidValidity, uids: [added.uid] }
  return { code, text: "APPEND completed" }
}

/** Messages of commands that were refused after all. */
export function discardStreamed(streamed: Iterable<StoredLiteral>): void {
  for (const { handle } of streamed) if (handle instanceof Incoming) handle.discard()
}

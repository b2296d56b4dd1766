import { type AppendBody, type AppendHead, appendHead } from "../../imap/append.ts"
import type { MessagePart, NewMessage, StoredLiteral } from "../../imap/ast.ts"
import type { GrammarContext } from "../../imap/cursor.ts"
import { ParseError } from "../../imap/errors.ts"
import type { LiteralPolicy, LiteralSink } from "../../imap/reader.ts"
import { type ResponseCode, untagged } from "../../imap/response.ts"
import { flagBits, type Mailbox, type Message, StoreError } from "../../store/types.ts"
import { type Conversation, storedFlags } from "../conversation.ts"
import { refuseToSave } from "../message-limit.ts"
import { Refused } from "../refusal.ts"
import { refuseNumbers } from "../uid-only.ts"
import { Assembly, assemblyOf } from "./assembly.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { highestAfterExpunge } from "./expunge.ts"
import { tellIfRenamed } from "./mailboxes.ts"

export const appendFamily: Family<"APPEND" | "REPLACE"> = {
  capabilities: [
    { name: "LITERAL-", rfc: 7888 },
    { name: "APPENDLIMIT", rfc: 7889, value: ({ maxMessageBytes }) => maxMessageBytes },
    { name: "MULTIAPPEND", rfc: 3502 },
    { name: "CATENATE", rfc: 4469 },
    { name: "REPLACE", rfc: 8508 },
  ],
  commands: {
    APPEND: { state: "authenticated", expunges: "yes", run: append },
    REPLACE: { state: "selected", expunges: "yes", run: replace },
  },
}

/**
 * The octets of an APPEND go straight into the mailbox database while they arrive, so their size costs no
 * memory. What can be refused beforehand is refused beforehand, so that the client need not send it.
 */
export function appendPolicy(conversationOf: () => Conversation, grammar: GrammarContext): LiteralPolicy {
  return async (soFar, { size }, streamed) => {
    const head = headOrRefusal(soFar, grammar, streamed)
    if (head === null) return { kind: "buffer" }
    if (typeof head === "string") return { kind: "refuse", reply: head }
    const conversation = conversationOf()
    const { body, catenated } = head
    if (conversation.uidOnly) refuseNumbers(body)
    if (size === 0 && !catenated) return { kind: "refuse", reply: "NO [CANNOT] An empty message is not stored" }
    conversation.destination(body.mailbox)
    refuseTooMany(conversation, body.messages.length)
    return { kind: "sink", sink: await sinkFor(conversation, head, size) }
  }
}

/** A command that is wrong before the message begins is refused there. */
function headOrRefusal(...given: Parameters<typeof appendHead>): AppendHead | null | string {
  try {
    return appendHead(...given)
  } catch (error) {
    if (error instanceof ParseError) return `BAD ${error.message}`
    throw error
  }
}

/**
 * The handle is the unfinished message: it becomes one only when the rest of the command is right as well.
 *
 * @throws Refused, StoreError `over-quota` for what would be refused in the end
 */
async function sinkFor(conversation: Conversation, { body }: AppendHead, size: number): Promise<LiteralSink> {
  const earlier = body.messages.slice(0, -1)
  const parts = body.messages.at(-1)?.parts ?? []
  const before = earlier.map((message) => assemblyOf(message.parts)).filter((assembly) => assembly !== null)
  const assembly = assemblyOf(parts) ?? begin(conversation, body, before)
  assembly.expect(size + (await refuseTooBig(conversation, before, assembly, parts, size)))
  const prepare = async () => {
    for (const { parts: all } of earlier) {
      await assemblyOf(all)?.complete(conversation, all)
      await assemblyOf(all)?.read()
    }
    settle(before)
    await assembly.complete(conversation, parts)
  }
  return sinkInto(assembly, prepare)
}

/** RFC 9738 §3.1. @throws Refused */
function refuseTooMany(conversation: Conversation, messages: number): void {
  refuseToSave(conversation, messages, "Too many messages in one command, none was stored")
}

/**
 * What messages before the last one may hold in memory. So many are finished in the transaction that links
 * them, which is what makes MULTIAPPEND fast; beyond that each is written by itself.
 */
const maxHeldBytes = 2_097_152

function settle(complete: readonly Assembly[]): void {
  if (complete.reduce((sum, { held }) => sum + held, 0) <= maxHeldBytes) return
  for (const assembly of complete) assembly.settle()
}

/** `prepare` brings in what stands before the literal. */
function sinkInto(assembly: Assembly, prepare: () => Promise<void>): LiteralSink {
  let prepared = false
  const ready = async () => {
    if (!prepared) await prepare()
    prepared = true
  }
  return {
    write: async (chunk) => {
      await ready()
      assembly.push(chunk)
    },
    end: async () => {
      await ready()
      assembly.partArrived()
      return assembly
    },
    abort: () => assembly.discard(),
  }
}

/** Against quota count the messages before it as well, and (RFC 8508 §3.4) not the one that it replaces. */
function begin(conversation: Conversation, body: AppendBody, before: readonly Assembly[]): Assembly {
  const { ingest } = conversation.account
  if (body.name === "REPLACE") {
    return new Assembly(ingest.begin("client", { bytes: -replacedBy(conversation, body).size, messages: -1 }))
  }
  const bytes = before.reduce((sum, { size }) => sum + size, 0)
  return new Assembly(ingest.begin("client", { bytes, messages: before.length }))
}

/**
 * No message beyond the limit; and what one command copies is bounded as well, because it costs the client
 * nothing to ask for it. Returns the octets that are copied and not in yet.
 */
async function refuseTooBig(
  conversation: Conversation,
  before: readonly Assembly[],
  assembly: Assembly,
  parts: readonly MessagePart[],
  size: number,
): Promise<number> {
  const waiting = await assembly.waiting(conversation, parts)
  const copied = before.reduce((sum, each) => sum + each.copied, assembly.copied)
  if (Math.max(assembly.size + size, copied) + waiting <= conversation.account.maxMessageBytes) return waiting
  throw new Refused({ status: "NO", code: "TOOBIG", text: "The message is too big" })
}

/**
 * RFC 3501 §6.3.11, APPENDUID of RFC 4315 §3, RFC 3502: all messages or none. A header with octets above 0x7f is
 * taken from everybody, though RFC 6855 §4 wants it refused before ENABLE UTF8=ACCEPT: old mail is full of them,
 * and a client that moves its mail here would have to leave these messages behind.
 */
async function append(conversation: Conversation, command: CommandOf<"APPEND">): Promise<Completion> {
  return assembled(conversation, command, (assemblies) => {
    const code = conversation.account.store.transaction(() => link(conversation, command, assemblies))
    return { code, text: "APPEND completed" }
  })
}

/**
 * RFC 8508 §3.4: one change, in which the old message goes and the new one comes. APPENDUID is said before the
 * EXPUNGE (§4.3), EXISTS as well (§3.2), and the end is that of UID EXPUNGE (§4.5).
 */
async function replace(conversation: Conversation, command: CommandOf<"REPLACE">): Promise<Completion> {
  const completion = await assembled(conversation, command, (assemblies) => {
    const { store } = conversation.account
    const code = store.transaction(() => {
      remove(conversation, replacedBy(conversation, command).uid)
      return link(conversation, command, assemblies)
    })
    conversation.writer.text(untagged("OK", "Replacement message ready", code))
    return { text: "REPLACE completed" }
  })
  await conversation.tell(true, command.uid, "arrivals")
  return { ...completion, ...(await highestAfterExpunge(conversation, true)) }
}

/** Completes all messages of the command; what was stored of them is taken back when that, or `work`, fails. */
async function assembled(
  conversation: Conversation,
  command: CommandOf<"APPEND" | "REPLACE">,
  work: (assemblies: readonly Assembly[]) => Completion,
): Promise<Completion> {
  const begun: Assembly[] = []
  try {
    refuseTooMany(conversation, command.messages.length)
    for (const { parts } of command.messages) await complete(conversation, command, parts, begun)
    return work(begun)
  } catch (error) {
    for (const { parts } of command.messages) assemblyOf(parts)?.discard()
    for (const assembly of begun) assembly.discard()
    throw error
  }
}

async function complete(
  conversation: Conversation,
  command: CommandOf<"APPEND" | "REPLACE">,
  parts: readonly MessagePart[],
  begun: Assembly[],
): Promise<void> {
  const assembly = assemblyOf(parts) ?? begin(conversation, command, begun)
  await refuseTooBig(conversation, begun, assembly, parts, 0)
  begun.push(assembly)
  await assembly.complete(conversation, parts)
  if (assembly.size === 0) throw new Refused({ status: "NO", code: "CANNOT", text: "An empty message is not stored" })
  await assembly.read()
  settle(begun)
}

/** Inside a transaction. */
function link(
  conversation: Conversation,
  command: CommandOf<"APPEND" | "REPLACE">,
  assemblies: readonly Assembly[],
): ResponseCode {
  const mailbox = conversation.destination(command.mailbox)
  tellIfRenamed(conversation, mailbox.name, conversation.line.supplied(command.mailbox))
  const uids = assemblies.map((assembly, index) => linkOne(conversation, mailbox, command.messages[index], assembly))
  return { code: "APPENDUID", uidValidity: mailbox.uidValidity, uids }
}

function linkOne(
  { account }: Conversation,
  { id }: Mailbox,
  message: NewMessage | undefined,
  assembly: Assembly,
): number {
  const { at, zoneMinutes } = message?.internalDate ?? { at: Date.now(), zoneMinutes: 0 }
  const given = { ...storedFlags(message?.flags ?? []), internalDate: at, internalZone: zoneMinutes }
  const added = account.store.messages.add(id, assembly.finish(), given)
  if (added === null) throw new Error("a message without a delivery id cannot have been delivered before")
  return added.uid
}

/** The message that a REPLACE takes away. @throws Refused when it cannot */
function replacedBy(conversation: Conversation, { uid, replaced }: Extract<AppendBody, { name: "REPLACE" }>): Message {
  if (conversation.view === null) throw new Refused({ status: "BAD", text: "No mailbox is selected" })
  const view = conversation.view
  conversation.refuseReadOnly()
  const [index] = view.resolve({ kind: "ranges", ranges: [[replaced, replaced]] }, uid)
  const [found] = view.uidsIn(index === undefined ? [] : [index])
  const message = found === undefined ? undefined : conversation.account.store.messages.one(view.state.mailbox, found)
  if (message === undefined) throw new StoreError("no-such-message")
  return message
}

/** As UID STORE +FLAGS.SILENT \Deleted and UID EXPUNGE would (RFC 8508 §3.4). */
function remove(conversation: Conversation, uid: number): void {
  const { messages } = conversation.account.store
  const { mailbox } = conversation.selected().state
  const flags = flagBits["\\Deleted"]
  messages.storeFlags(mailbox, [uid], { operation: "add", flags, keywords: [], unchangedSince: null })
  messages.expunge(mailbox, [uid])
}

/** Messages of commands that were refused after all. */
export function discardStreamed(streamed: Iterable<StoredLiteral>): void {
  for (const { handle } of streamed) if (handle instanceof Assembly) handle.discard()
}

import type { GrammarContext } from "../imap/cursor.ts"
import { headOf } from "../imap/head.ts"
import { commandNames } from "../imap/parse.ts"
import type { LiteralPolicy } from "../imap/reader.ts"
import { appendPolicy } from "./commands/append.ts"
import type { Conversation } from "./conversation.ts"
import { numbersRefused } from "./uid-only.ts"

const known: ReadonlySet<string> = new Set(commandNames)

/** By what it says before its literal; EXPUNGE names no message. */
const namesByNumber = (name: string) => name !== "EXPUNGE" && known.has(`UID ${name}`)

/**
 * Where the literals of a client go after login. Of a command that nobody knows none is asked for (RFC 9051
 * §7.6, its example): the client would send it for nothing. The same after UIDONLY (RFC 9586 §3).
 *
 * @throws Refused
 */
export function literalPolicy(conversationOf: () => Conversation, grammar: GrammarContext): LiteralPolicy {
  const ofMessages = appendPolicy(conversationOf, grammar)
  return (soFar, literal, streamed) => {
    const { name } = headOf(soFar)
    if (name === null || !known.has(name)) return { kind: "refuse", reply: "BAD There is no such command" }
    if (conversationOf().uidOnly && namesByNumber(name)) throw numbersRefused()
    return ofMessages(soFar, literal, streamed)
  }
}

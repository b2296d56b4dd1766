import type { GrammarContext } from "../imap/cursor.ts"
import { headOf } from "../imap/head.ts"
import { commandNames } from "../imap/parse.ts"
import type { LiteralPolicy } from "../imap/reader.ts"
import { appendPolicy } from "./commands/append.ts"
import type { Conversation } from "./conversation.ts"

const known: ReadonlySet<string> = new Set(commandNames)

/**
 * Where the literals of a client go after login. Of a command that nobody knows none is asked for (RFC 9051
 * §7.6, its example): the client would send it for nothing.
 */
export function literalPolicy(conversationOf: () => Conversation, grammar: GrammarContext): LiteralPolicy {
  const ofMessages = appendPolicy(conversationOf, grammar)
  return (soFar, literal, streamed) => {
    const { name } = headOf(soFar)
    if (name === null || !known.has(name)) return { kind: "refuse", reply: "BAD There is no such command" }
    return ofMessages(soFar, literal, streamed)
  }
}

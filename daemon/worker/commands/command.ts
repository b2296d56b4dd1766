import type { CommandBody, CommandName, SequenceSet } from "../../imap/ast.ts"
import type { ResponseCode } from "../../imap/response.ts"
import type { Capability } from "../capabilities.ts"
import type { Conversation } from "../conversation.ts"

/** How a command ends. Without `status` it is OK. `afterwards` is called when the tagged answer was written. */
export type Completion = { status?: "OK" | "NO"; code?: ResponseCode; text: string; afterwards?: () => void }

type BodyOf<N, B = CommandBody> = B extends { name: infer M } ? (N extends M ? B : never) : never

/** The command of this name, with its tag. */
export type CommandOf<N extends CommandName> = { tag: string } & BodyOf<N>

/** One row of the command table. */
export type Entry<N extends CommandName> = {
  /** RFC 3501 §3. After login a connection is authenticated; the other commands are refused here. */
  state: "not-authenticated" | "authenticated" | "selected"
  /**
   * Whether untagged EXPUNGE may come before the tagged reply: never in answer to FETCH, STORE and SEARCH,
   * but in answer to their UID forms (RFC 3501 §7.4.1).
   */
  expunges: "yes" | "in-uid-form"
  /** Not even in the UID form of this command, because it names messages by number (RFC 7162 §3.2.10.2). */
  holdsExpunges?(command: CommandOf<N>): boolean
  /** @throws whatever `refusalFor` answers */
  run(conversation: Conversation, command: CommandOf<N>): Completion | Promise<Completion>
}

/** Commands that belong together, and the capabilities that they make true. */
export type Family<N extends CommandName> = {
  capabilities: readonly Capability[]
  commands: { readonly [K in N]: Entry<K> }
}

/**
 * Whether messages that are gone are passed over: UIDs (RFC 3501 §6.4.8), and "$", from which an expunged
 * message is removed (RFC 5182 §2.1). A sequence number whose message is gone means something the client would not get.
 */
export function forgives({ set, uid }: { set: SequenceSet; uid: boolean }): boolean {
  return uid || set.kind === "saved"
}

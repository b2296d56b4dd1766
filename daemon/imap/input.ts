import type { StoredLiteral } from "./ast.ts"
import type { LiteralSize } from "./literal-announcement.ts"

/** What the reader of commands is given, and every way in which a command can end. */

/**
 * Where a literal goes, asked before any of its octets are read. `soFar` is the command up to and including
 * `{n}`, good until it is decided; `streamed` are its literals that went to a sink. `reply` has no tag and no CRLF: `NO [TOOBIG] Message too large`.
 */
export type LiteralPolicy = (
  soFar: Uint8Array,
  literal: LiteralSize,
  streamed: ReadonlyMap<number, StoredLiteral>,
) => LiteralDecision | Promise<LiteralDecision>

export type LiteralDecision =
  | { kind: "buffer" }
  | { kind: "sink"; sink: LiteralSink }
  | { kind: "refuse"; reply: string }

/** Takes a large literal piece by piece. Each piece is good until the promise of its `write` settles. */
export type LiteralSink = {
  write(chunk: Uint8Array): void | Promise<void>
  /** All octets were written. What it returns becomes the `handle` of the literal. */
  end(): unknown
  /** The literal will not be finished; `end` is not called. */
  abort(): void | Promise<void>
}

export type ReaderOptions = {
  /** Octets of one command outside literals, line ends included. */
  maxLineBytes: number
  /** Octets of one literal that is buffered. What goes to a sink is limited by the policy. */
  maxLiteralBytes: number
  /** Octets that are buffered for one command. */
  maxCommandBytes: number
  /** Octets of a refused command that are read and dropped before the connection is given up. */
  maxSkipBytes: number
  /** Largest non-synchronising literal: 4,096 by LITERAL- (RFC 7888 §5). */
  maxNonSyncBytes?: number
  /** By default literals are buffered. */
  literal?: LiteralPolicy
  /** Must write a continuation request, "+ OK" CRLF. */
  sendContinuation: () => void | Promise<void>
  /** `push` answers false from here on. */
  highWaterBytes?: number
  /** `push` had answered false, and there is room again. */
  onDrain?: () => void
  /** Chunks belong to the reader, which zeroes them once they are read (before login they hold passwords). */
  sensitive?: boolean
}

export type RefusedWhy =
  | "line-too-long"
  | "command-too-big"
  | "literal-too-big"
  | "non-sync-too-big"
  | "policy"
  | "nul"
  | "sink-failed"
  | "skip-too-long"

/** Every way in which a command can end. */
export type Input =
  /** Complete, without its last line end; literals inline but those in `streamed`, by the offset where they would begin. The octets are the caller's. */
  | { kind: "command"; bytes: Uint8Array; streamed: ReadonlyMap<number, StoredLiteral> }
  /** Asked for with `next("line")`, without its line end. */
  | { kind: "line"; bytes: Uint8Array }
  | Refused
  /** End of input; not `clean` in the middle of a command. `error` is what `abort` threw. */
  | { kind: "end"; clean: boolean; error: unknown; streamed: StoredLiteral[] }

/** A command was read past, and the next one can be read, or (`fatal`) the connection is of no more use. */
export type Refused = {
  kind: "refused"
  why: RefusedWhy
  tag: string | null
  /** "BAD …" or "NO …" to stand behind the tag, or when fatal "BYE …" to stand behind "*". No CRLF. */
  reply: string
  fatal: boolean
  /** What the policy or a sink threw, else null. */
  error: unknown
  /** Literals of this command that were stored already; the caller discards them. */
  streamed: StoredLiteral[]
}

/** What each refusal says, unless a policy said it better. */
export const refusalReplies = {
  "line-too-long": "BAD [TOOBIG] Command line is too long",
  "command-too-big": "BAD [TOOBIG] Command is too large",
  "literal-too-big": "BAD [TOOBIG] Literal is too large",
  "non-sync-too-big": "BAD [TOOBIG] Non-synchronizing literal is too large (LITERAL-)",
  nul: "BAD NUL is not allowed in a command",
  "sink-failed": "NO [SERVERBUG] The literal could not be stored",
  policy: "NO Literal refused",
  "skip-too-long": "BYE [TOOBIG] Too much input to skip",
} as const satisfies Record<RefusedWhy, string>

import { BadCharset, ParseError } from "../imap/errors.ts"
import type { ResponseCode } from "../imap/response.ts"
import { StoreError, type StoreFault } from "../store/types.ts"
import type { WorkerLog } from "./account.ts"

/** A tagged reply that is not OK; codes of RFC 3501 §7.1 and RFC 5530 §3. */
export type Refusal = { status: "NO" | "BAD"; code?: ResponseCode; text: string }

/** Thrown by a command that says no for a reason of the protocol. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.text)
    this.name = "Refused"
    this.refusal = refusal
  }
}

/** An answer failed after its first octets were sent; the stream is out of step and can only be cut. */
export class AnswerBroken extends Error {
  constructor(cause: unknown) {
    super("an answer could not be finished", { cause })
    this.name = "AnswerBroken"
  }
}

/** Complete by type: a new StoreFault does not compile until it is answered here. */
const answers: Record<StoreFault, Refusal> = {
  "mailbox-exists": { status: "NO", code: "ALREADYEXISTS", text: "That mailbox exists" },
  "no-such-mailbox": { status: "NO", code: "NONEXISTENT", text: "No such mailbox" },
  "not-selectable": { status: "NO", code: "CANNOT", text: "That name only holds other mailboxes" },
  "inbox-is-fixed": { status: "NO", code: "CANNOT", text: "INBOX cannot be deleted" },
  "has-children": { status: "NO", code: "HASCHILDREN", text: "That name holds other mailboxes" },
  "bad-name": { status: "NO", code: "CANNOT", text: "That is not a name for a mailbox" },
  "name-too-long": {
    status: "NO",
    code: "LIMIT",
    text: "That name is too long or has too many levels: choose a shorter one",
  },
  "too-many-mailboxes": { status: "NO", code: "LIMIT", text: "There are too many folders: delete one first" },
  "too-many-subscriptions": {
    status: "NO",
    code: "LIMIT",
    text: "There are too many subscriptions: unsubscribe from one first",
  },
  "over-quota": { status: "NO", code: "OVERQUOTA", text: "Over quota" },
  "too-big": { status: "NO", code: "TOOBIG", text: "The message is too big" },
  "disk-full": { status: "NO", code: "LIMIT", text: "The server's disk is full, nothing was stored" },
  damaged: { status: "NO", code: "CORRUPTION", text: "The mailbox database is damaged, nothing was overwritten" },
  "newer-schema": { status: "NO", code: "CONTACTADMIN", text: "A newer version of the server wrote this mailbox" },
  "no-such-message": { status: "NO", code: "EXPUNGEISSUED", text: "That message is gone" },
  "no-more-uids": { status: "NO", code: "LIMIT", text: "This folder has no more numbers for messages: use another" },
  "too-many-annotations": {
    status: "NO",
    code: { code: "METADATA", what: "TOOMANY" },
    text: "Too many annotations here",
  },
  "too-many-keywords": {
    status: "NO",
    code: "LIMIT",
    text: "Too many keywords, or a very long one: use those that are there already",
  },
}

/** Faults that the operator must hear of, although the client gets a plain answer. */
const reported: ReadonlySet<StoreFault> = new Set(["damaged", "disk-full"])

/** The one place where an exception becomes a reply. What nobody foresaw is our fault: SERVERBUG, and a line in the log. */
export function refusalFor(error: unknown, log: WorkerLog, command: string): Refusal {
  if (error instanceof Refused) return error.refusal
  if (error instanceof ParseError) return { status: "BAD", text: error.message }
  if (error instanceof BadCharset) return badCharset(error)
  if (error instanceof StoreError) return refusalOfStore(error, log, command)
  log.error({ command, ...traceOf(error) }, "command failed")
  return { status: "NO", code: "SERVERBUG", text: "Internal error" }
}

function badCharset({ supported }: BadCharset): Refusal {
  const code: ResponseCode = { code: "BADCHARSET", charsets: [...supported] }
  return { status: "NO", code, text: "That character set is not supported" }
}

function refusalOfStore(error: StoreError, log: WorkerLog, command: string): Refusal {
  if (reported.has(error.fault)) log.error({ command, fault: error.fault, ...traceOf(error.cause) }, "mailbox database")
  return answers[error.fault]
}

/**
 * Where an error was thrown, without its text: a message can quote what it choked on, and that may be mail.
 */
function traceOf(error: unknown): object {
  if (!(error instanceof Error)) return { thrown: typeof error }
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "))
  return { error: error.name, code: "code" in error ? String(error.code) : undefined, frames }
}

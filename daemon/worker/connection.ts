import type { Duplex } from "node:stream"
import type { ClientFacts } from "../contract/preface.ts"
import type { Command, CommandName, StoredLiteral } from "../imap/ast.ts"
import type { GrammarContext } from "../imap/cursor.ts"
import { BadCharset } from "../imap/errors.ts"
import { headOf } from "../imap/head.ts"
import { parseCommand } from "../imap/parse.ts"
import { CommandReader, type Input } from "../imap/reader.ts"
import { continuation, PeerGone, type ResponseWriter, tagged, untagged } from "../imap/response.ts"
import type { Account } from "./account.ts"
import { capabilityNames } from "./capabilities.ts"
import { discardStreamed } from "./commands/append.ts"
import type { Completion, Entry } from "./commands/command.ts"
import { clientName } from "./commands/general.ts"
import { commands, registered } from "./commands/table.ts"
import { Conversation } from "./conversation.ts"
import { literalPolicy } from "./literal-policy.ts"
import { ClientGone } from "./pace.ts"
import { AnswerBroken, type Refusal, Refused, refusalFor } from "./refusal.ts"
import { partingMs, Transport } from "./transport.ts"
import { refuseNumbers } from "./uid-only.ts"
import { MailboxGone } from "./view.ts"

export type ConnectionEvents = {
  /**
   * After each command was read, and when listening (`idling`: IDLE, NOTIFY) begins and IDLE ends. `client` is what
   * the client calls itself, for display; null when it did not say.
   */
  activity(command: string, idling: boolean, client: string | null): void
}

type Outcome = (Completion | (Refusal & { afterwards?: never })) & { status: Refusal["status"] | "OK" }

/**
 * One client, from its login to its end: reads a command, runs it, answers, tells what else changed; the
 * next one is read when that is done, so answers come in order and nothing piles up.
 */
export class ImapConnection {
  readonly #transport: Transport
  readonly #account: Account
  readonly #events: ConnectionEvents
  readonly #tag: string
  readonly #grammar: GrammarContext
  readonly #reader: CommandReader
  readonly #writer: ResponseWriter
  readonly #conversation: Conversation
  readonly #capabilities: readonly string[]
  #farewell: string | null = null
  #running = false
  #idling = false
  #badInARow = 0

  /** Nothing is read or written before `serve`; octets already read beyond the preface must be unshifted. */
  constructor(socket: Duplex, account: Account, facts: ClientFacts, events: ConnectionEvents) {
    const { limits } = account
    this.#account = account
    this.#events = events
    this.#tag = facts.tag
    this.#grammar = {
      maxNesting: limits.max_nesting,
      maxSequenceRanges: limits.max_sequence_ranges,
      maxItems: limits.max_items,
      maxAppendParts: limits.max_append_parts,
      utf8: false,
      supplied: new Map(),
    }
    this.#capabilities = capabilityNames(registered, account)
    this.#reader = this.#makeReader()
    this.#transport = new Transport(socket, this.#reader, limits.autologout_s * 1000)
    this.#writer = this.#transport.writer
    this.#conversation = this.#makeConversation(facts)
  }

  #makeReader(): CommandReader {
    const { limits, maxMessageBytes } = this.#account
    return new CommandReader({
      maxLineBytes: limits.max_line_bytes,
      maxLiteralBytes: limits.max_literal_bytes,
      maxCommandBytes: limits.max_command_bytes,
      // When the disk fills up in the middle of a message, the rest of it has to be read past.
      maxSkipBytes: limits.max_command_bytes + maxMessageBytes,
      literal: literalPolicy(() => this.#conversation, this.#grammar),
      sendContinuation: () => this.#conversation.push.between(() => this.#writer.text(continuation("OK")).flush()),
      onDrain: () => this.#transport.resume(),
    })
  }

  #makeConversation(facts: ClientFacts): Conversation {
    const client = clientName(facts.client === null ? null : new Map(Object.entries(facts.client)))
    return new Conversation(
      this.#account,
      {
        writer: this.#writer,
        capabilities: this.#capabilities,
        nextLine: () => this.#nextLine(),
        isGone: () => this.#transport.isGone,
        commandBegun: () => this.#reader.begun,
        activity: (command, idling) => this.#report(command, idling),
        readUtf8: () => {
          this.#grammar.utf8 = true
        },
        supplied: (mailbox) => this.#grammar.supplied?.get(mailbox) ?? null,
        compressed: () => this.#transport.isCompressed,
        compress: () => this.#transport.compress(),
      },
      client,
    )
  }

  /** Answers the login, then serves until the client leaves or `bye`. Never rejects; the socket is destroyed then. */
  async serve(): Promise<void> {
    const unsubscribe = this.#account.store.onCommit((commit) => this.#conversation.notice(commit))
    this.#transport.open(
      () => {
        if (!this.#running) this.#conversation.pace.begin()
      },
      () => this.#onSilence(),
    )
    try {
      const code = { code: "CAPABILITY", capabilities: this.#capabilities } as const
      this.#writer.text(tagged(this.#tag, "OK", "Logged in", code)).flush()
      while ((await this.#serveOne()) && (await this.#giveWay()));
    } catch (error) {
      this.#failed(error)
    } finally {
      unsubscribe()
      this.#conversation.deselect()
      await this.#transport.part()
    }
  }

  /**
   * Says BYE when the running command is done, at the latest after `withinMs` cuts the connection. `text` may
   * begin with a response code. Resolves when the connection is closed.
   */
  async bye(text: string, withinMs: number = partingMs): Promise<void> {
    this.#leave(text)
    await this.#transport.closedWithin(withinMs)
  }

  /** From here on no command is begun; one that waits for input, IDLE too, sees its end. */
  #leave(text: string): void {
    this.#farewell ??= text
    this.#reader.wipe()
    this.#reader.end()
  }

  /** RFC 3501 §5.4, RFC 2177: nothing came for too long; or the client does not read what it asked for. */
  #onSilence(): void {
    if (this.#transport.isStuck) this.#transport.cut()
    else if (!this.#running || this.#idling) this.#leave("Idle for too long")
    else this.#transport.refresh()
  }

  /**
   * Commands that are here already are read without waiting for anything, so between them, too, others must get
   * their turn.
   *
   * @returns false when the client left meanwhile
   */
  async #giveWay(): Promise<boolean> {
    const { pace } = this.#conversation
    try {
      if (this.#reader.queuedBytes > 0 && pace.due) await pace.rest()
      return true
    } catch (error) {
      if (endsConnection(error)) return false
      throw error
    }
  }

  /** @returns false when it was the last one */
  async #serveOne(): Promise<boolean> {
    const input = await this.#nextInput()
    if (input === null) return false
    this.#running = true
    try {
      if (this.#farewell === null) return await this.#answer(input)
      if (input.kind !== "command") discardStreamed("streamed" in input ? input.streamed : [])
      this.#sayBye(this.#farewell)
      return false
    } finally {
      this.#running = false
      this.#transport.refresh()
    }
  }

  /** Waits for the client, and meanwhile tells it what it wants to hear; null when there is nobody to tell any more. */
  async #nextInput(): Promise<Input | null> {
    const next = this.#reader.next()
    if (!this.#conversation.listens) return next
    try {
      return await this.#conversation.push.until(next, false)
    } catch (error) {
      if (endsConnection(error)) return this.#end(error)
      throw error
    }
  }

  #sayBye(text: string): void {
    this.#writer.text(byeLine(text))
  }

  async #answer(input: Input): Promise<boolean> {
    switch (input.kind) {
      case "command":
        return this.#answerCommand(input.bytes, input.streamed)
      case "refused":
        return this.#answerRefused(input)
      default:
        discardStreamed("streamed" in input ? input.streamed : [])
        return false
    }
  }

  /** What the reader would not read: too long, too big, or a literal that has no place. */
  #answerRefused({ tag, reply, fatal, error, streamed }: Extract<Input, { kind: "refused" }>): boolean {
    discardStreamed(streamed)
    if (fatal) {
      this.#writer.text(`* ${reply}\r\n`)
      return false
    }
    if (error === null) this.#writer.text(`${tag ?? "*"} ${reply}\r\n`).flush()
    else this.#writeRefusal(tag, refusalFor(error, this.#account.log, "APPEND"))
    return this.#count(reply.startsWith("BAD"))
  }

  async #answerCommand(bytes: Uint8Array, streamed: ReadonlyMap<number, StoredLiteral>): Promise<boolean> {
    let command: Command
    this.#grammar.supplied?.clear()
    try {
      command = parseCommand({ bytes, at: 0, streamed, utf8: this.#grammar.utf8 }, this.#grammar)
    } catch (error) {
      discardStreamed(streamed.values())
      if (error instanceof BadCharset && error.saves) this.#conversation.forgetSaved()
      const refusal = refusalFor(error, this.#account.log, headOf(bytes).name ?? "unknown")
      this.#writeRefusal(headOf(bytes).tag, refusal)
      return this.#count(refusal.status === "BAD")
    }
    return this.#run(command)
  }

  async #run(command: Command): Promise<boolean> {
    if (command.name !== "IDLE") this.#report(nameOf(command), false)
    const completion = await this.#complete(command)
    if (completion === null) return false
    const { status, text, code, afterwards } = completion
    this.#writer.text(tagged(command.tag, status, text, code ?? null)).flush()
    afterwards?.()
    // From the clocks' point of view it is as if it were in IDLE (RFC 5465 §4).
    if (this.#conversation.listens) this.#report("NOTIFY", true)
    if (this.#writer.congested) await this.#writer.drained()
    return this.#count(status === "BAD") && command.name !== "LOGOUT"
  }

  /** Runs a command and tells what else changed; null when the connection ends without a tagged answer. */
  async #complete(command: Command): Promise<Outcome | null> {
    const entry = commands[command.name] as Entry<CommandName>
    const uid = "uid" in command && command.uid
    const run = async (): Promise<Outcome> => {
      this.#checkState(entry)
      if (this.#conversation.uidOnly) refuseNumbers(command)
      const completion = this.#account.store.by(this.#conversation, () =>
        entry.run(this.#conversation, command as never),
      )
      return { status: "OK", ...(await completion) }
    }
    try {
      const outcome = await run().catch((error: unknown) => this.#refusalOf(error, command))
      const held = entry.holdsExpunges?.(command as never) ?? false
      await this.#conversation.tell((entry.expunges === "yes" || uid) && !held, uid)
      return outcome
    } catch (error) {
      if (endsConnection(error)) return this.#end(error)
      return this.#refusalOf(error, command)
    }
  }

  /** @throws what ends the connection */
  #refusalOf(error: unknown, command: Command): Outcome {
    if (endsConnection(error)) throw error
    return refusalFor(error, this.#account.log, nameOf(command))
  }

  /** RFC 3501 §3: the one place where a command is refused because of the state. */
  #checkState({ state }: Entry<CommandName>): void {
    if (state === "selected" && this.#conversation.view === null)
      throw new Refused({ status: "BAD", text: "No mailbox is selected" })
    if (state === "not-authenticated") throw new Refused({ status: "BAD", text: "Already logged in" })
  }

  #end(error: unknown): null {
    if (error instanceof AnswerBroken) {
      this.#account.log.warn({ error: nameOfCause(error) }, "an answer could not be finished, the connection was cut")
      this.#transport.cut()
    } else if (this.#farewell !== null) this.#sayBye(this.#farewell)
    else if (error instanceof MailboxGone) this.#sayBye("The selected mailbox was deleted")
    return null
  }

  #writeRefusal(tag: string | null, { status, text, code }: Refusal): void {
    this.#writer
      .text(tag === null ? untagged(status, text, code ?? null) : tagged(tag, status, text, code ?? null))
      .flush()
  }

  /** @returns false, with BYE, after too many bad commands in a row */
  #count(bad: boolean): boolean {
    this.#badInARow = bad ? this.#badInARow + 1 : 0
    if (this.#badInARow < this.#account.limits.max_bad_commands) return true
    this.#sayBye("Too many bad commands")
    return false
  }

  async #nextLine(): Promise<Uint8Array | null> {
    const input = await this.#reader.next("line")
    if (this.#farewell !== null) return null
    if (input.kind === "line") return input.bytes
    if (input.kind === "refused" && !input.fatal) return new Uint8Array(0)
    return null
  }

  #report(command: string, idling: boolean): void {
    this.#idling = idling
    this.#events.activity(command, idling, this.#conversation.client)
  }

  #failed(error: unknown): void {
    refusalFor(error, this.#account.log, "connection")
    this.#transport.cut()
  }
}

function nameOf(command: Command): string {
  return "uid" in command && command.uid ? `UID ${command.name}` : command.name
}

function endsConnection(error: unknown): boolean {
  return (
    error instanceof MailboxGone ||
    error instanceof ClientGone ||
    error instanceof PeerGone ||
    error instanceof AnswerBroken
  )
}

/** Without its text, which may quote what was being read. */
function nameOfCause({ cause }: AnswerBroken): string {
  return cause instanceof Error ? cause.name : typeof cause
}

/** `* BYE text`; the text may begin with a response code, which `untagged` would disarm. */
function byeLine(text: string): string {
  return `* BYE ${text.replace(/[\r\n]/g, " ")}\r\n`
}

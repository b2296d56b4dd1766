import type { StoredLiteral } from "./ast.ts"
import { ByteQueue, GrowingBytes } from "./bytes.ts"
import { LF } from "./cursor.ts"
import { headOf } from "./head.ts"
import {
  type Input,
  type LiteralDecision,
  type LiteralSink,
  type ReaderOptions,
  type Refused,
  type RefusedWhy,
  refusalReplies as replies,
} from "./input.ts"
import { announcedLiteral, announcementBytes, type LiteralSize, withoutLineEnd } from "./literal-announcement.ts"

export type {
  Input,
  LiteralDecision,
  LiteralPolicy,
  LiteralSink,
  ReaderOptions,
  Refused,
  RefusedWhy,
} from "./input.ts"
export type { LiteralSize } from "./literal-announcement.ts"

/** One command on its way in. */
type Pending = {
  mode: "command" | "line"
  lineBytes: number
  skippedBytes: number
  refused: Refusal | null
  streamed: Map<number, StoredLiteral>
}

type Refusal = { why: RefusedWhy; tag: string | null; reply: string; error: unknown }

/** What the part of the command just read means for the rest: `null` goes on. */
type Step = Input | null

/**
 * Turns chunks of any size into whole commands, one at a time, whatever they contain: it knows lines and
 * literals, and nothing else of the grammar (RFC 3501 §2.2.1 and §4.3).
 *
 * Lines end in CRLF. A lone LF is taken as well, for people and scripts that type into `openssl s_client`
 * or `nc`; no command can contain one, so nothing becomes ambiguous.
 *
 * What is buffered is bounded by the options; a refused command is read and dropped, and its reply is due
 * when the client has stopped sending it. Nothing is read ahead of the command that is asked for.
 */
export class CommandReader {
  readonly #options: ReaderOptions
  readonly #maxNonSyncBytes: number
  readonly #highWaterBytes: number
  readonly #queue = new ByteQueue()
  readonly #held = new GrowingBytes()
  #ended = false
  #full = false
  #reading = false
  #wake: (() => void) | null = null

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#maxNonSyncBytes = options.maxNonSyncBytes ?? 4096
    this.#highWaterBytes = options.highWaterBytes ?? 65_536
  }

  /** Octets that arrived and were not read yet. */
  get queuedBytes(): number {
    return this.#queue.size
  }

  /** Whether something of a command came that is not whole yet. */
  get begun(): boolean {
    return this.#queue.size > 0 || this.#held.length > 0
  }

  /** Takes what a socket delivered. On false the caller pauses the socket until `onDrain`. */
  push(chunk: Uint8Array): boolean {
    if (!this.#ended) this.#queue.push(chunk, this.#options.sensitive === true)
    this.#full = this.#queue.size >= this.#highWaterBytes
    this.#wakeUp()
    return !this.#full
  }

  /** No more input. What is complete is still delivered, then `end`. */
  end(): void {
    this.#ended = true
    this.#wakeUp()
  }

  /**
   * The next command, or with "line" the next line as it is (DONE of IDLE, the answers of AUTHENTICATE).
   * One at a time. Rejects only when it is called while another call waits.
   */
  async next(mode: "command" | "line" = "command"): Promise<Input> {
    if (this.#reading) throw new Error("CommandReader.next() is waiting already")
    this.#reading = true
    try {
      return await this.#read({ mode, lineBytes: 0, skippedBytes: 0, refused: null, streamed: new Map() })
    } finally {
      this.#held.wipe()
      this.#reading = false
    }
  }

  /** What is not read yet, for another reader of the same connection. Not while `next` waits. */
  takeQueued(): Uint8Array {
    if (this.#reading) throw new Error("CommandReader.next() is waiting")
    return this.#queue.takeAll(this.#options.sensitive === true)
  }

  /** Zeroes and drops everything that is held and not read, for example what came in with STARTTLS. */
  wipe(): void {
    if (this.#options.sensitive === true) this.#queue.wipe()
    else this.#queue.clear()
    this.#held.wipe()
    this.#relieve()
  }

  async #read(pending: Pending): Promise<Input> {
    for (;;) {
      const stopped = await this.#line(pending)
      if (stopped !== null) return stopped
      const length = withoutLineEnd(this.#held.view)
      const literal = pending.mode === "line" ? null : announcedLiteral(this.#held.view.subarray(0, length))
      if (literal === null) return this.#complete(pending, length)
      const step = await this.#literal(pending, literal, length)
      if (step !== null) return step
    }
  }

  #complete(pending: Pending, length: number): Input {
    if (pending.refused !== null) return refusal(pending, pending.refused)
    this.#held.truncate(length)
    const bytes = this.#held.release()
    return pending.mode === "line" ? { kind: "line", bytes } : { kind: "command", bytes, streamed: pending.streamed }
  }

  /** Reads up to and including the next LF. */
  async #line(pending: Pending): Promise<Step> {
    for (;;) {
      if (!(await this.#arrived())) return this.#cutOff(pending)
      const piece = this.#queue.take(Number.POSITIVE_INFINITY, LF)
      const ends = piece.at(-1) === LF
      this.#keepLine(pending, piece)
      this.#consumed(piece)
      if (pending.skippedBytes > this.#options.maxSkipBytes) return this.#giveUp(pending)
      if (ends) return null
    }
  }

  #keepLine(pending: Pending, piece: Uint8Array): void {
    if (pending.refused !== null) {
      this.#skipLine(pending, piece)
      return
    }
    const { maxLineBytes, maxCommandBytes } = this.#options
    const lineRoom = maxLineBytes - pending.lineBytes
    const room = Math.min(lineRoom, maxCommandBytes - this.#held.length)
    const nul = piece.indexOf(0)
    const kept = piece.subarray(0, Math.min(room, nul === -1 ? piece.length : nul))
    this.#held.append(kept)
    pending.lineBytes += kept.length
    if (kept.length === piece.length) return
    const tooBig = lineRoom <= room ? "line-too-long" : "command-too-big"
    this.#refuse(pending, kept.length === nul && nul < room ? "nul" : tooBig)
    this.#skipLine(pending, piece.subarray(kept.length))
  }

  /** Of a refused line only the end is kept: a literal may follow it, and its announcement may come in pieces. */
  #skipLine(pending: Pending, piece: Uint8Array): void {
    pending.skippedBytes += piece.length
    const before = this.#held.view.slice(-announcementBytes)
    this.#held.wipe()
    this.#held.append(before)
    before.fill(0)
    this.#held.append(piece.subarray(-announcementBytes))
  }

  async #literal(pending: Pending, literal: LiteralSize, length: number): Promise<Step> {
    const decision = pending.refused === null ? await this.#decide(pending, literal, length) : null
    if (decision === null) return this.#unwanted(pending, literal)
    if (!literal.nonSync) await this.#options.sendContinuation()
    if (decision.kind === "buffer") return this.#buffer(pending, literal.size)
    return this.#stream(pending, literal, decision.sink)
  }

  /** Null when the literal was refused. */
  async #decide(
    pending: Pending,
    literal: LiteralSize,
    length: number,
  ): Promise<Exclude<LiteralDecision, { kind: "refuse" }> | null> {
    if (literal.size === Number.POSITIVE_INFINITY) return this.#refuse(pending, "literal-too-big")
    if (literal.nonSync && literal.size > this.#maxNonSyncBytes) return this.#refuse(pending, "non-sync-too-big")
    const decision = await this.#ask(pending, literal, length)
    if (decision === null || decision.kind === "sink") return decision
    if (decision.kind === "refuse") return this.#refuse(pending, "policy", decision.reply)
    if (literal.size > this.#options.maxLiteralBytes) return this.#refuse(pending, "literal-too-big")
    if (this.#held.length + literal.size > this.#options.maxCommandBytes)
      return this.#refuse(pending, "command-too-big")
    return decision
  }

  async #ask(pending: Pending, literal: LiteralSize, length: number): Promise<LiteralDecision | null> {
    try {
      const soFar = this.#held.view.subarray(0, length)
      return (await this.#options.literal?.(soFar, literal, pending.streamed)) ?? { kind: "buffer" }
    } catch (error) {
      return this.#refuse(pending, "sink-failed", replies["sink-failed"], error)
    }
  }

  /**
   * A literal nobody wants. A synchronising one is not sent (RFC 3501 §7.5), so the command ends here; a
   * non-synchronising one is on its way and is read past (RFC 7888 §4), if it is not too long for that.
   */
  async #unwanted(pending: Pending, literal: LiteralSize): Promise<Step> {
    this.#held.wipe()
    if (!literal.nonSync && pending.refused !== null) return refusal(pending, pending.refused)
    if (pending.skippedBytes + literal.size > this.#options.maxSkipBytes) return this.#giveUp(pending)
    pending.skippedBytes += literal.size
    for (let left = literal.size; left > 0; ) {
      const piece = await this.#piece(left)
      if (piece === null) return this.#cutOff(pending)
      left -= piece.length
      this.#consumed(piece)
    }
    return null
  }

  async #buffer(pending: Pending, size: number): Promise<Step> {
    for (let left = size; left > 0; ) {
      const piece = await this.#piece(left)
      if (piece === null) return this.#cutOff(pending)
      left -= piece.length
      this.#held.append(piece)
      this.#consumed(piece)
    }
    return null
  }

  async #stream(pending: Pending, literal: LiteralSize, sink: LiteralSink): Promise<Step> {
    for (let left = literal.size; left > 0; ) {
      const piece = await this.#piece(left)
      if (piece === null) return this.#cutOff(pending, pending.refused === null ? sink : null)
      left -= piece.length
      if (pending.refused === null) await this.#write(pending, sink, piece)
      this.#consumed(piece)
    }
    if (pending.refused === null) await this.#finish(pending, literal, sink)
    if (pending.refused !== null) this.#held.wipe()
    return null
  }

  async #write(pending: Pending, sink: LiteralSink, piece: Uint8Array): Promise<void> {
    try {
      await sink.write(piece)
    } catch (error) {
      await this.#sinkFailed(pending, sink, error)
    }
  }

  async #finish(pending: Pending, { size, binary }: LiteralSize, sink: LiteralSink): Promise<void> {
    try {
      pending.streamed.set(this.#held.length, { size, binary, handle: await sink.end() })
    } catch (error) {
      await this.#sinkFailed(pending, sink, error)
    }
  }

  async #sinkFailed(pending: Pending, sink: LiteralSink, error: unknown): Promise<void> {
    const abortError = await abort(sink)
    const cause = abortError === null ? error : new AggregateError([error, abortError], "sink failed and abort failed")
    this.#refuse(pending, "sink-failed", replies["sink-failed"], cause)
  }

  /** The next octets, at most `most`; null at the end of input. */
  async #piece(most: number): Promise<Uint8Array | null> {
    return (await this.#arrived()) ? this.#queue.take(most) : null
  }

  /** Waits until there is something to read; false at the end of input. */
  async #arrived(): Promise<boolean> {
    while (this.#queue.size === 0) {
      if (this.#ended) return false
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return true
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }

  #consumed(piece: Uint8Array): void {
    if (this.#options.sensitive === true) piece.fill(0)
    this.#relieve()
  }

  #relieve(): void {
    if (!this.#full || this.#queue.size >= this.#highWaterBytes) return
    this.#full = false
    this.#options.onDrain?.()
  }

  /** Remembers the first reason, with the tag while it can still be read. */
  #refuse(pending: Pending, why: RefusedWhy, reply: string = replies[why], error: unknown = null): null {
    pending.refused ??= { why, tag: this.#tag(pending), reply, error }
    return null
  }

  /** Null unless something stands behind it: it may be cut off. A raw line has none, and may be a credential. */
  #tag({ mode }: Pending): string | null {
    const tag = mode === "line" ? null : headOf(this.#held.view).tag
    return tag !== null && tag.length < this.#held.length ? tag : null
  }

  #giveUp(pending: Pending): Refused {
    this.#ended = true
    this.wipe()
    const { tag, error } = pending.refused ?? { tag: null, error: null }
    return refusal(pending, { why: "skip-too-long", tag, reply: replies["skip-too-long"], error })
  }

  async #cutOff(pending: Pending, sink: LiteralSink | null = null): Promise<Input> {
    const error = sink === null ? null : await abort(sink)
    const begun = pending.lineBytes > 0 || pending.refused !== null
    return { kind: "end", clean: !begun, error, streamed: [...pending.streamed.values()] }
  }
}

function refusal(pending: Pending, refused: Refusal): Refused {
  return {
    kind: "refused",
    ...refused,
    fatal: refused.why === "skip-too-long",
    streamed: [...pending.streamed.values()],
  }
}

/** What `abort` threw, or null. */
async function abort(sink: LiteralSink): Promise<unknown> {
  try {
    await sink.abort()
    return null
  } catch (error) {
    return error
  }
}

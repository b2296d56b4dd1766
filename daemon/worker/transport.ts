import type { Duplex } from "node:stream"
import type { CommandReader } from "../imap/reader.ts"
import { ResponseWriter } from "../imap/response.ts"
import { type Compressed, compress } from "./compression.ts"

/** How long the last octets may take to leave; then the connection is cut. */
export const partingMs = 2000

/** The octets of one client in both directions: the socket, what compresses it, how long it may be silent, its end. */
export class Transport {
  readonly writer: ResponseWriter
  readonly #closed: Promise<void>
  readonly #socket: Duplex
  readonly #reader: CommandReader
  readonly #silenceMs: number
  #compressed: Compressed | null = null
  #silence: NodeJS.Timeout | null = null
  #onInput: () => void = () => {}

  /** Nothing is read before `open`; octets already read must be unshifted. */
  constructor(socket: Duplex, reader: CommandReader, silenceMs: number) {
    this.#socket = socket
    this.#reader = reader
    this.#silenceMs = silenceMs
    this.writer = new ResponseWriter(socket)
    this.#closed = new Promise((resolve) => {
      socket.once("close", () => resolve())
    })
  }

  /** From here on what comes goes to the reader, `onInput` being told before. `onSilence` is called when nothing came or left for too long. */
  open(onInput: () => void, onSilence: () => void): void {
    const socket = this.#socket
    this.#onInput = onInput
    socket.on("data", this.#onData)
    socket.on("drain", () => this.refresh())
    socket.on("end", () => {
      if (this.#compressed === null) this.#reader.end()
    })
    socket.on("close", () => this.#reader.end())
    socket.on("error", () => socket.destroy())
    // Whoever handed the socket over had paused it, so that nothing was lost on the way.
    socket.resume()
    this.#silence = setTimeout(onSilence, this.#silenceMs)
  }

  /** Where commands come from: the socket, or what is inflated from it. */
  get #input(): Duplex {
    return this.#compressed?.input ?? this.#socket
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.refresh()
    this.#onInput()
    if (!this.#reader.push(chunk)) this.#input.pause()
  }

  /** The reader has room again. */
  resume(): void {
    this.#input.resume()
  }

  /** Silence begins anew. */
  refresh(): void {
    this.#silence?.refresh()
  }

  get isGone(): boolean {
    return this.#socket.destroyed
  }

  /** The client does not read what was written for it. */
  get isStuck(): boolean {
    return this.#socket.writableNeedDrain
  }

  get isCompressed(): boolean {
    return this.#compressed !== null
  }

  /** From here on both directions are compressed; octets that came behind the command are already. */
  compress(): void {
    const socket = this.#socket
    socket.off("data", this.#onData)
    socket.pause()
    this.#compressed = compress(socket)
    const { input, output } = this.#compressed
    input.on("data", this.#onData)
    input.on("end", () => this.#reader.end())
    this.writer.redirect(output)
    const early = this.#reader.takeQueued()
    if (early.length > 0) socket.unshift(early)
  }

  cut(): void {
    this.#socket.destroy()
  }

  /** Resolves when it is closed; after `withinMs` it is cut. */
  async closedWithin(withinMs: number): Promise<void> {
    const deadline = setTimeout(() => this.cut(), withinMs)
    await this.#closed
    clearTimeout(deadline)
  }

  /** Lets the last octets leave, then closes. */
  async part(): Promise<void> {
    if (this.#silence !== null) clearTimeout(this.#silence)
    this.writer.flush()
    if (!this.isGone) (this.#compressed?.output ?? this.#socket).end()
    this.resume()
    await this.closedWithin(partingMs)
  }
}

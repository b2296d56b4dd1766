import { bodyWire, envelopeWire } from "../imap/response.ts"
import { MessageParser } from "../message/parser.ts"
import type { ParsedMessage } from "../message/types.ts"
import type { CountedBeside, Source } from "../store/contents.ts"
import type { Store } from "../store/store.ts"
import type { ContentMeta } from "../store/types.ts"

/** The largest piece given to the parser at a time, so that its buffers stay small. */
const pieceBytes = 65_536

/** Between two steps of a long work others may have their turn; `rest` gives it to them. */
export type Rest = { readonly due: boolean; rest(): Promise<void> }

/** A message that was read and is not stored yet. */
export type Read = { bytes: Uint8Array; meta: ContentMeta }

/** Where octets become a message of the mailbox: parsed once, with its wire forms, beside the exact octets. */
export class Ingest {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * For octets that arrive slowly; each piece is its own small transaction. Not inside a transaction. `beside`
   * counts against quota with it: other messages of the same command, or (negative) what it replaces.
   */
  begin(source: Source = "client", beside?: CountedBeside): Incoming {
    return new Incoming(this.#store.contents.begin(source, beside))
  }

  /** For octets that are all there. */
  async read(bytes: Uint8Array, rest: Rest): Promise<Read> {
    const parser = new MessageParser()
    pushInPieces(parser, bytes)
    return { bytes, meta: await metaOf(parser, rest) }
  }

  /**
   * Inside the caller's transaction.
   *
   * @throws StoreError `over-quota` (not for the spool), `too-big`, `disk-full`
   */
  insert({ bytes, meta }: Read, source: Source = "client"): number {
    return this.#store.contents.insert(bytes, meta, source)
  }
}

type Writer = ReturnType<Store["contents"]["begin"]>

/** A message on its way in, ended by `complete` and `finish`, or by `discard`. */
export class Incoming {
  readonly #writer: Writer
  /** What is known of the message once it is complete; while it waits to be linked it costs no more memory. */
  #read: { parser: MessageParser } | { meta: ContentMeta } | null = { parser: new MessageParser() }

  /** By `Ingest.begin` only. */
  constructor(writer: Writer) {
    this.#writer = writer
  }

  /** Octets so far. */
  get size(): number {
    return this.#writer.size
  }

  /** So many octets more are announced. @throws StoreError `over-quota` when they would not be taken */
  expect(bytes: number): void {
    this.#writer.expect(bytes)
  }

  /** @throws StoreError `over-quota`, `too-big`, `disk-full` */
  push(chunk: Uint8Array): void {
    this.#writer.push(chunk)
    if (this.#read === null || !("parser" in this.#read)) throw new Error("this message is complete")
    pushInPieces(this.#read.parser, chunk)
  }

  /** No more octets: reads the message to its end. @throws what `rest` throws */
  async complete(rest: Rest): Promise<void> {
    if (this.#read !== null && "parser" in this.#read) this.#read = { meta: await metaOf(this.#read.parser, rest) }
  }

  /**
   * Makes the content durable, after `complete`. Nothing shows it before `store.messages.add` links it, best in
   * one transaction with this call.
   */
  finish(): number {
    if (this.#read === null || !("meta" in this.#read)) throw new Error("this message is not complete, or finished")
    const { meta } = this.#read
    this.#read = null
    return this.#writer.finish(meta)
  }

  /** After a failure (also of the transaction around `finish`), or when the sender went away. May be called again. */
  discard(): void {
    this.#writer.discard()
  }
}

function pushInPieces(parser: MessageParser, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += pieceBytes) parser.push(bytes.subarray(at, at + pieceBytes))
}

/** What the store keeps of a parsed message: its wire forms are made here, once. */
async function metaOf(parser: MessageParser, rest: Rest): Promise<ContentMeta> {
  const { envelope, ...parsed } = await ended(parser, rest)
  const wires = { envelope: envelopeWire(envelope), body: bodyWire(parsed.root, false) }
  if (rest.due) await rest.rest()
  return { ...parsed, ...wires, bodyStructure: bodyWire(parsed.root, true) }
}

/** `parser.end()`, giving way meanwhile. */
export async function ended(parser: MessageParser, rest: Rest): Promise<ParsedMessage> {
  const ending = parser.ending()
  for (;;) {
    const { done, value } = ending.next()
    if (done) return value
    if (rest.due) await rest.rest()
  }
}

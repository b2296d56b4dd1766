import { bodyWire, envelopeWire } from "../imap/response.ts"
import { MessageParser } from "../message/parser.ts"
import type { ParsedMessage } from "../message/types.ts"
import type { CountedBeside, Source } from "../store/contents.ts"
import type { Store } from "../store/store.ts"
import type { ContentMeta } from "../store/types.ts"

/** The largest piece given to the parser at a time, so that its buffers stay small. */
const pieceBytes = 65_536

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

  /**
   * All octets at once, inside the caller's transaction.
   *
   * @throws StoreError `over-quota` (not for the spool), `too-big`, `disk-full`
   */
  insert(bytes: Uint8Array, source: Source = "client"): { content: number; meta: ContentMeta } {
    const parser = new MessageParser()
    pushInPieces(parser, bytes)
    const meta = metaOf(parser.end())
    return { content: this.#store.contents.insert(bytes, meta, source), meta }
  }
}

type Writer = ReturnType<Store["contents"]["begin"]>

/** A message on its way in, ended by `finish` or by `discard`. */
export class Incoming {
  readonly #writer: Writer
  /** Null once it is finished, so that a message that waits to be linked costs no memory. */
  #parser: MessageParser | null = new MessageParser()

  /** By `Ingest.begin` only. */
  constructor(writer: Writer) {
    this.#writer = writer
  }

  /** Octets so far. */
  get size(): number {
    return this.#writer.size
  }

  /** @throws StoreError `over-quota`, `too-big`, `disk-full` */
  push(chunk: Uint8Array): void {
    this.#writer.push(chunk)
    pushInPieces(this.#open(), chunk)
  }

  /**
   * Parses to the end and makes the content durable. Nothing shows it before `store.messages.add` links it,
   * best in one transaction with this call.
   */
  finish(): { content: number; meta: ContentMeta } {
    const meta = metaOf(this.#open().end())
    this.#parser = null
    return { content: this.#writer.finish(meta), meta }
  }

  #open(): MessageParser {
    if (this.#parser === null) throw new Error("this message is finished")
    return this.#parser
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
function metaOf({ envelope, ...parsed }: ParsedMessage): ContentMeta {
  return {
    ...parsed,
    envelope: envelopeWire(envelope),
    body: bodyWire(parsed.root, false),
    bodyStructure: bodyWire(parsed.root, true),
  }
}

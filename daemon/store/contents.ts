import { isWholeHeader } from "../message/fields.ts"
import { listedFields } from "../message/listed-fields.ts"
import type { SearchFieldName } from "../message/search-fields.ts"
import type { Account } from "./account.ts"
import type { Connection } from "./connection.ts"
import { ContentWriter } from "./content-writer.ts"
import { type FieldMatches, Fields } from "./fields.ts"
import { Listed } from "./listed.ts"
import { type Beside, type NumberedPiece, Pieces, pieceBytes, type Texts } from "./pieces.ts"
import type { Query } from "./query.ts"
import { Structures } from "./structures.ts"
import { Summaries, type Summary } from "./summaries.ts"
import { Threads } from "./threads.ts"
import { type ContentMeta, present, StoreError } from "./types.ts"
import { Wires } from "./wires.ts"
import { Words } from "./words.ts"

/**
 * Where a message comes from. What the spool brings was accepted with 250, which is a promise: its quota was
 * looked at before that, and is not looked at again.
 */
export type Source = "client" | "spool"

/** What counts against quota together with a message. Negative for what it replaces. */
export type CountedBeside = { bytes: number; messages: number }

/** What is removed in one transaction, 10 to 20 ms: so many contents or octets, of a large one so many of its pieces. */
const clearedContents = 20
const clearedOctets = 524_288
const clearedPieces = 3

type Facts = { size: number; thread: number; headerSize: number }
/** What messages are made of, once for all their copies. A content that no message refers to any more is removed, though not at once. */
export class Contents {
  readonly #connection: Connection
  readonly #account: Account
  /** The same of many contents, quicker. */
  readonly many: Summaries
  readonly wires: Wires
  readonly structures: Structures
  readonly words: Words
  readonly #pieces: Pieces
  readonly #threads: Threads
  readonly #fields: Fields
  readonly #listed: Listed
  readonly #begin: Query<[], unknown>
  readonly #markUnlinked: Query<[id: number], unknown>
  readonly #fill: Query<unknown[], unknown>
  readonly #facts: Query<[id: number], Facts>
  readonly #sentDay: Query<[id: number], { sentDay: number | null }>
  readonly #envelope: Query<[id: number], Uint8Array>
  readonly #preview: Query<[id: number], string>
  /**
   * Contents that have lost their last message, or had none at open. They are in \`unlinked\`,
   * too, but those that are still arriving look the same there.
   */
  readonly #unwanted: number[]
  readonly #isUnlinked: Query<[id: number], number>
  readonly #removals: readonly Query<[id: number], unknown>[]
  /** Contents that are being read, by how many; and octets of those whose last message went meanwhile. */
  readonly #held = new Map<number, { holders: number; unwanted: number | null }>()

  constructor(connection: Connection, account: Account) {
    this.#connection = connection
    this.#account = account
    this.many = new Summaries(connection)
    this.wires = new Wires(connection)
    this.#pieces = new Pieces(connection)
    this.#threads = new Threads(connection)
    this.structures = new Structures(connection)
    this.words = new Words(connection, this.#pieces)
    this.#fields = new Fields(connection)
    this.#listed = new Listed(connection)
    this.#begin = connection.prepare("INSERT INTO content (size) VALUES (0)")
    this.#markUnlinked = connection.prepare("INSERT INTO unlinked (content) VALUES (?)")
    this.#fill = connection.prepare(
      `UPDATE content SET size = ?, thread = ?, header_size = ?, sent_at = ?, sent_day = ?, message_id = ?, mentions = ?,
         subject = ?, base_subject = ?, preview = ?, envelope = ? WHERE id = ?`,
    )
    this.#facts = connection.prepare("SELECT size, thread, header_size AS headerSize FROM content WHERE id = ?")
    this.#sentDay = connection.prepare("SELECT sent_day AS sentDay FROM content WHERE id = ?")
    this.#envelope = connection.pluck("SELECT envelope FROM content WHERE id = ?")
    this.#preview = connection.pluck("SELECT preview FROM content WHERE id = ?")
    this.#unwanted = connection.pluck<[], number>("SELECT content FROM unlinked").all()
    this.#isUnlinked = connection.pluck("SELECT 1 FROM unlinked WHERE content = ?")
    this.#removals = [
      connection.prepare("DELETE FROM unlinked WHERE content = ?"),
      connection.prepare("DELETE FROM content WHERE id = ?"),
    ]
  }

  /**
   * For octets that arrive slowly, outside transactions. What was neither finished nor linked is removed by
   * `discard`, or by the next open. `beside` counts against quota with it: other messages that will be linked
   * together with it, or (negative) one that it replaces.
   */
  begin(source: Source = "client", beside: CountedBeside = { bytes: 0, messages: 0 }): ContentWriter {
    const contents = this
    return new ContentWriter({
      get inTransaction() {
        return contents.#connection.inTransaction
      },
      admit: (bytes) => this.#admit(bytes + beside.bytes, source, 1 + beside.messages),
      spill: (content, piece) => this.#spill(content, piece),
      finish: (content, last, meta) => this.#finish(content, last, meta, source),
      insert: (bytes, meta) => this.insert(bytes, meta, source),
      discard: (content) => this.#discard(content),
    })
  }

  /**
   * All octets at once; many of these fit one transaction. Returns the content's id, to be linked with `messages.add`.
   *
   * @throws StoreError `over-quota` (not for the spool), `disk-full`; Error when `meta` is of another size
   */
  insert(bytes: Uint8Array, meta: ContentMeta, source: Source = "client"): number {
    if (meta.size !== bytes.length) throw new RangeError("the parser saw another number of octets")
    return this.#connection.transaction(() => {
      this.#admit(bytes.length, source)
      const content = this.#new()
      const texts = textsOf(meta)
      const beside = this.#pieces.writeAll(content, bytes, meta.header.length, texts)
      this.#describe(content, meta, texts, beside)
      return content
    })
  }

  /** @throws StoreError `no-such-message` (as all that follow) */
  facts(content: number): Facts {
    return present(this.#facts.get(content))
  }

  summary(content: number): Summary {
    return present(this.many.summaries([content]).get(content))
  }

  /** ENVELOPE as IMAP writes it. */
  envelope(content: number): Uint8Array {
    return present(this.#envelope.get(content))
  }

  /** The header block's exact octets, as far as the parser took it for one. */
  header(content: number): Uint8Array {
    const alone = this.#pieces.header(content)
    if (alone !== null) return alone
    const chunks = [...this.#pieces.read(content, 0, this.facts(content).headerSize)]
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  }

  preview(content: number): string {
    return present(this.#preview.get(content))
  }

  /** The day that is written in the Date field, days since the epoch; null when there is none that can be read. */
  sentDay(content: number): number | null {
    return present(this.#sentDay.get(content)).sentDay
  }

  /**
   * The octets [offset, offset + length), in pieces of at most 256 KiB, as far as the message goes. Lazy: one
   * piece is in memory at a time, and other statements may run in between.
   *
   * @throws StoreError `no-such-message` when it is expunged before or meanwhile, `damaged`
   */
  *read(content: number, offset: number, length: number): Generator<Uint8Array> {
    this.facts(content)
    yield* this.#pieces.read(content, offset, length)
  }

  /**
   * All octets of a message of this size, which must be at most 256 KiB: quicker than `read`.
   *
   * @throws StoreError `no-such-message`, `damaged`
   */
  whole(content: number, size: number): Uint8Array[] {
    if (size > pieceBytes) throw new RangeError("a large message is read piece by piece")
    return this.#pieces.whole(content, size)
  }

  /**
   * Which messages among the UIDs [from, to] of a mailbox have `text`, as `foldForSearch` gives it, in a field;
   * an empty one asks for the field itself. Of some only their header can tell.
   */
  withField(mailbox: number, from: number, to: number, name: SearchFieldName, text: string): FieldMatches {
    return this.#fields.matching(mailbox, from, to, name, text)
  }

  /**
   * While `work` runs the content can be read, even if its last message is expunged: it is removed afterwards, or
   * after a crash by the next open.
   *
   * @throws StoreError `no-such-message` when it is gone already
   */
  async holding<T>(content: number, work: () => Promise<T>): Promise<T> {
    if (this.#isUnlinked.get(content) !== undefined) throw new StoreError("no-such-message")
    this.facts(content)
    const hold = this.#held.get(content) ?? { holders: 0, unwanted: null }
    this.#held.set(content, hold)
    hold.holders += 1
    try {
      return await work()
    } finally {
      hold.holders -= 1
      if (hold.holders === 0) this.#release(content, hold.unwanted)
    }
  }

  #release(content: number, unwanted: number | null): void {
    this.#held.delete(content)
    if (unwanted === null) return
    this.#account.hold(-unwanted)
    this.#discard(content)
  }

  /** Of which nobody else would hear that it can be removed, and that it no longer counts against quota. */
  #discard(content: number): void {
    this.#connection.transaction(() => {
      if (this.#isUnlinked.get(content) !== undefined) this.unlinked([content])
      this.#connection.note({ what: "cleared" })
    })
  }

  /**
   * To be called in the transaction that took away the last messages of these. They are removed later, by `clear`: a
   * large one takes long.
   */
  unlinked(contents: Iterable<number>): void {
    for (const content of contents) {
      const hold = this.#held.get(content)
      if (hold === undefined) this.#unwanted.push(content)
      else hold.unwanted ??= this.#holdBack(content)
    }
  }

  #holdBack(content: number): number {
    const { size } = this.facts(content)
    this.#account.hold(size)
    return size
  }

  /** Removes some of what no message refers to, in one transaction. False when nothing is left of it. @throws StoreError `disk-full` */
  clear(): boolean {
    if (this.#unwanted.length === 0) return false
    const left = this.#connection.transaction(() => this.#clearSome())
    this.#unwanted.length = left
    return true
  }

  /** Returns how many of the unwanted, from the first on, are still to be removed. */
  #clearSome(): number {
    let left = this.#unwanted.length
    const least = Math.max(0, left - clearedContents)
    for (let octets = 0; left > least && octets < clearedOctets; left -= 1) {
      const content = this.#unwanted[left - 1] ?? 0
      // It may have been put here by a transaction that was undone, and be read and unlinked since.
      if (this.#isUnlinked.get(content) === undefined) continue
      const hold = this.#held.get(content)
      if (hold !== undefined) {
        hold.unwanted ??= this.#holdBack(content)
        continue
      }
      octets += this.facts(content).size
      if (!this.#remove(content)) break
    }
    return left
  }

  /** Gives some contents of former versions what they lack. False when they have it. @throws StoreError `disk-full` */
  fill(): boolean {
    return this.#listed.fill((content) => this.#fieldsToList(content))
  }

  /** Of a message that came before they were kept. Whoever reads a damaged header is told so. */
  #fieldsToList(content: number): Uint8Array | null {
    try {
      const header = this.header(content)
      return isWholeHeader(header, this.facts(content).size) ? listedFields(header) : null
    } catch (error) {
      if (error instanceof StoreError && error.fault === "damaged") return null
      throw error
    }
  }

  #admit(bytes: number, source: Source, messages = 1): void {
    if (source === "client") this.#account.admit(bytes, messages)
  }

  #new(): number {
    const { rowid } = this.#begin.run()
    this.#markUnlinked.run(rowid)
    return rowid
  }

  #spill(content: number | null, piece: NumberedPiece): number {
    return this.#connection.transaction(() => {
      const id = content ?? this.#new()
      this.#pieces.write(id, piece)
      return id
    })
  }

  #finish(content: number, last: NumberedPiece, meta: ContentMeta, source: Source): void {
    this.#connection.transaction(() => {
      this.#admit(meta.size, source)
      const texts = textsOf(meta)
      this.#pieces.write(content, last)
      const beside = this.#pieces.splitHeader(content, meta.header.length, texts.header)
      this.#describe(content, meta, texts, beside)
    })
  }

  #describe(content: number, meta: ContentMeta, texts: Texts, beside: Beside): void {
    const { size, header, sentAt, sentDay, messageId, subject, baseSubject, preview, envelope } = meta
    const thread = this.#threads.join(content, messageId, meta.references)
    const mentions = JSON.stringify(meta.references)
    const described = [sentAt, sentDay, messageId, mentions, subject, baseSubject, preview, envelope]
    this.#fill.run(size, thread, header.length, ...described, content)
    this.structures.add(content, meta)
    if (meta.searchFields !== null) this.#fields.add(content, meta.searchFields)
    this.#listed.add(content, meta.listedFields)
    this.words.add(content, meta, texts, beside)
  }

  /** What describes it first, then its octets from the end. False when there are more of these. */
  #remove(content: number): boolean {
    const { thread } = this.facts(content)
    for (const room of [this.structures, this.words, this.#fields, this.#listed]) room.remove(content)
    if (this.#pieces.removeLast(content, clearedPieces) === clearedPieces) return false
    for (const removal of this.#removals) removal.run(content)
    this.#threads.forgetIfEmpty(thread)
    return true
  }
}

function textsOf({ headerText, bodyText }: ContentMeta): Texts {
  return { header: Buffer.from(headerText), body: Buffer.from(bodyText) }
}

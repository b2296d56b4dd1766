import type { Connection } from "./connection.ts"
import { noKeywords } from "./keywords.ts"
import { blockOf, blocksOf, MarkBlock, type MarkRow } from "./mark-block.ts"
import { MessageKeywords } from "./message-keywords.ts"
import type { Query } from "./query.ts"
import type { Marked } from "./types.ts"
import type { Run } from "./uid-runs.ts"

type Columns = [
  id: number,
  mailbox: number,
  modseq: number,
  unseen: number,
  deleted: number,
  flags: Buffer,
  modseqs: Buffer,
]

/** A row, and the UIDs in it that were asked for and that messages have. */
type Reached = [block: MarkBlock, uids: number[]]

const everything: readonly Run[] = [[0, Number.MAX_SAFE_INTEGER]]

/**
 * Flags, keywords and mod-sequences of messages. What writes is to be called inside a transaction; ranges of UIDs are
 * ascending, without overlap.
 */
export class Marks {
  readonly #keywords: MessageKeywords
  readonly #rows: Query<[first: number, last: number], MarkRow>
  readonly #row: Query<[id: number], MarkRow>
  readonly #changed: Query<[mailbox: number, modseq: number], number>
  readonly #unseen: Query<[mailbox: number], MarkRow>
  readonly #deleted: Query<[mailbox: number], MarkRow>
  readonly #write: Query<Columns, unknown>
  readonly #drop: Query<[id: number], unknown>

  constructor(connection: Connection) {
    this.#keywords = new MessageKeywords(connection)
    const select = "SELECT id, flags, modseqs FROM mark WHERE"
    this.#rows = connection.raw(`${select} id BETWEEN ? AND ? ORDER BY id`)
    this.#row = connection.raw(`${select} id = ?`)
    this.#changed = connection.pluck("SELECT id FROM mark WHERE mailbox = ? AND modseq > ? ORDER BY id")
    this.#unseen = connection.raw(`${select} mailbox = ? AND unseen > 0 ORDER BY id LIMIT 1`)
    this.#deleted = connection.raw(`${select} mailbox = ? AND deleted > 0 ORDER BY id`)
    this.#write = connection.prepare(
      `INSERT INTO mark (id, mailbox, modseq, unseen, deleted, flags, modseqs) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET modseq = excluded.modseq, unseen = excluded.unseen, deleted = excluded.deleted,
         flags = excluded.flags, modseqs = excluded.modseqs`,
    )
    this.#drop = connection.prepare("DELETE FROM mark WHERE id = ?")
  }

  /** Of the messages in these ranges, in UID order, all at once. */
  read(mailbox: number, ranges: readonly Run[]): Marked[] {
    const found: Marked[] = []
    for (const reached of this.#reach(mailbox, ranges))
      for (const one of this.#marked(mailbox, reached)) found.push(one)
    return found
  }

  /** Those with a mod-sequence above the given one, in UID order. Lazy: other statements may run in between. */
  *changedSince(mailbox: number, modseq: number): Generator<Marked> {
    for (const reached of this.#changedBlocks(mailbox, modseq)) yield* this.#marked(mailbox, reached)
  }

  /** UIDs of the same messages. */
  changedUids(mailbox: number, modseq: number): number[] {
    return [...this.#changedBlocks(mailbox, modseq)].flatMap(([, uids]) => uids)
  }

  /** UIDs of all messages, ascending. */
  uids(mailbox: number): number[] {
    return [...this.#reach(mailbox, everything)].flatMap(([, uids]) => uids)
  }

  /** The lowest UID without \Seen, or null. */
  firstUnseen(mailbox: number): number | null {
    const row = this.#unseen.get(mailbox)
    if (row === undefined) return null
    const [block, uids] = whole(row)
    return uids.find((uid) => !block.has(uid, "\\Seen")) ?? null
  }

  /** UIDs with \Deleted, ascending; of these ranges, or null for all. */
  deleted(mailbox: number, ranges: readonly Run[] | null): number[] {
    const reached = ranges === null ? this.#deleted.all(mailbox).map(whole) : [...this.#reach(mailbox, ranges)]
    return reached.flatMap(([block, uids]) => uids.filter((uid) => block.has(uid, "\\Deleted")))
  }

  /** Messages that came: the first has the UID `first`, each next one the next UID. `keywords` as the mailbox spells them. */
  add(mailbox: number, first: number, given: readonly { flags: number; keywords: string }[], modseq: number): void {
    let block: MarkBlock | null = null
    for (const [at, { flags, keywords }] of given.entries()) {
      const uid = first + at
      if (block === null || uid > block.last) {
        if (block !== null) this.#save(mailbox, block)
        block = this.#blockFor(mailbox, uid)
      }
      block.set(uid, flags, modseq)
      if (keywords !== "") this.#keywords.set(mailbox, uid, keywords)
    }
    if (block !== null) this.#save(mailbox, block)
  }

  /**
   * Flags become `(before | set) & ~cleared`. Returns how many messages there are, and the new mod-sequence, which is
   * asked for when the first of them changes; null when none did.
   */
  mark(
    mailbox: number,
    ranges: readonly Run[],
    { set, cleared }: { set: number; cleared: number },
    newModseq: () => number,
  ): { found: number; modseq: number | null } {
    let found = 0
    let modseq: number | null = null
    for (const [block, uids] of this.#reach(mailbox, ranges)) {
      found += uids.length
      for (const uid of uids) {
        const before = block.flagsOf(uid)
        const after = (before | set) & ~cleared
        if (after === before) continue
        modseq ??= newModseq()
        block.set(uid, after, modseq)
      }
      this.#save(mailbox, block)
    }
    return { found, modseq }
  }

  /** Each message of the ranges becomes what `decide` makes of it; null leaves it as it is. */
  change(mailbox: number, ranges: readonly Run[], decide: (before: Marked) => Marked | null): void {
    for (const reached of this.#reach(mailbox, ranges)) {
      const [block] = reached
      for (const before of this.#marked(mailbox, reached)) {
        const after = decide(before)
        if (after === null) continue
        block.set(before.uid, after.flags, after.modseq)
        if (after.keywords !== before.keywords) this.#keywords.set(mailbox, before.uid, after.keywords.join(" "))
      }
      this.#save(mailbox, block)
    }
  }

  /** Messages that went. */
  remove(mailbox: number, ranges: readonly Run[]): void {
    for (const [block, uids] of this.#reach(mailbox, ranges)) {
      const [first, last] = [uids[0] ?? 0, uids.at(-1) ?? -1]
      if (last - first + 1 === uids.length) this.#keywords.remove(mailbox, first, last)
      else this.#keywords.removeOf(mailbox, uids)
      for (const uid of uids) block.remove(uid)
      this.#save(mailbox, block)
    }
  }

  *#reach(mailbox: number, ranges: readonly Run[]): Generator<Reached> {
    let at = 0
    for (const [first, last] of blocksOf(mailbox, ranges)) {
      for (const row of this.#rows.all(first, last)) {
        const block = new MarkBlock(row)
        while (at < ranges.length && (ranges[at]?.[1] ?? 0) < block.first) at += 1
        yield [block, uidsIn(block, ranges, at)]
      }
    }
  }

  *#changedBlocks(mailbox: number, modseq: number): Generator<Reached> {
    for (const id of this.#changed.all(mailbox, modseq)) {
      const row = this.#row.get(id)
      if (row === undefined) continue
      const [block, uids] = whole(row)
      yield [block, uids.filter((uid) => block.modseqOf(uid) > modseq)]
    }
  }

  #marked(mailbox: number, [block, uids]: Reached): Marked[] {
    const [first, last] = [uids[0] ?? 0, uids.at(-1) ?? -1]
    const alone = block.uidsBetween(first, last).length === uids.length
    const keywords = alone ? this.#keywords.between(mailbox, first, last) : this.#keywords.of(mailbox, uids)
    return uids.map((uid) => ({
      uid,
      flags: block.flagsOf(uid),
      keywords: keywords.get(uid) ?? noKeywords,
      modseq: block.modseqOf(uid),
    }))
  }

  #blockFor(mailbox: number, uid: number): MarkBlock {
    const id = blockOf(mailbox, uid)
    const row = this.#row.get(id)
    return row === undefined ? MarkBlock.empty(id) : new MarkBlock(row)
  }

  #save(mailbox: number, block: MarkBlock): void {
    if (!block.changed) return
    const { messages, modseq, unseen, deleted } = block.totals()
    if (messages === 0) this.#drop.run(block.id)
    else this.#write.run(block.id, mailbox, modseq, unseen, deleted, block.flags, block.modseqs)
  }
}

function whole(row: MarkRow): Reached {
  const block = new MarkBlock(row)
  return [block, block.uidsBetween(block.first, block.last)]
}

/** Of the ranges the one at `at` is the first that reaches the block. */
function uidsIn(block: MarkBlock, ranges: readonly Run[], at: number): number[] {
  const uids: number[] = []
  for (let next = at; next < ranges.length; next++) {
    const [from, to] = ranges[next] ?? [Number.POSITIVE_INFINITY, 0]
    if (from > block.last) break
    for (const uid of block.uidsBetween(from, to)) uids.push(uid)
  }
  return uids
}

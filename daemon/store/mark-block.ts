import { blockUids, mailboxBlocks } from "./migrations/9-mark.sql.ts"
import { flagBits, StoreError } from "./types.ts"
import type { Run } from "./uid-runs.ts"

/** In the octet of a UID: a message has it. */
const present = 0x80
const bits = present - 1
const modseqOctets = 6

export type MarkRow = [id: number, flags: Buffer, modseqs: Buffer]

/** What the other columns of the row say. */
export type MarkTotals = { messages: number; modseq: number; unseen: number; deleted: number }

/** One row of `mark`: flags and mod-sequences of the messages whose UIDs are from `first` to `last`. */
export class MarkBlock {
  readonly id: number
  readonly first: number
  readonly last: number
  readonly flags: Buffer
  readonly modseqs: Buffer
  /** Whether it has to be written. */
  changed = false

  /** @throws StoreError `damaged` */
  constructor([id, flags, modseqs]: MarkRow) {
    if (flags.length !== blockUids || modseqs.length !== blockUids * modseqOctets)
      throw new StoreError("damaged", "flags of some messages")
    this.id = id
    this.first = (id % mailboxBlocks) * blockUids
    this.last = this.first + blockUids - 1
    this.flags = flags
    this.modseqs = modseqs
  }

  static empty(id: number): MarkBlock {
    return new MarkBlock([id, Buffer.alloc(blockUids), Buffer.alloc(blockUids * modseqOctets)])
  }

  /** Bits of `flagBits` of a UID that a message has. */
  flagsOf(uid: number): number {
    return (this.flags[uid - this.first] ?? 0) & bits
  }

  has(uid: number, flag: keyof typeof flagBits): boolean {
    return (this.flagsOf(uid) & flagBits[flag]) !== 0
  }

  modseqOf(uid: number): number {
    return this.modseqs.readUIntBE((uid - this.first) * modseqOctets, modseqOctets)
  }

  set(uid: number, flags: number, modseq: number): void {
    const slot = uid - this.first
    this.flags[slot] = flags | present
    this.modseqs.writeUIntBE(modseq, slot * modseqOctets, modseqOctets)
    this.changed = true
  }

  remove(uid: number): void {
    const slot = uid - this.first
    if (this.flags[slot] === 0) return
    this.flags[slot] = 0
    this.modseqs.fill(0, slot * modseqOctets, (slot + 1) * modseqOctets)
    this.changed = true
  }

  /** UIDs that messages have, of those from `from` to `to`. */
  uidsBetween(from: number, to: number): number[] {
    const uids: number[] = []
    const end = Math.min(to, this.last) - this.first
    for (let slot = Math.max(from - this.first, 0); slot <= end; slot++) {
      if (this.flags[slot] !== 0) uids.push(this.first + slot)
    }
    return uids
  }

  totals(): MarkTotals {
    const uids = this.uidsBetween(this.first, this.last)
    const totals = { messages: uids.length, modseq: 0, unseen: 0, deleted: 0 }
    for (const uid of uids) {
      totals.modseq = Math.max(totals.modseq, this.modseqOf(uid))
      if (!this.has(uid, "\\Seen")) totals.unseen += 1
      if (this.has(uid, "\\Deleted")) totals.deleted += 1
    }
    return totals
  }
}

/** The row in which a UID is. */
export function blockOf(mailbox: number, uid: number): number {
  return mailbox * mailboxBlocks + Math.floor(uid / blockUids)
}

/** The rows in which ascending ranges of UIDs are, as ranges of their ids, ascending, each id once. */
export function blocksOf(mailbox: number, ranges: readonly Run[]): Run[] {
  const end = blockOf(mailbox, mailboxBlocks * blockUids) - 1
  const found: Run[] = []
  for (const [from, to] of ranges) {
    const [first, last] = [blockOf(mailbox, from), Math.min(blockOf(mailbox, to), end)]
    const before = found.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else if (first <= last) found.push([first, last])
  }
  return found
}

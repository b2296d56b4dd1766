import assert from "node:assert/strict"
import { test } from "node:test"
import Database from "better-sqlite3-multiple-ciphers"
import fc from "fast-check"
import { check } from "../../daemon/store/check.ts"
import { Connection } from "../../daemon/store/connection.ts"
import { Marks } from "../../daemon/store/marks.ts"
import { MessageKeywords } from "../../daemon/store/message-keywords.ts"
import { migrate } from "../../daemon/store/migrations/run.ts"
import type { Marked } from "../../daemon/store/types.ts"
import { faulty } from "./harness.ts"

type Kept = Omit<Marked, "uid">
type Mailbox = Map<number, Kept>

const greatest = 2 ** 32 - 1
const mailboxes = [1, 2]

function openMarks(): { db: Database.Database; marks: Marks } {
  const db = new Database(":memory:")
  migrate(db)
  db.exec("INSERT INTO mailbox (id, name, uid_validity) VALUES (1, 'INBOX', 1), (2, 'next', 2)")
  return { db, marks: new Marks(new Connection(db)) }
}

/** Around the ends of rows, which have 128 UIDs, and of all UIDs. */
const uid = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 125, max: 130 }),
  fc.integer({ min: 254, max: 258 }),
  fc.integer({ min: greatest - 130, max: greatest }),
)
const ranges = fc
  .uniqueArray(uid, { maxLength: 8 })
  .map((ends) => ends.sort((a, b) => a - b))
  .map((ends) => ends.flatMap((from, at): [number, number][] => (at % 2 === 0 ? [[from, ends[at + 1] ?? from]] : [])))
const flags = fc.integer({ min: 0, max: 31 })
const keywords = fc.subarray(["$K", "junk"])
const mailbox = fc.constantFrom(...mailboxes)

/** One thing that is done to the marks and to a map of messages alike. */
type Step = (marks: Marks, model: Map<number, Mailbox>, modseq: number) => void

const within = (chosen: [number, number][], one: number) => chosen.some(([from, to]) => one >= from && one <= to)

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({ mailbox, first: uid, given: fc.array(fc.record({ flags, keywords }), { minLength: 1, maxLength: 140 }) })
    .map(({ mailbox: to, first, given }): Step => {
      return (marks, model, modseq) => {
        const there = model.get(to) ?? assert.fail()
        const room = given.slice(0, greatest - first + 1)
        if (room.some((_, at) => there.has(first + at))) return
        marks.add(
          to,
          first,
          room.map((each) => ({ flags: each.flags, keywords: each.keywords.join(" ") })),
          modseq,
        )
        for (const [at, each] of room.entries()) there.set(first + at, { ...each, modseq })
      }
    }),
  fc.record({ mailbox, ranges, set: flags, cleared: flags }).map(({ mailbox: of, ranges: chosen, ...bits }): Step => {
    return (marks, model, modseq) => {
      const there = [...(model.get(of) ?? [])].filter(([one]) => within(chosen, one))
      const after = (before: number) => (before | bits.set) & ~bits.cleared
      const changing = there.filter(([, kept]) => after(kept.flags) !== kept.flags)
      assert.deepEqual(
        marks.mark(of, chosen, bits, () => modseq),
        {
          found: there.length,
          modseq: changing.length === 0 ? null : modseq,
        },
      )
      for (const [, kept] of changing) Object.assign(kept, { flags: after(kept.flags), modseq })
    }
  }),
  fc.record({ mailbox, ranges, flags, keywords }).map(({ mailbox: of, ranges: chosen, ...become }): Step => {
    return (marks, model, modseq) => {
      const odd = ({ uid: one }: { uid: number }) => one % 2 === 1
      marks.change(of, chosen, (before) => (odd(before) ? { ...before, ...become, modseq } : null))
      for (const [one, kept] of model.get(of) ?? [])
        if (within(chosen, one) && odd({ uid: one })) Object.assign(kept, { ...become, modseq })
    }
  }),
  fc.record({ mailbox, ranges }).map(({ mailbox: of, ranges: chosen }): Step => {
    return (marks, model) => {
      marks.remove(of, chosen)
      const there = model.get(of) ?? assert.fail()
      for (const one of [...there.keys()]) if (within(chosen, one)) there.delete(one)
    }
  }),
)

test("marks are what a map of messages says, at the ends of rows and of UIDs, too", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 25 }), ranges, (sequence, asked) => {
      const { db, marks } = openMarks()
      const model = new Map(mailboxes.map((id): [number, Mailbox] => [id, new Map()]))
      for (const [at, act] of sequence.entries()) act(marks, model, at + 2)
      for (const [id, there] of model) {
        const all = [...there].map(([one, kept]) => ({ uid: one, ...kept })).sort((a, b) => a.uid - b.uid)
        const uids = (list: Marked[]) => list.map((one) => one.uid)
        assert.deepEqual(
          marks.read(id, asked),
          all.filter((one) => within(asked, one.uid)),
        )
        assert.deepEqual(marks.uids(id), uids(all))
        const half = Math.floor(sequence.length / 2)
        const changed = all.filter(({ modseq }) => modseq > half)
        assert.deepEqual([...marks.changedSince(id, half)], changed)
        assert.deepEqual(marks.changedUids(id, half), uids(changed))
        const deleted = all.filter((one) => (one.flags & 8) !== 0)
        assert.deepEqual(marks.deleted(id, null), uids(deleted))
        assert.deepEqual(marks.deleted(id, asked), uids(deleted.filter((one) => within(asked, one.uid))))
        const unseen = all.filter((one) => (one.flags & 1) === 0)
        assert.equal(marks.firstUnseen(id), unseen[0]?.uid ?? null)
        const counters = db.prepare("SELECT unseen, deleted FROM mailbox WHERE id = ?").raw()
        assert.deepEqual(counters.get(id), [unseen.length, deleted.length])
      }
      if ([...model.values()].every(({ size }) => size === 0))
        assert.deepEqual(db.prepare("SELECT id FROM mark UNION ALL SELECT uid FROM message_keywords").all(), [])
      db.close()
    }),
    { numRuns: 150 },
  )
})

test("keywords are read of the messages that are asked for, and of none between them", (t) => {
  const { marks } = openMarks()
  marks.add(1, 1, Array(300).fill({ flags: 0, keywords: "a b" }), 2)
  const asked = [1, 127, 128, 200, 201, 202, 300]
  const reads = [t.mock.method(MessageKeywords.prototype, "between"), t.mock.method(MessageKeywords.prototype, "of")]
  const read = marks.read(
    1,
    asked.map((one) => [one, one]),
  )
  assert.deepEqual(
    read.map((one) => [one.uid, one.keywords]),
    asked.map((one) => [one, ["a", "b"]]),
  )
  const found = reads.flatMap(({ mock }) => mock.calls.flatMap(({ result }) => [...(result?.keys() ?? [])]))
  assert.deepEqual(
    found.sort((a, b) => a - b),
    asked,
  )
})

test("a row that is cut is damaged, not read as if nothing were there", () => {
  const { db, marks } = openMarks()
  marks.add(1, 1, [{ flags: 0, keywords: "" }], 2)
  for (const column of ["flags", "modseqs"]) {
    db.exec(`UPDATE mark SET ${column} = CAST(substr(${column}, 2) AS BLOB)`)
    assert.throws(() => marks.read(1, [[1, 1]]), faulty("damaged"))
    db.exec(`UPDATE mark SET ${column} = CAST(x'00' || ${column} AS BLOB)`)
  }
})

const insertMessage = "INSERT INTO message VALUES (1, 2, 1, 0, 0, 0, 10, 1)"
const broken: [what: string, sql: string, claim: RegExp][] = [
  ["a message without a mark", insertMessage, /\(1\): each message has its mark/],
  ["a mark without its message", "DELETE FROM message", /each row of marks is of messages/],
  ["a mark of another message", "UPDATE message SET uid = 3", /each row of marks is of messages/],
  ["a wrong mod-sequence", "UPDATE mark SET modseq = 1", /each row of marks .* says what they say/],
  ["a mod-sequence that was not given", "UPDATE mailbox SET modseq = 1 WHERE id = 1", /newer than its mailbox/],
  ["a counter that is wrong", "UPDATE mailbox SET unseen = 2 WHERE id = 1", /counters equal its marks/],
  ["a mark of another mailbox", "UPDATE mark SET mailbox = 2", /of the mailbox that its id says/],
  ["keywords of no message", "INSERT INTO message_keywords VALUES (2, 1, 'x')", /keywords belong to a message/],
  ["an expunge of a message that is there", "INSERT INTO expunged VALUES (1, 2, 1, 5)", /names no live message/],
  ["an expunge told twice", "INSERT INTO expunged VALUES (1, 2, 5, 9), (1, 3, 9, 9)", /names a UID once/],
]
for (const [what, sql, claim] of broken) {
  test(`the check finds ${what}`, () => {
    const { db, marks } = openMarks()
    db.exec("INSERT INTO content (id, size) VALUES (1, 10)")
    db.exec(insertMessage.replace("1, 2, 1", "1, 1, 1"))
    db.exec("UPDATE mailbox SET modseq = 9")
    marks.add(1, 1, [{ flags: 0, keywords: "" }], 2)
    const before = check(new Connection(db))
    assert.ok(!before.some((each) => claim.test(each)), String(before))
    db.exec(sql)
    assert.ok(check(new Connection(db)).some((each) => claim.test(each)))
  })
}

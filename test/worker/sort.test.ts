import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { envelopeWire } from "../../daemon/imap/response.ts"
import { envelopeOf } from "../../daemon/message/envelope.ts"
import { firstAddress } from "../../daemon/worker/commands/envelope-address.ts"
import { pacedSort } from "../../daemon/worker/commands/paced-sort.ts"
import { Pace } from "../../daemon/worker/pace.ts"
import { fill, letter, startHome } from "./harness.ts"

const from = (value: string) =>
  envelopeWire(
    envelopeOf(
      new Map([
        ["subject", ['a "b" (c']],
        ["from", [value]],
      ]),
    ),
  )

const addresses: [value: string, mailbox: string | null, name: string | null][] = [
  ["anna@example.org", "anna", null],
  ['"A \\"quoted\\" name" <x@y>, b@c', "x", 'A "quoted" name'],
  ["J\xfcrgen <j@y>", "j", "J\xfcrgen"], // an octet that has to be a literal
  ["friends: a@b, c@d;", "friends", null], // a group begins with its name
]
for (const [value, mailbox, name] of addresses) {
  test(`the first address of ${JSON.stringify(value)}`, () => {
    const found = firstAddress(from(value), "from")
    assert.equal(found?.mailbox, mailbox)
    assert.equal(found?.name, name)
    assert.equal(firstAddress(from(value), "to"), null)
  })
}

test("the address read from an ENVELOPE is the one written into it", () => {
  const field = fc
    .string({ unit: "binary", maxLength: 20 })
    .map((text) => Buffer.from(text.replaceAll("\0", "")).toString("latin1"))
  fc.assert(
    fc.property(field, field, field, (a, b, c) => {
      const envelope = envelopeOf(
        new Map([
          ["subject", [a]],
          ["from", [b]],
          ["to", [b, c]],
          ["cc", [c]],
        ]),
      )
      const wire = envelopeWire(envelope)
      for (const list of ["from", "to", "cc"] as const) {
        const { name, mailbox, host } = envelope[list][0] ?? { name: null, mailbox: null, host: null }
        const expected = envelope[list].length === 0 ? null : { name, mailbox, host }
        assert.deepEqual(firstAddress(wire, list), expected)
      }
    }),
  )
})

test("the paced sort is a stable sort", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 2000 }), async (values) => {
      const items = values.map((value, index) => ({ value, index }))
      const compare = (a: (typeof items)[number], b: (typeof items)[number]) => a.value - b.value
      assert.deepEqual(await pacedSort(items, compare, new Pace(() => false)), items.toSorted(compare))
    }),
    { numRuns: 30 },
  )
})

test("subjects are sorted as i;unicode-casemap says: case aside, composed or not", async (t) => {
  const client = await startHome(t).connect()
  for (const subject of [
    "zeta",
    "Re: Alpha",
    "=?utf-8?q?=C3=89tude?=",
    "=?utf-8?q?e=CC=81tude?=",
    "beta",
    "=?utf-8?q?=F0=9F=90=88?=",
    "=?utf-8?q?=EF=BF=BD?=",
  ])
    await client.append("INBOX", letter(subject))
  await client.ok("SELECT INBOX")
  assert.deepEqual(await client.ok("SORT (SUBJECT) UTF-8 ALL"), ["* SORT 2 5 3 4 1 7 6"])
})

test("SORT of everything reads less than SORT of what has to be looked at, and answers the same", async (t) => {
  const home = startHome(t)
  const letters = Array.from({ length: 700 }, (_, at) => {
    const date = at % 5 === 0 ? "no date" : `Mon, ${1 + ((at * 7) % 28)} Feb 1994 21:52:25 -0800`
    return Buffer.from(
      letter(`subject ${(at * 13) % 29}`, "x\r\n".repeat(at % 11)).replace(/^Date: .*$/m, `Date: ${date}`),
    )
  })
  await fill(home, home.store.mailboxes.named("INBOX").id, letters)
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  for (const criteria of [
    "DATE",
    "REVERSE DATE",
    "SUBJECT DATE",
    "REVERSE SIZE ARRIVAL",
    "SIZE SUBJECT REVERSE DATE",
  ]) {
    for (const set of ["ALL", "5:600 ALL", "UID 9,3:7,600:*"]) {
      const [all] = await client.ok(`SORT (${criteria}) UTF-8 ${set}`)
      assert.deepEqual([all], await client.ok(`SORT (${criteria}) UTF-8 ${set} LARGER 0`))
      assert.ok((all?.split(" ").length ?? 0) > 40)
    }
  }
})

test("SORT and THREAD of 3,000 messages give way to another connection", async (t) => {
  const home = startHome(t)
  const inbox = home.store.mailboxes.named("INBOX")
  const letters = Array.from({ length: 3000 }, (_, at) =>
    Buffer.from(letter(`subject ${at % 97}`, "x\r\n", `References: <ref${at % 53}@x> <ref${at % 11}@x>\r\n`)),
  )
  await fill(home, inbox.id, letters)
  const [busy, other] = [await home.connect(), await home.connect()]
  await busy.ok("SELECT INBOX")
  for (const command of ["SORT (SUBJECT FROM REVERSE DATE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"]) {
    let finished = false
    const running = busy.ok(command).then((lines) => {
      finished = true
      return lines
    })
    await other.ok("NOOP")
    await other.ok("NOOP")
    assert.equal(finished, false, `${command} answered before the NOOP of the other`)
    const numbers = (await running).join(" ").match(/\d+/g) ?? []
    assert.equal(new Set(numbers).size, 3000)
  }
})

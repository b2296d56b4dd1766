import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { DateTime } from "../../daemon/imap/ast.ts"
import { date, dateTime } from "../../daemon/imap/dates.ts"
import { ParseError } from "../../daemon/imap/errors.ts"
import {
  exactNumber64,
  modSequenceOrZero,
  number,
  number64,
  nzNumber,
  nzNumber64,
  partialRange,
  sequenceSet,
} from "../../daemon/imap/numbers.ts"
import { dateTimeWire, sequenceSetWire } from "../../daemon/imap/response.ts"
import { cursorOf } from "./cursor-of.ts"

const numbers: [production: typeof number, accepted: [string, number][], refused: string[]][] = [
  [
    number,
    [
      ["0", 0],
      ["007", 7],
      ["4294967295", 4294967295],
      ["12a", 12],
    ],
    ["", "a", "-1", "+1", "4294967296", "99999999999999999999"],
  ],
  [
    nzNumber,
    [
      ["1", 1],
      ["10", 10],
      ["4294967295", 4294967295],
    ],
    ["", "0", "01", "4294967296", "*"],
  ],
  [
    number64,
    [
      ["0", 0],
      ["9007199254740991", 9007199254740991],
      ["9223372036854775807", 9007199254740991],
    ],
    ["9223372036854775808", "9".repeat(400), ""],
  ],
  [
    nzNumber64,
    [
      ["1", 1],
      ["4294967296", 4294967296],
      ["9223372036854775807", 9007199254740991],
    ],
    ["0", "01", "9223372036854775808", ""],
  ],
  [
    exactNumber64,
    [
      ["0", 0],
      ["9007199254740991", 9007199254740991],
    ],
    ["9007199254740992", "9".repeat(400), ""],
  ],
  [
    modSequenceOrZero,
    [
      ["0", 0],
      ["1", 1],
      ["620162338", 620162338],
      ["9223372036854775807", 9007199254740991],
    ],
    ["-1", "9223372036854775808", "1".repeat(20), ""],
  ],
]
for (const [production, accepted, refused] of numbers) {
  test(`${production.name}: what it takes and refuses`, () => {
    for (const [input, value] of accepted) assert.equal(production(cursorOf(input)), value, input)
    for (const input of refused) assert.throws(() => production(cursorOf(input)), ParseError, input)
  })
}

const all = Number.POSITIVE_INFINITY
const sets: [input: string, ranges: [number, number][]][] = [
  ["1", [[1, 1]]],
  ["*", [[all, all]]],
  ["*:4", [[all, 4]]],
  ["4:2", [[4, 2]]],
  [
    "2,4:7,9,12:*",
    [
      [2, 2],
      [4, 7],
      [9, 9],
      [12, all],
    ],
  ],
  [
    "*:4,5:7",
    [
      [all, 4],
      [5, 7],
    ],
  ],
  ["1:*", [[1, all]]],
]
test("sequence-set: the examples of RFC 3501 §9, as written", () => {
  for (const [input, ranges] of sets) {
    assert.deepEqual(sequenceSet(cursorOf(input), 100), { kind: "ranges", ranges }, input)
  }
})

test("sequence-set refuses zero, gaps, open ranges and what is not a number", () => {
  for (const input of ["", "0", "1:0", "0:1", ",1", "1,", "1,,2", "1:", ":1", "1:2:", "**", "a", "1:a", "4294967296"]) {
    assert.throws(
      () => {
        const cursor = cursorOf(input)
        sequenceSet(cursor, 100)
        if (cursor.at < input.length) throw new ParseError("end", cursor.at)
      },
      ParseError,
      input,
    )
  }
})

test("sequence-set: 100,000 ranges are refused at the limit, not one more is read", () => {
  const cursor = cursorOf(Array.from({ length: 100_000 }, (_, index) => index * 2 + 1).join(","))
  assert.throws(() => sequenceSet(cursor, 20_000), /at most 20000 ranges/)
  assert.ok(cursor.at < 130_000)
  assert.equal(rangesOf("1,3,5").length, 3)
})

function rangesOf(text: string): [from: number, to: number][] {
  const set = sequenceSet(cursorOf(text), 1000)
  return set.kind === "ranges" ? set.ranges : assert.fail("not ranges")
}

test("sequence-set: $ stands alone", () => {
  const cursor = cursorOf("$,1")
  assert.deepEqual(sequenceSet(cursor, 3), { kind: "saved" })
  assert.equal(cursor.at, 1)
  assert.throws(() => sequenceSet(cursorOf("1,$"), 3), ParseError)
})

const partials: [text: string, range: [number, number]][] = [
  ["1:500", [1, 500]],
  ["500:400", [400, 500]],
  ["-1:-100", [-1, -100]],
  ["-100:-1", [-1, -100]],
]
for (const [text, range] of partials) {
  test(`partial-range ${text}`, () => assert.deepEqual(partialRange(cursorOf(text)), range))
}
for (const text of ["1", "1:*", "0:1", "-1:1", "1:-1", "-0:-1", "1:", "$"]) {
  test(`partial-range refuses ${text}`, () => assert.throws(() => partialRange(cursorOf(text)), ParseError))
}

test("sequence-set: what is written is read back (numbers ascending)", () => {
  const ascending = fc
    .uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1 })
    .map((set) => set.sort((a, b) => a - b))
  fc.assert(
    fc.property(ascending, (set) => {
      const back = rangesOf(sequenceSetWire(set)).flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index),
      )
      assert.deepEqual(back, set)
    }),
  )
})

test("sequence sets are compact, and keep the order they are given in", () => {
  const written: [number[], string][] = [
    [[], ""],
    [[1], "1"],
    [[1, 2, 3, 5], "1:3,5"],
    [[304, 319, 320], "304,319:320"],
    [[3, 2, 1], "3,2,1"],
    [[5, 6, 1, 2], "5:6,1:2"],
    [[4294967294, 4294967295], "4294967294:4294967295"],
  ]
  for (const [given, wire] of written) assert.equal(sequenceSetWire(given), wire)
})

const dates: [input: string, iso: string][] = [
  ["1-Feb-1994", "1994-02-01"],
  ['"01-feb-1994"', "1994-02-01"],
  ["29-Feb-2024", "2024-02-29"],
  ["31-DEC-1969", "1969-12-31"],
  ["1-Jan-0050", "0050-01-01"],
]
test("date: a day, as days since the epoch", () => {
  for (const [input, iso] of dates) {
    assert.equal(date(cursorOf(input)), Date.parse(`${iso}T00:00:00Z`) / 86_400_000, input)
  }
})

test("date refuses days that do not exist and other forms", () => {
  for (const input of [
    "29-Feb-2023",
    "31-Apr-2024",
    "0-Jan-2024",
    "32-Jan-2024",
    "001-Jan-2024",
    "1-Foo-2024",
    "1-Jan-24",
    "1 Jan 2024",
    '"1-Jan-2024',
    "1-Jan-",
    "2024-01-01",
    "",
  ]) {
    assert.throws(() => date(cursorOf(input)), ParseError, input)
  }
})

const dateTimes: [input: string, iso: string, zone: number][] = [
  ['"17-Jul-1996 02:44:25 -0700"', "1996-07-17T02:44:25-07:00", -420],
  ['" 7-Feb-1994 21:52:25 +0530"', "1994-02-07T21:52:25+05:30", 330],
  ['"07-feb-1994 21:52:25 -0000"', "1994-02-07T21:52:25Z", 0],
  ['"31-Dec-2016 23:59:60 +0000"', "2017-01-01T00:00:00Z", 0],
]
test("date-time: an instant with its zone", () => {
  for (const [input, iso, zoneMinutes] of dateTimes) {
    assert.deepEqual(dateTime(cursorOf(input)), { at: Date.parse(iso), zoneMinutes }, input)
  }
})

test("date-time refuses other forms", () => {
  for (const input of [
    '"7-Feb-1994 21:52:25 -0800"',
    '" 7-Feb-1994 24:00:00 -0800"',
    '" 7-Feb-1994 21:60:25 -0800"',
    '" 7-Feb-1994 21:52:61 -0800"',
    '" 7-Feb-1994 21:52:25 0800"',
    '" 7-Feb-1994 21:52:25 +2400"',
    '" 7-Feb-1994 21:52:25 GMT"',
    '" 7-Feb-1994 21:52:25 -0800',
    '"30-Feb-1994 21:52:25 -0800"',
    "7-Feb-1994",
    "",
  ]) {
    assert.throws(() => dateTime(cursorOf(input)), ParseError, input)
  }
})

test("date-time: what is written is read back, to the second", () => {
  const given = fc.record({
    at: fc
      .integer({ min: Date.parse("0001-01-01T00:00:00Z") / 1000, max: Date.parse("9998-01-01T00:00:00Z") / 1000 })
      .map((s) => s * 1000),
    zoneMinutes: fc.integer({ min: -1439, max: 1439 }),
  })
  fc.assert(
    fc.property(given, (value: DateTime) => assert.deepEqual(dateTime(cursorOf(dateTimeWire(value))), { ...value })),
  )
})

test("date-time of any number is still well formed", () => {
  for (const at of [Number.NEGATIVE_INFINITY, -1e17, 1e17, Number.POSITIVE_INFINITY]) {
    dateTime(cursorOf(dateTimeWire({ at, zoneMinutes: 1e9 })))
  }
})

import fc from "fast-check"
import { type Given, letters } from "./command.ts"
import type { Operation } from "./flags.ts"

/*
 * What may be played. A move says which message or moment it means only by small numbers, which are resolved when it
 * is its turn, by what the client believes then. So any part of a game can be left out, and what is left is a game:
 * that is what lets fast-check find the shortest one that fails.
 */

export const extensions = ["CONDSTORE", "QRESYNC", "IMAP4rev2", "UIDONLY"] as const

export type SetMove = { form: "$" | "one" | "range" | "two" | "from" | "last" | "beyond" | "all"; a: number; b: number }
export type KeyMove =
  | { key: "all" | "recent" | "old" | "new" }
  | { key: "flag"; flag: string; on: boolean }
  | { key: "set"; uid: boolean; set: SetMove }
  | { key: "modseq"; moment: number }
  | { key: "larger" | "smaller"; octets: number }
  | { key: "not"; not: KeyMove }
  | { key: "or" | "and"; left: KeyMove; right: KeyMove }

export type Move =
  | { do: "NOOP" | "CHECK" | "EXPUNGE" | "CLOSE" | "UNSELECT" | "IDLE" | "LOGOUT" }
  | { do: "ENABLE"; extensions: string[] }
  | {
      do: "SELECT" | "EXAMINE"
      mailbox: string
      condstore: boolean
      cache: number | null
      known: boolean
      match: boolean
    }
  | { do: "CREATE" | "DELETE"; mailbox: string }
  | { do: "RENAME"; mailbox: string; to: string }
  | { do: "STATUS"; mailbox: string; items: string[] }
  | { do: "APPEND"; mailbox: string; messages: Given[] }
  | { do: "REPLACE"; uid: boolean; set: SetMove; mailbox: string; message: Given }
  | {
      do: "STORE"
      uid: boolean
      set: SetMove
      operation: Operation
      silent: boolean
      flags: string[]
      moment: number | null
    }
  | { do: "FETCH"; uid: boolean; set: SetMove; items: string[]; moment: number | null; vanished: boolean }
  | { do: "SEARCH" | "SORT"; uid: boolean; returns: string[] | null; key: KeyMove }
  | { do: "COPY" | "MOVE"; uid: boolean; set: SetMove; mailbox: string }
  | { do: "UID EXPUNGE"; set: SetMove }

const number = fc.nat({ max: 9 })
const flagNames = ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "\\Draft", "$Kw", "Work", "WORK"]
const someFlags = fc.subarray(flagNames, { maxLength: 3 })
const mailbox = fc.constantFrom("INBOX", "INBOX", "INBOX", "INBOX", "a", "a", "b", "a/c")
const changing = fc.constantFrom("a", "a", "b", "b", "a/c", "INBOX")
const set: fc.Arbitrary<SetMove> = fc.record({
  form: fc.constantFrom("one", "one", "range", "range", "two", "from", "last", "all", "all", "beyond", "$", "$"),
  a: number,
  b: number,
})
const uid = fc.boolean()
const moment = fc.option(fc.nat({ max: 50 }), { freq: 2 })
const given: fc.Arbitrary<Given> = fc.record({ flags: someFlags, letter: fc.nat({ max: letters.length - 1 }) })

const { key } = fc.letrec<{ key: KeyMove }>((tie) => ({
  key: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ key: fc.constantFrom("all", "all", "recent", "old", "new") }),
    fc.record({ key: fc.constant("flag"), flag: fc.constantFrom(...flagNames), on: fc.boolean() }),
    fc.record({ key: fc.constant("set"), uid: fc.boolean(), set }),
    fc.record({ key: fc.constant("modseq"), moment: fc.nat({ max: 50 }) }),
    fc.record({ key: fc.constantFrom("larger", "smaller"), octets: fc.constantFrom(0, 58, 100, 5000) }),
    fc.record({ key: fc.constant("not"), not: tie("key") }),
    fc.record({ key: fc.constantFrom("or", "and"), left: tie("key"), right: tie("key") }),
  ) as fc.Arbitrary<KeyMove>,
}))

const fetchItems = ["UID", "FLAGS", "FLAGS", "MODSEQ", "RFC822.SIZE", "BODY.PEEK[]", "BODY[]"]
const statusItems = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "RECENT", "SIZE", "HIGHESTMODSEQ"]
const is = <const T extends string>(...names: T[]): fc.Arbitrary<T> => fc.constantFrom(...names)

const weighted: [weight: number, arbitrary: fc.Arbitrary<Move>][] = [
  [6, fc.record({ do: is("NOOP", "NOOP", "CHECK", "IDLE", "IDLE", "IDLE") })],
  [4, fc.record({ do: is("EXPUNGE") })],
  [1, fc.record({ do: is("CLOSE", "UNSELECT", "LOGOUT") })],
  [1, fc.record({ do: is("ENABLE"), extensions: fc.subarray([...extensions], { minLength: 1, maxLength: 2 }) })],
  [
    9,
    fc.record({
      do: is("SELECT", "SELECT", "SELECT", "EXAMINE"),
      mailbox,
      condstore: fc.boolean(),
      cache: fc.option<number>(number, { freq: 2 }),
      known: fc.boolean(),
      match: fc.boolean(),
    }),
  ],
  [3, fc.record({ do: is("CREATE", "CREATE", "DELETE"), mailbox: changing })],
  [2, fc.record({ do: is("RENAME"), mailbox: changing, to: changing })],
  [2, fc.record({ do: is("STATUS"), mailbox, items: fc.subarray(statusItems, { minLength: 1 }) })],
  [8, fc.record({ do: is("APPEND"), mailbox, messages: fc.array(given, { minLength: 1, maxLength: 3 }) })],
  [3, fc.record({ do: is("REPLACE"), uid, set, mailbox, message: given })],
  [
    12,
    fc.record({
      do: is("STORE"),
      uid,
      set,
      operation: is("+", "+", "-", ""),
      silent: fc.boolean(),
      flags: someFlags,
      moment,
    }),
  ],
  [
    9,
    fc.record({
      do: is("FETCH"),
      uid,
      set,
      items: fc.uniqueArray(fc.constantFrom(...fetchItems), { minLength: 1, maxLength: 3 }),
      moment,
      vanished: fc.boolean(),
    }),
  ],
  [
    8,
    fc.record({
      do: is("SEARCH", "SEARCH", "SORT"),
      uid,
      returns: fc.oneof(
        fc.constant(null),
        fc.subarray(["MIN", "MAX", "ALL", "COUNT"]),
        fc.subarray(["MIN", "MAX", "ALL", "COUNT"]).map((others) => [...others, "SAVE"]),
      ),
      key,
    }),
  ],
  [6, fc.record({ do: is("COPY", "MOVE", "MOVE"), uid, set, mailbox })],
  [2, fc.record({ do: is("UID EXPUNGE"), set })],
]

export const move: fc.Arbitrary<Move> = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })))

/** Who plays at the same time, and what; `lag` turns of the event loop lie between the one and the next. */
export type Round = { players: { who: number; moves: Move[] }[]; lag: number }

const player = (maxLength: number) =>
  fc.record({ who: fc.nat({ max: 2 }), moves: fc.array(move, { minLength: 1, maxLength }) })

export const round: fc.Arbitrary<Round> = fc.record({
  players: fc.oneof(
    { weight: 6, arbitrary: fc.array(player(1), { minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.array(player(3), { minLength: 1, maxLength: 1 }) },
    { weight: 3, arbitrary: fc.uniqueArray(player(1), { minLength: 2, maxLength: 2, selector: ({ who }) => who }) },
    { weight: 1, arbitrary: fc.uniqueArray(player(2), { minLength: 2, maxLength: 2, selector: ({ who }) => who }) },
    { weight: 1, arbitrary: fc.uniqueArray(player(1), { minLength: 3, maxLength: 3, selector: ({ who }) => who }) },
  ),
  lag: fc.nat({ max: 3 }),
})

/** What each of the three does whenever it logs in, and what is played then. */
export type Game = { habits: Habit[]; rounds: Round[] }
export type Habit = { enables: string[]; selects: boolean }

export function gameOf(rounds: number): fc.Arbitrary<Game> {
  const enables = fc.oneof(
    fc.constantFrom<string[]>([], [], ["CONDSTORE"], ["QRESYNC"], ["IMAP4rev2"], ["QRESYNC", "IMAP4rev2"], ["UIDONLY"]),
    fc.subarray<string>([...extensions]),
  )
  const selects = fc.constantFrom(false, true, true, true)
  return fc.record({
    habits: fc.array(fc.record({ enables, selects }), { minLength: 3, maxLength: 3 }),
    rounds: fc.array(round, { minLength: 1, maxLength: rounds, size: "max" }),
  })
}

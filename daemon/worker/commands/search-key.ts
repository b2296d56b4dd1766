import type { SearchKey } from "../../imap/ast.ts"
import { decodeWords } from "../../message/encoded-words.ts"
import { fieldValues } from "../../message/fields.ts"
import { foldForSearch } from "../../message/normalize.ts"
import { searchLines } from "../../message/search-fields.ts"
import type { Store } from "../../store/store.ts"
import { flagBits, type Message } from "../../store/types.ts"
import type { Pace } from "../pace.ts"
import { Refused } from "../refusal.ts"
import { isWithin, type View } from "../view.ts"
import { messageHeader } from "./fetch-section.ts"
import { contains, type FoldedText, someContain } from "./folded-text.ts"
import { FieldSearch } from "./search-field.ts"
import type { SearchTexts } from "./search-text.ts"

/** A search key made ready to be asked of many messages. Keys over texts may have to wait. */
export type Test =
  | { cost: number; waits: false; passes(message: Message): boolean }
  | { cost: number; waits: true; passes(message: Message): boolean | Promise<boolean> }

/** What keys are made ready with. */
export type Searching = { store: Store; view: View; texts: SearchTexts; pace: Pace; maxCharacters: number }

type KeyOf<K extends SearchKey["key"], S = SearchKey> = S extends { key: infer T } ? (K extends T ? S : never) : never
type Compilers = { [K in SearchKey["key"]]: (key: KeyOf<K>, searching: Searching) => Test }

/** What a key reads of a message, from cheap to dear: its row, its header, its text. */
const cost = { row: 0, header: 1, text: 2 } as const

const dayMs = 86_400_000

/** RFC 3501 §6.4.4. */
export function compile(key: SearchKey, searching: Searching): Test {
  const compiler = compilers[key.key] as (key: SearchKey, searching: Searching) => Test
  return compiler(key, searching)
}

const row = (passes: (message: Message) => boolean): Test => ({ cost: cost.row, waits: false, passes })

/** Complete by type: a key that the grammar learns is answered here. */
const compilers: Compilers = {
  all: () => row(() => true),
  and: ({ keys }, searching) =>
    every(
      keys.map((key) => compile(key, searching)),
      searching.pace,
    ),
  or: ({ left, right }, searching) => either([compile(left, searching), compile(right, searching)], searching.pace),
  not: ({ not }, searching) => negation(compile(not, searching)),
  set: setTest,
  flag: flagTest,
  recent: ({ on }, { view }) => row(({ uid }) => view.isRecent(uid) === on),
  size: ({ compare, octets }) => row(({ size }) => (compare === "larger" ? size > octets : size < octets)),
  /** "disregarding time and timezone": the day as it is written in INTERNALDATE. */
  "internal-date": ({ compare, day }) =>
    row(({ internalDate, internalZone }) =>
      compares(Math.floor((internalDate + internalZone * 60_000) / dayMs), compare, day),
    ),
  "sent-date": ({ compare, day }, { store }) => ({
    cost: cost.header,
    waits: false,
    passes: ({ content }) => compares(store.contents.sentDay(content), compare, day),
  }),
  field: fieldTest,
  header: headerTest,
  body: ({ text }, searching) => textTest(text, searching, false),
  text: ({ text }, searching) => textTest(text, searching, true),
  /** RFC 7162 §3.1.5 */
  modseq: ({ atLeast }) => row(({ modseq }) => modseq >= atLeast),
  /** RFC 8474 §6 */
  "email-id": ({ id }, { store }) => row(({ content }) => store.objectIds.email(content) === id),
  "thread-id": ({ id }, { store }) => row(({ thread }) => store.objectIds.thread(thread) === id),
  /** RFC 8514 §4.3; we keep it in UTC and tell it so. */
  "save-date": ({ compare, day }) => row(({ savedAt }) => compares(Math.floor(savedAt / dayMs), compare, day)),
  "save-date-supported": () => row(() => true),
  within: withinTest,
}

function compares(day: number | null, compare: "before" | "on" | "since", wanted: number): boolean {
  if (day === null) return false
  if (compare === "on") return day === wanted
  return compare === "before" ? day < wanted : day >= wanted
}

/** RFC 5032 §2: exact to the second; INTERNALDATE is told in whole seconds. */
function withinTest({ compare, seconds }: KeyOf<"within">): Test {
  const target = Math.floor(Date.now() / 1000) - seconds
  return row(({ internalDate }) => {
    const at = Math.floor(internalDate / 1000)
    return compare === "older" ? at <= target : at >= target
  })
}

function setTest({ uid, set }: KeyOf<"set">, { view }: Searching): Test {
  const ranges = view.uidRanges(view.resolveWithin(set, uid))
  return row((message) => isWithin(ranges, message.uid))
}

function flagTest({ flag, on }: KeyOf<"flag">): Test {
  const bit = new Map<string, number>(Object.entries(flagBits)).get(flag)
  if (bit !== undefined) return row(({ flags }) => ((flags & bit) !== 0) === on)
  const wanted = flag.toLowerCase()
  return row(({ keywords }) => keywords.some((keyword) => keyword.toLowerCase() === wanted) === on)
}

/** Folded. @throws Refused when it is too long: looking for a long text that almost repeats itself takes very long */
function wantedText(text: string, { maxCharacters }: Searching): string {
  if (text.length <= maxCharacters) {
    const wanted = foldForSearch(text)
    if (wanted.length <= maxCharacters) return wanted
  }
  const advice = `Search for at most ${maxCharacters} characters: a part of the text finds it as well`
  throw new Refused({ status: "NO", code: "LIMIT", text: advice })
}

/** FROM, TO, CC, BCC and SUBJECT: the engine compares what was kept of them; of some messages only the header tells. */
function fieldTest({ field, text }: KeyOf<"field">, searching: Searching): Test {
  const { store, view, pace } = searching
  const wanted = wantedText(text, searching)
  const fields = new FieldSearch(store.contents, view, field, wanted)
  const inHeader = (message: Message) => {
    const values = fieldValues(messageHeader(store.contents, message), field)
    const lines = values.flatMap((value) => searchLines(field, value))
    return someContain(lines, wanted, pace)
  }
  return { cost: cost.row, waits: true, passes: (message) => fields.has(message) ?? inHeader(message) }
}

/** In decoded fields; an empty string asks whether there is such a field. */
function headerTest({ field, text }: KeyOf<"header">, searching: Searching): Test {
  const { store, pace } = searching
  const wanted = wantedText(text, searching)
  const passes = (message: Message) => {
    const values = fieldValues(messageHeader(store.contents, message), field)
    const lines = values.map((value) => foldForSearch(decodeWords(value)))
    return someContain(lines, wanted, pace)
  }
  return { cost: cost.header, waits: true, passes }
}

/** The index says who cannot contain the text; whether the others do is seen in their text, the header first: it is the shorter one. */
function textTest(text: string, searching: Searching, withHeader: boolean): Test {
  const { store, texts, pace } = searching
  const wanted = wantedText(text, searching)
  if (wanted === "") return row(() => true)
  const candidates = store.contents.words.mayContain(text)
  const passes = ({ content }: Message): boolean | Promise<boolean> => {
    if (candidates !== null && !candidates.has(content)) return false
    const within = (folded: FoldedText) => contains(folded, wanted, pace)
    const inWhole = async () => {
      const { header, body } = await texts.whole(content)
      return (await within(body)) || (withHeader && (await within(header)))
    }
    const inBody = () => {
      const { body, complete } = texts.body(content)
      return then(then(body, within), (found) => found || (complete ? false : inWhole()))
    }
    return withHeader ? then(then(texts.header(content), within), (found) => found || inBody()) : inBody()
  }
  return { cost: cost.text, waits: true, passes }
}

function negation(test: Test): Test {
  if (!test.waits) return { ...test, passes: (message) => !test.passes(message) }
  return { ...test, passes: (message) => then(test.passes(message), (passed) => !passed) }
}

/** Cheap tests first: a dear one is asked only of what they leave. */
function every(tests: Test[], pace: Pace): Test {
  return combined(tests, false, pace)
}

function either(tests: Test[], pace: Pace): Test {
  return combined(tests, true, pace)
}

/** Asks one test after another until one answers `decisive`. */
function combined(tests: Test[], decisive: boolean, pace: Pace): Test {
  const ordered = tests.toSorted((a, b) => a.cost - b.cost)
  const cost = ordered.at(-1)?.cost ?? 0
  const immediate = ordered.filter((test) => !test.waits)
  if (immediate.length === ordered.length) {
    return {
      cost,
      waits: false,
      passes: (message) => immediate.some((test) => test.passes(message) === decisive) === decisive,
    }
  }
  return { cost, waits: true, passes: (message) => ask(ordered, message, decisive, pace, 0) }
}

/** Gives way between two tests as well: there may be a thousand, and each may ask the engine something. */
function ask(tests: Test[], message: Message, decisive: boolean, pace: Pace, from: number): boolean | Promise<boolean> {
  for (let at = from; at < tests.length; at += 1) {
    if (at > from && pace.due) return pace.rest().then(() => ask(tests, message, decisive, pace, at))
    const answer = tests[at]?.passes(message) ?? !decisive
    if (typeof answer !== "boolean") {
      return answer.then((passed) => (passed === decisive ? decisive : ask(tests, message, decisive, pace, at + 1)))
    }
    if (answer === decisive) return decisive
  }
  return !decisive
}

function then<T extends boolean | FoldedText>(
  value: T | Promise<T>,
  map: (value: T) => boolean | Promise<boolean>,
): boolean | Promise<boolean> {
  return value instanceof Promise ? value.then(map) : map(value)
}

import type { CommandBody, SortCriterion, SortKey, ThreadAlgorithm } from "./ast.ts"
import { type Cursor, type GrammarContext, keyword, latin1, parenthesised, space } from "./cursor.ts"
import { ParseError } from "./errors.ts"
import type { CommandFamily } from "./grammar.ts"
import { searchCharset, searchKeysIn, tryWord } from "./search.ts"
import { searchReturns } from "./search-return.ts"
import { atom } from "./strings.ts"

export const sortCommands: CommandFamily = {
  SORT: (cursor, context) => sort(cursor, context, false),
  "UID SORT": (cursor, context) => sort(cursor, context, true),
  THREAD: (cursor, context) => thread(cursor, context, false),
  "UID THREAD": (cursor, context) => thread(cursor, context, true),
}

/**
 * sort            = ["UID" SP] "SORT" SP sort-criteria SP search-criteria
 * extended-sort   = ["UID" SP] "SORT" search-return-opts SP sort-criteria SP search-criteria
 * sort-criteria   = "(" sort-criterion *(SP sort-criterion) ")"
 * search-criteria = charset 1*(SP search-key)
 *
 * RFC 5256 §5, RFC 5267 §5.
 */
function sort(cursor: Cursor, context: GrammarContext, uid: boolean): CommandBody {
  space(cursor)
  const returns = tryWord(cursor, "RETURN") ? searchReturns(cursor, context) : null
  const criteria = firstOfEach(parenthesised(cursor, context, sortCriterion))
  space(cursor)
  const charset = searchCharset(cursor)
  const key = searchKeysIn(cursor, context, charset, returns?.includes("SAVE") === true)
  return { name: "SORT", uid, returns, criteria, charset, key }
}

/** Messages that are equal by a key are so when it is asked again, also in reverse: a repeat never decides. */
function firstOfEach(criteria: readonly SortCriterion[]): SortCriterion[] {
  const seen = new Set<SortKey>()
  return criteria.filter(({ key }) => seen.size < seen.add(key).size)
}

/** sort-criterion = ["REVERSE" SP] sort-key (RFC 5256 §5) */
function sortCriterion(cursor: Cursor): SortCriterion {
  const reverse = tryWord(cursor, "REVERSE")
  const start = cursor.at
  const key = keyword(cursor, "sort-key")
  if (!isSortKey(key)) throw new ParseError("sort-key", start)
  return { key, reverse }
}

const sortKeys: ReadonlySet<string> = new Set<SortKey>([
  "ARRIVAL",
  "CC",
  "DATE",
  "FROM",
  "SIZE",
  "SUBJECT",
  "TO",
  "DISPLAYFROM", // RFC 5957 §5
  "DISPLAYTO", // RFC 5957 §5
])

function isSortKey(word: string): word is SortKey {
  return sortKeys.has(word)
}

/**
 * thread     = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
 * thread-alg = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext
 *
 * RFC 5256 §5.
 */
function thread(cursor: Cursor, context: GrammarContext, uid: boolean): CommandBody {
  space(cursor)
  const algorithm = threadAlgorithm(cursor)
  space(cursor)
  const charset = searchCharset(cursor)
  return { name: "THREAD", uid, algorithm, charset, key: searchKeysIn(cursor, context, charset, false) }
}

function threadAlgorithm(cursor: Cursor): ThreadAlgorithm {
  const start = cursor.at
  const word = latin1(atom(cursor, "thread-alg")).toUpperCase()
  if (word !== "ORDEREDSUBJECT" && word !== "REFERENCES") throw new ParseError("thread-alg", start)
  return word
}

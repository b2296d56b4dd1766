import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { parse, stringify } from "smol-toml"
import { KeyLines, type KeyPath } from "../../daemon/host/key-lines.ts"

const document = String.raw`# comment with [brackets] and "quotes"
title = "a # no comment"
[a.b] # table
c = 1
"quoted \u0041".d = 'literal \'
list = [ 1,
  [2, 3], # nested
  { x = 1, y = [
    4] },
]
long = """
[not.a.table]
x = 1 \""" still
"quoted"""""
other = '''
y = ''two''
'''
[[many]]
n = 1
[[many]]
n = 2
[many.sub]
z = true
[[many.inner]]
w = 1979-05-27T07:32:00Z
[[many.inner]]
w = { deep.er = 2 }
[ "spaced" . out ]
end = -1.5e3
`

const expected: [path: KeyPath, line: number][] = [
  [["title"], 2],
  [["a", "b"], 3],
  [["a", "b", "c"], 4],
  [["a", "b", "quoted A"], 5],
  [["a", "b", "quoted A", "d"], 5],
  [["a", "b", "list"], 6],
  [["a", "b", "list", 0], 6],
  [["a", "b", "list", 1, 1], 7],
  [["a", "b", "list", 2, "x"], 8],
  [["a", "b", "list", 2, "y", 0], 9],
  [["a", "b", "long"], 11],
  [["a", "b", "other"], 15],
  [["many", 0, "n"], 19],
  [["many", 1], 20],
  [["many", 1, "n"], 21],
  [["many", 1, "sub", "z"], 23],
  [["many", 1, "inner", 0, "w"], 25],
  [["many", 1, "inner", 1, "w", "deep", "er"], 27],
  [["spaced", "out", "end"], 29],
  [["a", "b", "absent"], 3], // the nearest that is written
  [["nowhere"], 1],
]

test("the document is TOML", () => assert.equal(Object.keys(parse(document)).length, 4))

for (const [path, line] of expected) {
  test(`${path.join(".")} stands in line ${line}`, () => assert.equal(new KeyLines(document).of(path), line))
}

test("line ends may be CRLF", () => {
  assert.equal(new KeyLines(document.replaceAll("\n", "\r\n")).of(["many", 1, "inner", 1, "w"]), 27)
})

test("reads whatever the parser reads, in linear time", () => {
  const key = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => text !== "__proto__")
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ depthSize: "small" }, fc.string(), fc.integer(), fc.boolean(), tie("list"), tie("table")),
    list: fc.array(tie("any"), { maxLength: 4 }),
    table: fc.dictionary(key, tie("any"), { maxKeys: 4, noNullPrototype: true }),
  })).table
  fc.assert(
    fc.property(value, (table) => {
      const toml = stringify(table)
      const lines = new KeyLines(toml)
      const count = toml.split("\n").length
      for (const name of Object.keys(table)) assert.ok(lines.of([name]) >= 1 && lines.of([name]) <= count)
    }),
    { numRuns: 500 },
  )
  new KeyLines(`a = [${"[],".repeat(100_000)}]\n`)
  new KeyLines(`a = """${'""x'.repeat(100_000)}"""\n`)
})

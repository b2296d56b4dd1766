import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { threadByReferences } from "../../daemon/worker/commands/thread-references.ts"
import { type Threaded, threadWire } from "../../daemon/worker/commands/thread-tree.ts"
import { Pace } from "../../daemon/worker/pace.ts"

const pace = () => new Pace(() => false)

type Given = { id?: string | null; refs?: string[]; subject?: string; isReply?: boolean; sentAt?: number }

/** Messages numbered from 1, each sent after the one before. */
function messages(given: Given[]): Threaded[] {
  return given.map(({ id, refs, subject, isReply, sentAt }, index) => ({
    uid: index + 1,
    number: index + 1,
    sentAt: sentAt ?? index,
    subject: subject ?? "",
    isReply: isReply ?? false,
    messageId: id === undefined ? `m${index + 1}` : id,
    references: refs ?? [],
  }))
}

async function threads(given: Given[]): Promise<string> {
  const roots = await threadByReferences(messages(given), pace())
  return roots.map((root) => [...threadWire(root)].join("")).join("")
}

/** RFC 5256 §3, by its steps. */
const cases: [what: string, given: Given[], wire: string][] = [
  ["nothing", [], ""],
  ["one", [{}], "(1)"],
  ["(1) a chain", [{}, { refs: ["m1"] }, { refs: ["m1", "m2"] }], "(1 2 3)"],
  ["(1) the parent comes later", [{ refs: ["m2"] }, {}], "(2 1)"],
  ["(1) two answers", [{}, { refs: ["m1"] }, { refs: ["m1"] }], "(1 (2)(3))"],
  ["(1) the same Message-ID twice: the first has it", [{ id: "a" }, { id: "a" }, { refs: ["a"] }], "(1 3)(2)"],
  ["(1) no Message-ID", [{ id: null }, { id: null }], "(1)(2)"],
  ["(1)(A) an existing link stays", [{}, { refs: ["m1"] }, {}, { refs: ["m3", "m2"] }], "(1 2 4)(3)"],
  ["(1)(B) the last reference is the parent", [{ refs: ["x", "m2"] }, {}, { refs: ["m2", "m1"] }], "(2 1 3)"],
  ["(1) a loop is not closed", [{ refs: ["m2"] }, { refs: ["m1"] }], "(2 1)"],
  ["(1) a message that refers to itself", [{ refs: ["m1"] }], "(1)"],
  ["(3) a dummy with one child goes", [{ refs: ["gone"] }], "(1)"],
  ["(3) a dummy with two stays at the top", [{ refs: ["gone"] }, { refs: ["gone"] }], "((1)(2))"],
  ["(3) dummies between go", [{}, { refs: ["m1", "gone", "also"] }, { refs: ["m1", "gone"] }], "(1 (2)(3))"],
  ["(4) by sent date", [{ sentAt: 9 }, { sentAt: 3 }, { sentAt: 3 }], "(2)(3)(1)"],
  [
    "(5) a reply without references joins the original",
    [{ subject: "A" }, { subject: "B" }, { subject: "A", isReply: true }],
    "(1 3)(2)",
  ],
  ["(5) an original after its reply", [{ subject: "A", isReply: true }, { subject: "A" }], "(2 1)"],
  ["(5) two originals become siblings under nothing", [{ subject: "A" }, { subject: "A" }], "((1)(2))"],
  ["(5) and a third", [{ subject: "A" }, { subject: "A" }, { subject: "A", isReply: true }], "((1)(2)(3))"],
  ["(5) subjects that are empty are not the same", [{ subject: "" }, { subject: "" }], "(1)(2)"],
  [
    "(5) a dummy takes a message in",
    [{ refs: ["x"], subject: "A" }, { refs: ["x"], subject: "A" }, { subject: "A" }],
    "((1)(2)(3))",
  ],
  [
    "(5) two dummies become one",
    [
      { refs: ["x"], subject: "A" },
      { refs: ["x"], subject: "A" },
      { refs: ["y"], subject: "A" },
      { refs: ["y"], subject: "A" },
    ],
    "((1)(2)(3)(4))",
  ],
  ["(6) siblings by sent date", [{}, { refs: ["m1"], sentAt: 9 }, { refs: ["m1"], sentAt: 5 }], "(1 (3)(2))"],
]
for (const [what, given, wire] of cases) {
  test(`REFERENCES ${what}`, async () => assert.equal(await threads(given), wire))
}

test("a thread of 50,000 messages, each the answer to the one before, is one line and no recursion", async () => {
  const chain = Array.from({ length: 50_000 }, (_, index): Given => (index === 0 ? {} : { refs: [`m${index}`] }))
  const wire = await threads(chain)
  assert.match(wire, /^\(1 2 3 .* 50000\)$/)
})

/** RFC 5256 §3 (3), word for word: below the top a dummy "is replaced by its children", from the leaves up. */
function childrenByTheBook(parents: readonly (number | null)[], dummies: ReadonlySet<number>, of: number): number[] {
  return parents.flatMap((parent, child) => {
    if (parent !== of) return []
    return dummies.has(child) ? childrenByTheBook(parents, dummies, child) : [child]
  })
}

function wireByTheBook(parents: readonly (number | null)[], dummies: ReadonlySet<number>): string {
  const thread = (node: number): string => {
    const below = childrenByTheBook(parents, dummies, node)
      .sort((a, b) => a - b)
      .map(thread)
    const nested = below.length === 1 ? below[0] : below.map((each) => `(${each})`).join("")
    return dummies.has(node) ? `${nested}` : [node + 1, ...(below.length > 0 ? [nested] : [])].join(" ")
  }
  const tops = parents.flatMap((parent, node) => (parent === null ? [node] : []))
  const firstOf = (node: number) => (dummies.has(node) ? Math.min(...childrenByTheBook(parents, dummies, node)) : node)
  return tops
    .filter((node) => Number.isFinite(firstOf(node)))
    .sort((a, b) => firstOf(a) - firstOf(b))
    .map((node) => `(${thread(node)})`)
    .join("")
}

test("(3) whatever is missing of a forest, what is there hangs from the nearest that is there", async () => {
  const forest = fc.array(fc.record({ up: fc.nat(), top: fc.nat(4), missing: fc.boolean() }), { maxLength: 24 })
  await fc.assert(
    fc.asyncProperty(forest, async (nodes) => {
      const parents = nodes.map(({ up, top }, index) => (index === 0 || top === 0 ? null : up % index))
      const missing = new Set(nodes.flatMap((node, index) => (node.missing ? [index] : [])))
      const path = (node: number): string[] => {
        const parent = parents[node] ?? null
        return parent === null ? [] : [...path(parent), `m${parent + 1}`]
      }
      const all = messages(nodes.map((_, index) => ({ refs: path(index) })))
      const roots = await threadByReferences(
        all.filter((_, index) => !missing.has(index)),
        pace(),
      )
      const wire = roots.map((root) => [...threadWire(root)].join("")).join("")
      assert.equal(wire, wireByTheBook(parents, missing))
    }),
  )
})

test("(3) 3,000 answers below 20,000 messages that are missing cost one walk", async () => {
  const refs = Array.from({ length: 20_000 }, (_, index) => `gone${index}`)
  const answers = Array.from({ length: 3000 }, (): Given => ({ refs: ["gone19999"] }))
  assert.match(await threads([{ refs }, ...answers]), /^\(\(1\)\(2\).*\(3001\)\)$/)
})

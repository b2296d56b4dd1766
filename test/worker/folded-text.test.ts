import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import type { SearchKey } from "../../daemon/imap/ast.ts"
import { foldForSearch } from "../../daemon/message/normalize.ts"
import { contains, folded, someContain } from "../../daemon/worker/commands/folded-text.ts"
import { compile } from "../../daemon/worker/commands/search-key.ts"
import { SearchTexts } from "../../daemon/worker/commands/search-text.ts"
import { ClientGone, Pace } from "../../daemon/worker/pace.ts"
import { View } from "../../daemon/worker/view.ts"
import { letter, startHome } from "./harness.ts"

/** Wants to rest all the time. */
const always = () => new Pace(() => false, 0)
/** The same, and fails where it rests. */
const gone = () => new Pace(() => true, 0)

const alphabet = ["a", "b", "É", "e\u0301", "ß", "\u0301", "\ufdfa", "😀", "\u00ad"]
const words = fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }).map((letters) => letters.join(""))

test("a text that is folded and looked through in pieces gives what it gives as a whole", async () => {
  const fillers = fc.constantFrom("x", "é", "\u0301", "\u00ad", "字", "😀")
  const property = fc.asyncProperty(fillers, fc.nat(30), words, words, async (filler, less, before, wanted) => {
    const text = `${filler.repeat(Math.ceil(16_384 / filler.length) - less)}${before}a${wanted}b${filler.repeat(20_000)}`
    const pieces = await folded(text, always())
    assert.ok(pieces.length > 1)
    assert.equal(pieces.join(""), foldForSearch(text))
    for (const each of [`a${wanted}b`, `${wanted}${before}`, "never"].map(foldForSearch)) {
      assert.equal(await contains(pieces, each, always()), pieces.join("").includes(each))
      assert.equal(await someContain(["short", pieces.join("")], each, always()), pieces.join("").includes(each))
    }
  })
  await fc.assert(property, { numRuns: 25 })
})

test("a long text is left between two pieces for others to have their turn", async () => {
  const text = "a".repeat(100_000)
  await assert.rejects(async () => folded(text, gone()), ClientGone)
  await assert.rejects(async () => contains([text, text], "b", gone()), ClientGone)
  await assert.rejects(async () => someContain([text, text], "b", gone()), ClientGone)
})

test("so is a message between two keys", async (t) => {
  const { store, ...home } = startHome(t)
  const client = await home.connect()
  await client.append("INBOX", letter("one"))
  const view = View.open(store, store.mailboxes.named("INBOX"), true)
  const pace = gone()
  const searching = { store, view, texts: new SearchTexts(store.contents, pace), pace, maxCharacters: 10 }
  const absent = (text: string): SearchKey => ({ key: "not", not: { key: "field", field: "subject", text } })
  const found = compile({ key: "and", keys: [absent("x"), absent("y")] }, searching)
  const [message] = [...store.messages.rows(view.state.mailbox, [[1, 1]])]
  assert.ok(message !== undefined)
  await assert.rejects(async () => found.passes(message), ClientGone)
})

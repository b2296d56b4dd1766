import assert from "node:assert/strict"
import { test } from "node:test"
import type { FetchItem } from "../../daemon/imap/ast.ts"
import { defaultContext } from "../../daemon/imap/cursor.ts"
import { ParseError } from "../../daemon/imap/errors.ts"
import { parseCommand } from "../../daemon/imap/parse.ts"
import { cursorOf } from "./cursor-of.ts"

function itemsOf(text: string): FetchItem[] {
  const command = parseCommand(cursorOf(`a FETCH 1 ${text}`), defaultContext)
  assert.equal(command.name, "FETCH")
  return command.name === "FETCH" ? command.items : []
}

/** RFC 3516 §7, RFC 8970 §6. */
const accepted: [text: string, items: FetchItem[]][] = [
  ["BINARY[]", [{ item: "BINARY[]", peek: false, parts: [], partial: null }]],
  ["binary.peek[1.2]<0.5>", [{ item: "BINARY[]", peek: true, parts: [1, 2], partial: { offset: 0, length: 5 } }]],
  ["(UID BINARY.SIZE[3])", [{ item: "UID" }, { item: "BINARY.SIZE", parts: [3] }]],
  ["BINARY.SIZE[]", [{ item: "BINARY.SIZE", parts: [] }]],
  ["PREVIEW", [{ item: "PREVIEW", lazy: false }]],
  ["PREVIEW (LAZY)", [{ item: "PREVIEW", lazy: true }]],
  ["(preview (lazy) UID)", [{ item: "PREVIEW", lazy: true }, { item: "UID" }]],
  ["(UID PREVIEW)", [{ item: "UID" }, { item: "PREVIEW", lazy: false }]],
  ["PREVIEW (CHANGEDSINCE 7)", [{ item: "PREVIEW", lazy: false }]],
  ["PREVIEW (LAZY) (CHANGEDSINCE 7)", [{ item: "PREVIEW", lazy: true }]],
]

const refused: [text: string, why: RegExp][] = [
  ["BINARY", /fetch-att/],
  ["BINARY.PEEK", /fetch-att/],
  ["BINARY[TEXT]", /section-binary/],
  ["BINARY[1.MIME]", /section-binary/],
  ["BINARY[1]<1.0>", /nz-number/],
  ["BINARY.SIZE[1]<0.1>", /CRLF/],
  ["BINARY.SIZE", /fetch-att/],
  ["PREVIEW ()", /preview-mod/],
  ["PREVIEW (LAZY", /\)/],
  ["PREVIEW (LAZY EAGER)", /preview-mod/],
  ["(PREVIEW (EAGER))", /fetch-att/],
]

for (const [text, items] of accepted) {
  test(`FETCH takes ${text}`, () => assert.deepEqual(itemsOf(text), items))
}

for (const [text, why] of refused) {
  test(`FETCH refuses ${text}`, () => {
    assert.throws(
      () => itemsOf(text),
      (error) => error instanceof ParseError && why.test(error.message),
    )
  })
}

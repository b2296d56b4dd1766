import assert from "node:assert/strict"
import { test } from "node:test"
import { startHome } from "./harness.ts"

test("limits of annotations (RFC 5464 section 4.3), and all changes or none", async (t) => {
  const home = startHome(t, { limits: { max_annotations: 10, max_annotation_bytes: 1024 } })
  const client = await home.connect()
  const large = await client.command("SETMETADATA INBOX (/private/a {})", Buffer.alloc(1025, "x"))
  assert.match(large.status, /^NO \[METADATA MAXSIZE 1024\]/)
  await client.ok("SETMETADATA INBOX (/private/a {})", Buffer.alloc(1024, "x"))
  for (let index = 2; index <= 10; index += 1) await client.ok(`SETMETADATA INBOX (/private/a${index} "x")`)
  const many = await client.command('SETMETADATA INBOX (/private/a "changed" /private/b "new")')
  assert.match(many.status, /^NO \[METADATA TOOMANY\]/)
  const { untagged } = await client.command("GETMETADATA INBOX (/private/a /private/b)")
  assert.deepEqual(untagged[0]?.literals, [Buffer.alloc(1024, "x")])
  assert.match(untagged[0]?.text ?? "", /\/private\/b NIL\)$/)
  await client.ok('SETMETADATA INBOX (/private/a NIL /private/b "new")')
  await client.ok('SETMETADATA "" (/private/b "elsewhere")')
})

test("a value with NUL is a literal8", async (t) => {
  const client = await startHome(t).connect()
  client.send("x SETMETADATA INBOX (/private/a ~{3+}\r\n\0\r\n)\r\n")
  assert.match((await client.answer("x")).status, /^OK/)
  const { untagged } = await client.command("GETMETADATA INBOX /private/a")
  assert.equal(untagged[0]?.text, "* METADATA INBOX (/private/a ~{3})")
  assert.deepEqual(untagged[0]?.literals, [Buffer.from("\0\r\n")])
})

import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type Home, startHome, type TestClient } from "./harness.ts"

const count = 3000
const message = Buffer.from(
  `Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${Array.from({ length: count }, (_, index) => `--b\r\n\r\npart ${index + 1}\r\n`).join("")}--b--\r\n`,
)

/** A client in a mailbox with a message of 3,000 parts; and how often its tree was read from the database. */
async function begin(
  t: TestContext,
): Promise<{ home: Home; client: TestClient; other: TestClient; trees: () => number }> {
  const home = startHome(t)
  const client = await home.connect()
  assert.match(await client.append("INBOX", message), /^OK/)
  await client.ok("SELECT INBOX")
  const roots = new Set<unknown>()
  const original = home.store.contents.structures.root.bind(home.store.contents.structures)
  t.mock.method(home.store.contents.structures, "root", (content: number) => {
    const root = original(content)
    roots.add(root)
    return root
  })
  return { home, client, other: await home.connect(), trees: () => roots.size }
}

test("FETCH of many parts reads the tree of the message once", async (t) => {
  const { client, trees } = await begin(t)
  const items = Array.from({ length: 200 }, (_, index) => `BODY.PEEK[${index + 1}]`).join(" ")
  const { untagged } = await client.command(`FETCH 1 (${items})`)
  assert.deepEqual(
    untagged[0]?.literals.map(String),
    Array.from({ length: 200 }, (_, index) => `part ${index + 1}`),
  )
  assert.equal(trees(), 1)
})

test("CATENATE of many parts reads the tree of the message once", async (t) => {
  const { client, trees } = await begin(t)
  const parts = Array.from({ length: 200 }, (_, index) => `URL "/INBOX/;UID=1/;SECTION=${index + 1}"`).join(" ")
  assert.match((await client.command(`APPEND INBOX CATENATE (TEXT {} ${parts})`, Buffer.from("\r\n"))).status, /^OK/)
  assert.equal(trees(), 1)
  const { untagged } = await client.command("FETCH 2 BODY.PEEK[TEXT]")
  const expected = Array.from({ length: 200 }, (_, index) => `part ${index + 1}`).join("")
  assert.deepEqual(untagged.at(-1)?.literals.map(String), [expected])
})

test("a tree that was read is not taken for that of a later message", async (t) => {
  const { client } = await begin(t)
  await client.ok("FETCH 1 BODY.PEEK[1]")
  await client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
  await client.ok("EXPUNGE")
  await client.append("INBOX", Buffer.from("Subject: next\r\n\r\nonly this\r\n"))
  await client.ok("NOOP")
  const { untagged } = await client.command("FETCH 1 (BODY.PEEK[1] BODY.PEEK[2])")
  assert.equal(untagged[0]?.text, "* 1 FETCH (BODY[1] {11} BODY[2] NIL)")
})

/** A field in two is X-B, and X-A and X-B are 300 KB together. */
const fields = Array.from(
  { length: 6000 },
  (_, index) => `X-${index % 2 === 0 ? "A" : "B"}: ${index} ${"x".repeat(40)}\r\n`,
)

test("FETCH of a large header many times over reads it once, and gives each piece of it that is asked for", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  await client.append("INBOX", Buffer.from(`${fields.join("")}\r\nbody\r\n`))
  await client.ok("SELECT INBOX")
  const read = t.mock.method(home.store.contents, "header")
  const expected = Buffer.from(`${fields.filter((_, index) => index % 2 === 1).join("")}\r\n`)
  const ranges = [
    [0, 1],
    [1, 100_000],
    [50_000, 60_000],
    [expected.length - 2, 9],
    [expected.length, 1],
  ] as const
  const items = ranges.map(([offset, length]) => `BODY.PEEK[HEADER.FIELDS.NOT (X-A)]<${offset}.${length}>`)
  const { untagged } = await client.command(`FETCH 1 (BODY.PEEK[HEADER.FIELDS (X-B)] ${items.join(" ")})`)
  assert.deepEqual(untagged[0]?.literals, [
    expected,
    ...ranges.slice(0, -1).map(([offset, length]) => expected.subarray(offset, offset + length)),
  ])
  assert.match(untagged[0]?.text ?? "", / ""\)$/)
  assert.equal(read.mock.callCount(), 1)
})

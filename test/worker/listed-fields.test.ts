import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { selectFields } from "../../daemon/message/fields.ts"
import { parseMessage } from "../../daemon/message/parser.ts"
import { sectionSpan } from "../../daemon/message/sections.ts"
import { messages } from "../harness/corpus.ts"
import { nastyMessages } from "../independent/nasty.ts"
import { id, put } from "../store/harness.ts"
import { mailOf } from "../store/mail.ts"
import { fill, type Response, startHome, type TestClient } from "./harness.ts"

const listed = ["From", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "References", "Content-Type", "Reply-To"]

/** All messages of a mailbox, which FETCH reads ahead of in batches. */
async function fetched(client: TestClient, item: string): Promise<Buffer[]> {
  const { untagged, status } = await client.command(`FETCH 1:* ${item}`)
  assert.match(status, /^OK/)
  return untagged.map(literalOf)
}

/** An empty value is a quoted string. */
function literalOf({ text, literals }: Response): Buffer {
  if (literals[0] === undefined) assert.match(text, / ""\)$/)
  return literals[0] ?? Buffer.alloc(0)
}

async function selected(t: TestContext, bytes: Buffer[]): Promise<TestClient> {
  const home = startHome(t)
  await fill(home, id(home.store, "INBOX"), bytes)
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  return client
}

test("HEADER.FIELDS is octet for octet the same, whether its names are listed or the header is read", async (t) => {
  const given = [...messages(200), ...nastyMessages].map(({ bytes }) => bytes)
  const client = await selected(t, given)
  const quick = await fetched(client, `BODY.PEEK[HEADER.FIELDS (${listed.join(" ")})]`)
  const slow = await fetched(client, `BODY.PEEK[HEADER.FIELDS (${listed.join(" ")} X-Nobody-Has-This)]`)
  assert.equal(quick.length, given.length)
  assert.deepEqual(quick, slow)
  const expected = given.map((bytes) => Buffer.from(selectFields(parseMessage(bytes).header, listed, false)))
  assert.deepEqual(quick, expected)
  const parts = await fetched(client, `BODY.PEEK[HEADER.FIELDS (${listed.join(" ")})]<5.20>`)
  assert.deepEqual(
    parts,
    expected.map((octets) => octets.subarray(5, 25)),
  )
})

test("HEADER is octet for octet what the tree of parts says", async (t) => {
  const given = [...messages(200), ...nastyMessages].map(({ bytes }) => bytes)
  const found = await fetched(await selected(t, given), "BODY.PEEK[HEADER]")
  const expected = given.map((bytes) => {
    const { start, end } = sectionSpan(parseMessage(bytes).root, [], "HEADER") ?? assert.fail()
    return bytes.subarray(start, end)
  })
  assert.deepEqual(found, expected)
})

test("long values, which are not read ahead, stand among short ones", async (t) => {
  const long = "x".repeat(90)
  const headers = [10, 40, 45, 50, 5000, 3].map(
    (count, index) => `Subject: ${index}\r\nTo: ${`"${long}" <a@b.example>,\r\n `.repeat(count)}z@b.example\r\n\r\n`,
  )
  const given = headers.map((header) => Buffer.from(`${header}body\r\n`))
  const client = await selected(t, given)
  const fields = await fetched(client, "BODY.PEEK[HEADER.FIELDS (To Subject)]")
  assert.deepEqual(
    fields.map((octets) => octets.toString()),
    headers,
  )
  assert.deepEqual(await fetched(client, "BODY.PEEK[HEADER]"), fields)
  const { untagged } = await client.command("FETCH 1:* ENVELOPE")
  for (const [index, { text }] of untagged.entries())
    assert.match(text, new RegExp(`ENVELOPE \\(NIL "${index}" .*"z" "b.example"\\)\\) NIL NIL NIL NIL\\)\\)$`))
})

test("a header that is longer than the parser reads is given whole", async (t) => {
  const header = `Subject: a\r\nX-Long: ${"x".repeat(2_000_000)}\r\nTo: b\r\n\r\n`
  const client = await selected(t, [Buffer.from(`${header}body\r\n`), Buffer.from(header)])
  const [whole, alone] = await fetched(client, "BODY.PEEK[HEADER]")
  assert.equal(whole?.toString(), header)
  assert.equal(alone?.toString(), header)
  for (const fields of await fetched(client, "BODY.PEEK[HEADER.FIELDS (To Subject)]"))
    assert.equal(fields.toString(), "Subject: a\r\nTo: b\r\n\r\n")
})

test("the same of contents of which no fields are kept", async (t) => {
  const home = startHome(t)
  for (const subject of ["kept", "not kept", "kept again"]) {
    const mail = mailOf(Buffer.from(`Subject: ${subject}\r\nX: y\r\nTo: a\r\n\r\nbody\r\n`))
    put(home.store, "INBOX", subject === "not kept" ? { ...mail, meta: { ...mail.meta, listedFields: null } } : mail)
  }
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  const fields = await fetched(client, "BODY.PEEK[HEADER.FIELDS (Subject)]")
  assert.deepEqual(
    fields.map((octets) => octets.toString()),
    ["kept", "not kept", "kept again"].map((subject) => `Subject: ${subject}\r\n\r\n`),
  )
})

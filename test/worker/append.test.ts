import assert from "node:assert/strict"
import { test } from "node:test"
import { letter, startHome } from "./harness.ts"

const big = (size: number) => Buffer.from(letter("big", "x".repeat(size)))

test("MULTIAPPEND beyond the quota stores none of its messages", async (t) => {
  const home = startHome(t, { quotaBytes: 700_000 })
  const client = await home.connect()
  const { status } = await client.command("APPEND INBOX {} {} {}", big(300_000), big(300_000), big(300_000))
  assert.match(status, /^NO \[OVERQUOTA\]/)
  client.leave()
  assert.deepEqual(home.store.usage(), { bytes: 0, messages: 0 })
})

test("messages of several pieces in one APPEND come back octet by octet", async (t) => {
  const client = await startHome(t).connect()
  const messages = [big(600_000), big(10), big(400_000)]
  const { status } = await client.command("APPEND INBOX {} (\\Seen) {} {}", ...messages)
  assert.match(status, /^OK \[APPENDUID \d+ 1:3\]/)
  await client.ok("SELECT INBOX")
  const { untagged } = await client.command("FETCH 1:3 BODY.PEEK[]")
  assert.deepEqual(
    untagged.map(({ literals }) => literals[0]),
    messages,
  )
})

test("REPLACE of the message that fills the quota needs only the difference", async (t) => {
  const home = startHome(t, { quotaBytes: 500_000 })
  const client = await home.connect()
  await client.append("INBOX", big(400_000))
  await client.ok("SELECT INBOX")
  const { status, untagged } = await client.command("UID REPLACE 1 INBOX {}", big(450_000))
  assert.match(status, /^OK/)
  assert.match(untagged[0]?.text ?? "", /^\* OK \[APPENDUID \d+ 2\]/)
  assert.match((await client.command("UID REPLACE 2 INBOX {}", big(500_001))).status, /^NO \[OVERQUOTA\]/)
  assert.deepEqual(await client.ok("UID SEARCH ALL"), ["* SEARCH 2"])
})

test("REPLACE is refused when another client expunged the message meanwhile", async (t) => {
  const home = startHome(t)
  const [one, two] = [await home.connect(), await home.connect()]
  await one.append("INBOX", letter("a"))
  await one.ok("SELECT INBOX")
  await two.ok("SELECT INBOX")
  one.send("r REPLACE 1 INBOX {9}\r\n")
  assert.equal(await one.line(), "+ OK")
  await two.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
  await two.ok("EXPUNGE")
  one.send("Subject: \r\n")
  assert.match((await one.answer("r")).status, /^NO \[EXPUNGEISSUED\]/)
  assert.deepEqual(await one.ok("SEARCH ALL"), ["* SEARCH"])
})

test("CATENATE checks UIDVALIDITY and the size of what it puts together", async (t) => {
  const home = startHome(t, { maxMessageBytes: 100_000 })
  const client = await home.connect()
  const appended = await client.append("INBOX", big(60_000))
  const [, validity] = /APPENDUID (\d+) /.exec(appended) ?? []
  const url = `URL "/INBOX;UIDVALIDITY=${validity}/;UID=1/;SECTION=TEXT"`
  assert.match((await client.command(`APPEND Sent CATENATE (${url})`)).status, /^OK/)
  assert.match((await client.command(`APPEND Sent CATENATE (${url} ${url})`)).status, /^NO \[TOOBIG\]/)
  assert.match((await client.command(`APPEND Sent CATENATE (${url}) CATENATE (${url})`)).status, /^NO \[TOOBIG\]/)
  assert.match((await client.command(`APPEND Sent CATENATE (${url} TEXT {})`, big(60_000))).status, /^NO \[TOOBIG\]/)
  const other = `URL "/INBOX;UIDVALIDITY=${Number(validity) + 1}/;UID=1"`
  assert.match((await client.command(`APPEND Sent CATENATE (${other})`)).status, /^NO \[BADURL/)
  assert.deepEqual(await client.ok("STATUS Sent (MESSAGES)"), ["* STATUS Sent (MESSAGES 1)"])
})

test("a message put together of large parts is exactly their octets", async (t) => {
  const client = await startHome(t).connect()
  const source = big(700_000)
  await client.append("INBOX", source)
  const texts = [Buffer.from("Subject: joined\r\n\r\n"), Buffer.alloc(300_000, "z")] as const
  const url = 'URL "/INBOX/;UID=1"'
  const { status } = await client.command(`APPEND Sent CATENATE (TEXT {} ${url} TEXT {} ${url})`, ...texts)
  assert.match(status, /^OK/)
  await client.ok("SELECT Sent")
  const { untagged } = await client.command("FETCH 1 (RFC822.SIZE BODY.PEEK[])")
  const whole = Buffer.concat([texts[0], source, texts[1], source])
  assert.deepEqual(untagged[0]?.literals, [whole])
  assert.match(untagged[0]?.text ?? "", new RegExp(`RFC822.SIZE ${whole.length} `))
})

test("what a client leaves in the middle of MULTIAPPEND is taken back", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  client.send(`a APPEND INBOX {300000}\r\n`)
  assert.equal(await client.line(), "+ OK")
  client.send(Buffer.alloc(300_000, "x"))
  client.send(" CATENATE (TEXT {300000}\r\n")
  assert.equal(await client.line(), "+ OK")
  client.send(Buffer.alloc(290_000, "y"))
  client.leave()
  await client.gone()
  assert.deepEqual(home.store.usage(), { bytes: 0, messages: 0 })
})

test("very many messages in one APPEND", async (t) => {
  const client = await startHome(t, { limits: { max_append_parts: 150 } }).connect()
  const one = Buffer.from(letter("small"))
  const many = (count: number) => client.command(`APPEND INBOX${" {}".repeat(count)}`, ...Array(count).fill(one))
  assert.match((await many(150)).status, /^OK \[APPENDUID \d+ 1:150\]/)
  assert.match((await many(151)).status, /^BAD /)
  assert.deepEqual(await client.ok("STATUS INBOX (MESSAGES)"), ["* STATUS INBOX (MESSAGES 150)"])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { letter, startHome } from "./harness.ts"

test("usage against limits, with what waits in the spool (RFC 9208)", async (t) => {
  const home = startHome(t, { quotaBytes: 10_000, quotaMessages: 4, waiting: { messages: 2, bytes: 3000 } })
  const client = await home.connect()
  assert.deepEqual(await client.ok('GETQUOTA ""'), ['* QUOTA "" (STORAGE 3 10 MESSAGE 2 4)'])
  await client.append("INBOX", letter("one", `${"x".repeat(70)}\r\n`.repeat(30)))
  assert.deepEqual(await client.ok("GETQUOTAROOT INBOX"), [
    '* QUOTAROOT INBOX ""',
    '* QUOTA "" (STORAGE 6 10 MESSAGE 3 4)',
  ])
})

test("OVERQUOTA for APPEND and COPY, and only limited resources are listed (RFC 9208 section 4.3.1)", async (t) => {
  const home = startHome(t, { quotaMessages: 1 })
  const client = await home.connect()
  assert.match(await client.append("INBOX", letter("one")), /^OK/)
  assert.match(await client.append("INBOX", letter("two")), /^NO \[OVERQUOTA\]/)
  await client.ok("SELECT INBOX")
  assert.match((await client.command("COPY 1 Sent")).status, /^NO \[OVERQUOTA\]/)
  assert.deepEqual(await client.ok('GETQUOTA ""'), ['* QUOTA "" (MESSAGE 1 1)'])
})

test("a message that will not fit is refused when it is announced, not when it was sent", async (t) => {
  const client = await startHome(t, { quotaBytes: 10_000 }).connect()
  client.send("a APPEND INBOX {10001}\r\n")
  assert.match(await client.line(), /^a NO \[OVERQUOTA\]/)
  client.send("b APPEND INBOX {10000}\r\n")
  assert.match(await client.line(), /^\+ /)
})

test("a COPY of many that goes over quota in the middle leaves no copies", async (t) => {
  const home = startHome(t, { quotaMessages: 2100 })
  const client = await home.connect()
  await client.append("INBOX", letter("one"))
  const { mailboxes, messages } = home.store
  const inbox = mailboxes.named("INBOX").id
  while (messages.uids(inbox).length < 1100) messages.copy(inbox, messages.uids(inbox).slice(0, 550), inbox)
  const have = messages.uids(inbox).length
  await client.ok("SELECT INBOX")
  assert.match((await client.command("COPY 1:* Sent")).status, /^NO \[OVERQUOTA\]/)
  assert.deepEqual(messages.uids(mailboxes.named("Sent").id), [])
  assert.equal(home.store.usage().messages, have)
  await client.ok("COPY 1:500 Sent")
})

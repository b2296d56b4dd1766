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

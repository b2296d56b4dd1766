import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { anyMail } from "../message/any-mail.ts"
import { letter, startHome } from "../worker/harness.ts"
import { seenByClient } from "./ours.ts"

test("any octets come in by APPEND, and everything that FETCH then says of them is well formed and fits together", async (t) => {
  const client = await startHome(t).connect()
  await client.append("INBOX", letter("first"))
  await client.ok("SELECT INBOX")
  let count = 1
  await fc.assert(
    fc.asyncProperty(anyMail, async (octets) => {
      fc.pre(octets.length > 0)
      client.send(`a APPEND INBOX ~{${octets.length}+}\r\n`)
      client.send(octets)
      client.send("\r\n")
      assert.match((await client.answer("a")).status, /^OK /)
      await client.ok("NOOP")
      count += 1
      await seenByClient(client, count, octets)
    }),
    { numRuns: 400 },
  )
})

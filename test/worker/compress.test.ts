import assert from "node:assert/strict"
import { test } from "node:test"
import { deflateRawSync } from "node:zlib"
import { letter, startHome } from "./harness.ts"

for (const octetsPerWrite of [Number.POSITIVE_INFINITY, 1]) {
  test(`a compressed session, ${octetsPerWrite === 1 ? "byte by byte" : "whole lines"}`, async (t) => {
    const client = await startHome(t).connect(octetsPerWrite)
    await client.compress()
    const message = Buffer.from(letter("compressed", "All work and no play.\r\n".repeat(500)))
    assert.match(await client.append("INBOX", message), /^OK/)
    await client.ok("SELECT INBOX")
    const { untagged } = await client.command("FETCH 1 (UID BODY.PEEK[])")
    assert.deepEqual(untagged[0]?.literals, [message])
    assert.match((await client.command("COMPRESS DEFLATE")).status, /^NO \[COMPRESSIONACTIVE\]/)
    client.send("i IDLE\r\n")
    assert.equal(await client.line(), "+ idling")
    client.send("DONE\r\n")
    assert.equal(await client.line(), "i OK IDLE completed")
    client.send("z LOGOUT\r\n")
    assert.match(await client.line(), /^\* BYE/)
    assert.match(await client.line(), /^z OK/)
    await client.gone()
  })
}

test("octets that are no deflate stream end the connection", async (t) => {
  const client = await startHome(t).connect()
  await client.compress()
  client.sendRaw(Buffer.from("a NOOP\r\n", "latin1").fill(0xff))
  await client.gone()
})

test("a compressed line without end is cut at the limit of lines, however small it came", async (t) => {
  const client = await startHome(t, { limits: { max_line_bytes: 1024, max_command_bytes: 4096 } }).connect()
  await client.compress()
  const bomb = deflateRawSync(Buffer.alloc(200_000_000, "x"))
  assert.ok(bomb.length < 300_000)
  client.sendRaw(bomb)
  assert.equal(await client.line(), "* BYE [TOOBIG] Too much input to skip")
  await client.gone()
})

test("a client that leaves while much is compressed for it costs nothing", async (t) => {
  const home = startHome(t)
  const client = await home.connect()
  await client.append("INBOX", Buffer.from(letter("big", "x".repeat(3_000_000))))
  await client.compress()
  await client.ok("SELECT INBOX")
  client.pause()
  client.send("f FETCH 1 (BODY[] BODY[TEXT] BODY[1])\r\n")
  client.leave()
})

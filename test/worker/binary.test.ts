import assert from "node:assert/strict"
import { test } from "node:test"
import { letter, startHome } from "./harness.ts"

const octets = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 7) % 251))

test("BINARY gives the octets that were encoded, whole and in pieces", async (t) => {
  const client = await startHome(t).connect()
  const lines = octets.toString("base64").replace(/.{76}/g, "$&\r\n")
  await client.append("INBOX", letter("encoded", `${lines}\r\n`, "Content-Transfer-Encoding: BASE64\r\n"))
  await client.ok("SELECT INBOX")
  const whole = await client.command("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])")
  assert.equal(whole.untagged[0]?.text, "* 1 FETCH (BINARY.SIZE[1] 3000 BINARY[1] ~{3000})")
  assert.deepEqual(whole.untagged[0]?.literals, [octets])
  for (const [offset, length] of [
    [0, 1],
    [1, 249],
    [250, 251],
    [2999, 5],
    [0, 9999],
  ] as const) {
    const { untagged } = await client.command(`FETCH 1 BINARY.PEEK[1]<${offset}.${length}>`)
    const expected = octets.subarray(offset, offset + length)
    const sign = expected.includes(0) ? "~" : ""
    assert.equal(untagged[0]?.text, `* 1 FETCH (BINARY[1]<${offset}> ${sign}{${expected.length}})`)
    assert.deepEqual(untagged[0]?.literals, [expected])
  }
})

test("a message appended as a literal8 with NUL comes back octet by octet", async (t) => {
  const client = await startHome(t).connect()
  const message = Buffer.from("Subject: nul\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b\0\r\n", "latin1")
  client.send(`a APPEND INBOX ~{${message.length}}\r\n`)
  assert.equal(await client.line(), "+ OK")
  client.send(message)
  client.send("\r\n")
  assert.match(await client.line(), /^a OK \[APPENDUID/)
  await client.ok("SELECT INBOX")
  const { untagged } = await client.command("FETCH 1 (BINARY[] BINARY[1])")
  assert.deepEqual(untagged[0]?.literals, [message, message.subarray(message.indexOf("\r\n\r\n") + 4)])
})

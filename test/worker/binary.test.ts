import assert from "node:assert/strict"
import { test } from "node:test"
import type { Store } from "../../daemon/store/store.ts"
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

for (const encoding of ["base64", "quoted-printable"] as const) {
  test(`a large part in ${encoding} is fetched in pieces, in any order, and no piece is decoded from the start`, async (t) => {
    const home = startHome(t)
    const client = await home.connect()
    const octets = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * at) % 251))
    const lines =
      encoding === "base64"
        ? octets.toString("base64").replace(/.{76}/g, "$&\r\n")
        : octets.toString("hex").toUpperCase().replace(/../g, "=$&").replace(/.{72}/g, "$&=\r\n")
    await client.append("INBOX", letter("large", `${lines}\r\n`, `Content-Transfer-Encoding: ${encoding}\r\n`))
    await client.ok("SELECT INBOX")
    const expected = encoding === "base64" ? octets : Buffer.concat([octets, Buffer.from("\r\n")])
    const step = 99_991
    const offsets = Array.from({ length: Math.ceil(expected.length / step) }, (_, index) => index * step)
    for (const offset of [...offsets.slice(10), ...offsets.slice(0, 10)]) {
      const { untagged } = await client.command(`FETCH 1 BINARY.PEEK[1]<${offset}.${step}>`)
      assert.ok(untagged[0]?.literals[0]?.equals(expected.subarray(offset, offset + step)), `from ${offset}`)
    }
    const read = countReads(home.store.contents)
    await client.command(`FETCH 1 BINARY.PEEK[1]<${expected.length - 10}.10>`)
    assert.ok(read.octets < 4_000_000, `${read.octets} octets were read for the last ten`)
    const size = await client.command("FETCH 1 BINARY.SIZE[1]")
    assert.equal(size.untagged[0]?.text, `* 1 FETCH (BINARY.SIZE[1] ${expected.length})`)
  })
}

/** Octets that are read of contents from here on. */
function countReads(contents: Store["contents"]): { octets: number } {
  const read = { octets: 0 }
  const original = contents.read.bind(contents)
  contents.read = function* (content, offset, length) {
    for (const piece of original(content, offset, length)) {
      read.octets += piece.length
      yield piece
    }
  }
  return read
}

for (const [what, item, encoding, line] of [
  ["whose range begins beyond its end", "BINARY.PEEK[1]<4000000000.1>", "base64", `${"A".repeat(76)}\r\n`],
  ["that decodes to nothing", "BINARY.SIZE[1]", "quoted-printable", "=\r\n".repeat(26)],
] as const) {
  test(`others are answered while a part is read ${what}`, async (t) => {
    const home = startHome(t)
    const client = await home.connect()
    const other = await home.connect()
    await client.append("INBOX", letter("x", line.repeat(250_000), `Content-Transfer-Encoding: ${encoding}\r\n`))
    await client.ok("SELECT INBOX")
    client.send(`a FETCH 1 ${item}\r\n`)
    let rounds = 0
    const done = client.answer("a").then(() => true)
    for (let ended = false; !ended; rounds += 1) {
      await other.ok("NOOP")
      ended = await Promise.race([done, new Promise<false>((resolve) => setImmediate(resolve, false))])
    }
    assert.ok(rounds > 2, `another connection was served ${rounds} times meanwhile`)
  })
}

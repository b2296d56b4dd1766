import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { countedAs } from "../../daemon/host/addresses.ts"
import { isLoopback, Networks, plainAddress } from "../../proxy/addresses.ts"
import { ProxyHeaderError, ProxyHeaderReader } from "../../proxy/proxy-protocol.ts"
import { house, plainClient, tlsClient } from "./harness.ts"

const signature = "0d0a0d0a000d0a515549540a"
const v2 = (command: number, family: number, tail: string, length = tail.length / 2) =>
  Buffer.from(
    signature +
      [command, family].map((byte) => byte.toString(16).padStart(2, "0")).join("") +
      length.toString(16).padStart(4, "0") +
      tail,
    "hex",
  )
const ipv4 = "c0000209c6336402c73803e1" // 192.0.2.9, 198.51.100.2, 51000, 993
const ipv6 = `20010db8${"0".repeat(23)}9${"0".repeat(31)}1c73803e1`

const accepted: [what: string, header: Buffer, source: string | null][] = [
  ["v1 IPv4", Buffer.from("PROXY TCP4 192.0.2.9 198.51.100.2 51000 993\r\n"), "192.0.2.9"],
  ["v1 IPv6", Buffer.from("PROXY TCP6 2001:db8::9 ::1 51000 993\r\n"), "2001:db8::9"],
  ["v1 mapped", Buffer.from("PROXY TCP6 ::ffff:192.0.2.9 ::1 0 65535\r\n"), "192.0.2.9"],
  ["v1 UNKNOWN", Buffer.from("PROXY UNKNOWN\r\n"), null],
  ["v1 UNKNOWN with more", Buffer.from("PROXY UNKNOWN what ever\r\n"), null],
  ["v2 IPv4", v2(0x21, 0x11, ipv4), "192.0.2.9"],
  ["v2 IPv6", v2(0x21, 0x21, ipv6), "2001:db8::9"],
  ["v2 mapped", v2(0x21, 0x21, `${"0".repeat(20)}ffffc0000209${"0".repeat(32)}c73803e1`), "192.0.2.9"],
  ["v2 with TLVs", v2(0x21, 0x11, `${ipv4}0100046d61696c040000`), "192.0.2.9"],
  ["v2 LOCAL", v2(0x20, 0x00, ""), null],
  ["v2 LOCAL with addresses", v2(0x20, 0x11, ipv4), null],
  ["v2 unspecified", v2(0x21, 0x00, "abcd"), null],
]
for (const [what, header, source] of accepted) {
  test(`PROXY header ${what}, whole and byte by byte, leaves what follows`, () => {
    const whole = new ProxyHeaderReader()
    assert.deepEqual(whole.push(Buffer.concat([header, Buffer.from("a1 NOOP")])), { source })
    assert.equal(Buffer.from(whole.rest).toString(), "a1 NOOP")
    const bytewise = new ProxyHeaderReader()
    const results = Array.from(header, (byte) => bytewise.push(Buffer.of(byte)))
    assert.deepEqual(results.pop(), { source })
    assert.ok(results.every((result) => result === null))
  })
}

const refused: [what: string, header: Buffer][] = [
  ["IMAP instead", Buffer.from("a1 NOOP\r\n")],
  ["TLS instead", Buffer.from([0x16, 0x03, 0x01])],
  ["lower case", Buffer.from("proxy TCP4")],
  ["another family", Buffer.from("PROXY UDP4 192.0.2.9 198.51.100.2 51000 993\r\n")],
  ["IPv6 as TCP4", Buffer.from("PROXY TCP4 ::1 ::1 51000 993\r\n")],
  ["IPv4 as TCP6", Buffer.from("PROXY TCP6 192.0.2.9 192.0.2.9 51000 993\r\n")],
  ["a zone", Buffer.from("PROXY TCP6 fe80::1%eth0 ::1 51000 993\r\n")],
  ["an octet of 256", Buffer.from("PROXY TCP4 192.0.2.256 198.51.100.2 51000 993\r\n")],
  ["a leading zero", Buffer.from("PROXY TCP4 192.0.2.9 198.51.100.2 051000 993\r\n")],
  ["a port of 65536", Buffer.from("PROXY TCP4 192.0.2.9 198.51.100.2 65536 993\r\n")],
  ["two spaces", Buffer.from("PROXY TCP4  192.0.2.9 198.51.100.2 51000 993\r\n")],
  ["something at the end", Buffer.from("PROXY TCP4 192.0.2.9 198.51.100.2 51000 993 \r\n")],
  ["no ports", Buffer.from("PROXY TCP4 192.0.2.9 198.51.100.2\r\n")],
  ["no end", Buffer.from(`PROXY UNKNOWN ${"x".repeat(100)}`)],
  ["v2 with a wrong signature", Buffer.from("0d0a0d0a000d0a515549540b", "hex")],
  ["v2 of version 3", v2(0x31, 0x11, ipv4)],
  ["v2 with an unknown command", v2(0x22, 0x11, ipv4)],
  ["v2 over UDP", v2(0x21, 0x12, ipv4)],
  ["v2 from a Unix socket", v2(0x21, 0x31, "00".repeat(216))],
  ["v2 without addresses", v2(0x21, 0x11, "c0000209")],
  ["v2 with a TLV that is cut off", v2(0x21, 0x11, `${ipv4}0100056d61`)],
  ["v2 with half a TLV", v2(0x21, 0x11, `${ipv4}01`)],
  ["v2 that is too long", v2(0x21, 0x11, ipv4, 4000)],
]
for (const [what, header] of refused) {
  test(`PROXY header refused: ${what}, whole and byte by byte`, () => {
    assert.throws(() => new ProxyHeaderReader().push(header), ProxyHeaderError)
    const bytewise = new ProxyHeaderReader()
    assert.throws(() => {
      for (const byte of header) bytewise.push(Buffer.of(byte))
    }, ProxyHeaderError)
  })
}

test("any octets are a header, not yet one, or refused", () => {
  const begin = fc.constantFrom(Buffer.alloc(0), Buffer.from("PROXY "), Buffer.from(signature, "hex"))
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 300 }), (start, bytes) => {
      try {
        new ProxyHeaderReader().push(Buffer.concat([start, bytes]))
      } catch (error) {
        assert.ok(error instanceof ProxyHeaderError)
      }
    }),
  )
})

test("the header is required from configured addresses, before TLS too, and gives the client's address", async (t) => {
  const at = await house(t, { proxy: { proxy_protocol_from: ["127.0.0.0/8"] } })
  const secure = await plainClient(t, at.port.imaps)
  secure.socket.removeAllListeners("data")
  secure.socket.write(v2(0x21, 0x21, ipv6))
  const client = await tlsClient(t, 0, secure.socket)
  assert.match((await client.line()) ?? "", /^\* OK/)
  await client.send("a LOGIN ann tr0ub4dor\r\n")
  assert.match((await client.line()) ?? "", /^a OK/)
  assert.equal(at.asked[0]?.remote, "2001:db8::9")
  const health = await plainClient(t, at.port.imap)
  health.socket.write(v2(0x20, 0x00, ""))
  assert.match((await health.line()) ?? "", /^\* OK/)
  const without = await plainClient(t, at.port.imap)
  await without.send("a1 CAPABILITY\r\n")
  assert.deepEqual(await without.rest(), [])
})

test("the header is only a bad command from everybody else", async (t) => {
  const at = await house(t, { proxy: { proxy_protocol_from: ["192.0.2.0/24"] } })
  const client = await plainClient(t, at.port.imap)
  await client.line()
  await client.send("PROXY TCP4 192.0.2.9 198.51.100.2 51000 993\r\n")
  assert.match((await client.line()) ?? "", /^PROXY BAD/)
})

test("addresses: mapped IPv4 is IPv4, IPv6 counts by /64, loopback is 127/8 and ::1", () => {
  assert.equal(plainAddress("::ffff:192.0.2.9"), "192.0.2.9")
  assert.equal(plainAddress("fe80::1%eth0"), "fe80::1")
  assert.equal(countedAs("192.0.2.9"), "192.0.2.9")
  for (const address of ["2001:db8::1", "2001:db8:0:0:ffff::", "2001:0db8::2:3:4:5"]) {
    assert.equal(countedAs(address), "2001:db8:0:0::/64", address)
  }
  assert.equal(countedAs("::1"), "0:0:0:0::/64")
  assert.ok(isLoopback("127.8.8.8") && isLoopback("::1") && !isLoopback("10.0.0.1") && !isLoopback("2001:db8::1"))
  const networks = new Networks(["192.0.2.0/24", "2001:db8::/32", "10.1.1.1"])
  assert.deepEqual(
    ["192.0.2.200", "192.0.3.1", "2001:db8:1::", "2001:db9::", "10.1.1.1", "10.1.1.2", ""].map((it) =>
      networks.has(it),
    ),
    [true, false, true, false, true, false, false],
  )
  for (const bad of ["192.0.2.0/33", "host", "192.0.2.0/", "::/129"])
    assert.throws(() => new Networks([bad]), /network/)
})

/**
 * The PROXY protocol (HAProxy, "proxy-protocol.txt" of 2020), versions 1 and 2: one header before anything
 * else, in which a load balancer says who the client is. It is read only from configured addresses, which
 * must send it; from everybody else the same octets are just a bad command.
 *
 * ```
 * v1 = "PROXY TCP4 192.0.2.1 198.51.100.2 51000 993" CRLF      at most 107 octets; or TCP6, UNKNOWN
 * v2 = 12 octets of signature
 *      version and command   %x20 LOCAL / %x21 PROXY
 *      family and transport  %x11 TCP over IPv4 / %x21 TCP over IPv6 / %x00 unspecified
 *      length                u16, big-endian, of what follows: addresses and ports, then TLVs
 * ```
 */
import { isIPv4, isIPv6 } from "node:net"
import { plainAddress } from "./addresses.ts"

/** `source` is null where the header names nobody (UNKNOWN, LOCAL): the peer speaks for itself. */
export type ProxyHeader = { source: string | null }

/** Octets that are not a PROXY header. */
export class ProxyHeaderError extends Error {
  constructor(why: string) {
    super(`PROXY header: ${why}`)
    this.name = "ProxyHeaderError"
  }
}

const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex")
const maxLineBytes = 107
const fixedBytes = 16
/** Addresses take 36; the rest is room for TLVs (a certificate's name, an ALPN), which are skipped. */
const maxTailBytes = 2048

/** Reads one header from chunks of any size and keeps what follows it. */
export class ProxyHeaderReader {
  #held: Buffer = Buffer.alloc(0)
  #rest: Uint8Array = new Uint8Array(0)

  /** Octets after the header. */
  get rest(): Uint8Array {
    return this.#rest
  }

  /** The header once it is complete, else null. @throws ProxyHeaderError as soon as it cannot become one */
  push(chunk: Uint8Array): ProxyHeader | null {
    // A header is complete or refused after maxTailBytes + 16 octets, so this does not grow.
    this.#held = Buffer.concat([this.#held, chunk])
    const found = this.#held[0] === signature[0] ? binaryHeader(this.#held) : textHeader(this.#held)
    if (found === null) return null
    this.#rest = Uint8Array.from(this.#held.subarray(found.bytes))
    this.#held.fill(0)
    return { source: found.source }
  }
}

type Found = ProxyHeader & { bytes: number }

const begin = Buffer.from("PROXY ")

function textHeader(held: Buffer): Found | null {
  const seen = Math.min(held.length, begin.length)
  if (!held.subarray(0, seen).equals(begin.subarray(0, seen))) throw new ProxyHeaderError("missing")
  const lineEnd = held.subarray(0, maxLineBytes).indexOf("\r\n")
  if (lineEnd === -1) {
    if (held.length >= maxLineBytes) throw new ProxyHeaderError("line is too long")
    return null
  }
  return { source: textSource(held.toString("latin1", begin.length, lineEnd)), bytes: lineEnd + 2 }
}

function textSource(line: string): string | null {
  // UNKNOWN may be followed by anything, which is to be ignored.
  if (line === "UNKNOWN" || line.startsWith("UNKNOWN ")) return null
  const [family, source = "", target = "", sourcePort = "", targetPort = "", ...more] = line.split(" ")
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isPlainIPv6 : null
  if (isAddress === null) throw new ProxyHeaderError("unknown family")
  if (!isAddress(source) || !isAddress(target)) throw new ProxyHeaderError("bad address")
  if (!isPort(sourcePort) || !isPort(targetPort) || more.length > 0) throw new ProxyHeaderError("bad port")
  return plainAddress(source)
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes("%")
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function binaryHeader(held: Buffer): Found | null {
  const seen = Math.min(held.length, signature.length)
  if (!held.subarray(0, seen).equals(signature.subarray(0, seen))) throw new ProxyHeaderError("bad signature")
  if (held.length < fixedBytes) return null
  const command = held.readUInt8(12)
  const family = held.readUInt8(13)
  const length = held.readUInt16BE(14)
  if (command !== 0x20 && command !== 0x21) throw new ProxyHeaderError("unknown version or command")
  if (length > maxTailBytes) throw new ProxyHeaderError("too long")
  if (held.length < fixedBytes + length) return null
  const tail = held.subarray(fixedBytes, fixedBytes + length)
  // LOCAL is the balancer itself, for example its health check; family and addresses mean nothing then.
  const source = command === 0x20 ? null : binarySource(family, tail)
  return { source, bytes: fixedBytes + length }
}

function binarySource(family: number, tail: Buffer): string | null {
  if (family === 0x00) return null
  if (family !== 0x11 && family !== 0x21) throw new ProxyHeaderError("not TCP")
  const size = family === 0x11 ? 4 : 16
  const addresses = 2 * size + 4
  if (tail.length < addresses) throw new ProxyHeaderError("addresses are cut off")
  checkTlvs(tail.subarray(addresses))
  const address = tail.subarray(0, size)
  return family === 0x11 ? Array.from(address).join(".") : ipv6Text(address)
}

/** type (1), length (2, big-endian), value: they must fill the rest exactly; none of them is used. */
function checkTlvs(rest: Buffer): void {
  for (let at = 0; at < rest.length; ) {
    if (rest.length - at < 3) throw new ProxyHeaderError("TLV is cut off")
    at += 3 + rest.readUInt16BE(at + 1)
    if (at > rest.length) throw new ProxyHeaderError("TLV is cut off")
  }
}

function ipv6Text(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(2 * index).toString(16))
  // The URL parser writes the shortest form (RFC 5952), so that one client always has one name.
  const shortest = new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(shortest)
  return mapped === null ? shortest : Array.from(address.subarray(12)).join(".")
}

import { isIP } from "node:net"

/**
 * Under which name an address is counted: an IPv4 address as it is, an IPv6 address as its /64, because
 * whoever has one address of a /64 usually has all of them.
 */
export function countedAs(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = "", tail] = address.toLowerCase().split("::")
  const groups = head === "" ? [] : head.split(":")
  const after = tail === undefined || tail === "" ? [] : tail.split(":")
  if (tail !== undefined) while (groups.length + after.length < 8) groups.push("0")
  const first = [...groups, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""))
  return `${first.join(":")}::/64`
}

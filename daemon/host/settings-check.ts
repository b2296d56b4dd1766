import { isIP } from "node:net"
import { join } from "node:path"
import type { KeyPath } from "./key-lines.ts"
import { pathsOf } from "./paths.ts"
import type { Settings } from "./settings.ts"

/** What is wrong at one place of the document. */
export type Problem = { path: KeyPath; text: string }

/** `sun_path` of a Unix socket has 108 bytes on Linux, the last of which is NUL. */
const maxSocketPath = 107
/** Workers' sockets are named by 16 hexadecimal digits. */
const workerSocket = `${"0".repeat(16)}.sock`

/** What is wrong with settings of which each is fine by itself. */
export function contradictions(settings: Settings): Problem[] {
  return [
    ...socketPaths(settings),
    ...ports(settings),
    ...sameAddressTwice(settings),
    ...networks(settings),
    ...sizes(settings),
  ]
}

function socketPaths(settings: Settings): Problem[] {
  const paths = pathsOf(settings)
  const sockets: [path: Problem["path"], socket: string][] = [
    [["data_dir"], join(paths.workers, workerSocket)],
    [["data_dir"], paths.control],
    [["admin", "socket"], paths.admin],
    ...listeners(settings)
      .filter(({ address }) => address.includes("/"))
      .map(({ path, address }): [Problem["path"], string] => [path, paths.under(address)]),
  ]
  return sockets
    .filter(([, socket]) => Buffer.byteLength(socket) > maxSocketPath)
    .map(([path, socket]) => ({
      path,
      text: `expected a shorter path: the socket ${socket} has ${Buffer.byteLength(socket)} bytes, and a Unix socket may have ${maxSocketPath}`,
    }))
}

type Listener = { path: Problem["path"]; address: string }

function listeners(settings: Settings): Listener[] {
  const list = (section: string, key: string, addresses: string[]) =>
    addresses.map((address, index) => ({ path: [section, key, index], address }))
  return [
    ...list("proxy", "imaps", settings.proxy.imaps),
    ...list("proxy", "imap", settings.proxy.imap),
    ...list("spool", "lmtp", settings.spool.lmtp),
  ]
}

function ports(settings: Settings): Problem[] {
  return listeners(settings)
    .filter(({ address }) => !address.includes("/") && Number(address.slice(address.lastIndexOf(":") + 1)) > 65_535)
    .map(({ path, address }) => ({ path, text: `expected a port of at most 65535, not ${JSON.stringify(address)}` }))
}

/** Port 0 asks the system for any free port, so it may stand more than once. */
function sameAddressTwice(settings: Settings): Problem[] {
  const seen = new Set<string>()
  return listeners(settings).flatMap(({ path, address }) => {
    const again = seen.has(address) && !address.endsWith(":0")
    seen.add(address)
    return again ? [{ path, text: `expected an address that is not used twice, not ${JSON.stringify(address)}` }] : []
  })
}

function networks(settings: Settings): Problem[] {
  return settings.proxy.proxy_protocol_from.flatMap((text, index) => {
    if (isNetwork(text)) return []
    const expected = 'expected an IP address or a network like "10.0.0.0/8" or "2001:db8::/32"'
    return [{ path: ["proxy", "proxy_protocol_from", index], text: `${expected}, not ${JSON.stringify(text)}` }]
  })
}

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/")
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}

function sizes({ imap }: Settings): Problem[] {
  const largest = Math.max(imap.max_line_bytes, imap.max_literal_bytes)
  if (imap.max_command_bytes >= largest) return []
  const text = `expected at least imap.max_line_bytes and imap.max_literal_bytes (${largest}), not ${imap.max_command_bytes}`
  return [{ path: ["imap", "max_command_bytes"], text }]
}

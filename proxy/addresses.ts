import { BlockList, isIP, isIPv4 } from "node:net"

/** `::ffff:192.0.2.1` is the same client as `192.0.2.1`; a zone is of this host only. */
export function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/, "")
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  return mapped !== undefined && isIPv4(mapped) ? mapped : bare
}

/** Whether a client is on this machine; a Unix socket (empty address) is. */
export function isLoopback(address: string): boolean {
  return address === "" || address === "::1" || (isIPv4(address) && address.startsWith("127."))
}

/** A list of addresses and CIDR networks, of either family. */
export class Networks {
  readonly #list = new BlockList()

  /** @throws Error that names the entry which is neither */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry)
  }

  has(address: string): boolean {
    const version = isIP(address)
    return version !== 0 && this.#list.check(address, version === 4 ? "ipv4" : "ipv6")
  }

  #add(entry: string): void {
    const [, address = "", digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const version = isIP(address)
    const most = version === 4 ? 32 : 128
    const prefix = digits === undefined ? most : Number(digits)
    if (version === 0 || prefix > most) throw new Error(`proxy_protocol_from: "${entry}" is not an address or network`)
    this.#list.addSubnet(address, prefix, version === 4 ? "ipv4" : "ipv6")
  }
}

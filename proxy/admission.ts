import { countedAs } from "../daemon/host/addresses.ts"

/** How many over the limit are still told so; past that they are dropped without a word. */
const politeExcess = 64

/** Counts connections, in all and by client address. */
export class Admission {
  readonly #most: number
  readonly #mostPerAddress: number
  readonly #byAddress = new Map<string, number>()
  #total = 0

  constructor(limits: { max_connections: number; max_connections_per_address: number }) {
    this.#most = limits.max_connections
    this.#mostPerAddress = limits.max_connections_per_address
  }

  /** At accept. `flooded`: not even worth a reply. Call `leave` in the end in any case. */
  arrive(): { flooded: boolean; full: boolean; leave: () => void } {
    this.#total += 1
    const leave = once(() => {
      this.#total -= 1
    })
    return { flooded: this.#total > this.#most + politeExcess, full: this.#total > this.#most, leave }
  }

  /** When the client's address is known. Null: too many from there; else the function to call when it leaves. */
  enter(address: string): (() => void) | null {
    const name = countedAs(address)
    const count = (this.#byAddress.get(name) ?? 0) + 1
    if (count > this.#mostPerAddress) return null
    this.#byAddress.set(name, count)
    return once(() => this.#left(name))
  }

  #left(name: string): void {
    const left = (this.#byAddress.get(name) ?? 0) - 1
    if (left > 0) this.#byAddress.set(name, left)
    else this.#byAddress.delete(name)
  }
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}

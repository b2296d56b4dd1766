import { randomBytes } from "node:crypto"

/**
 * ULIDs: 48 bits of milliseconds and 80 random bits, 26 characters of Crockford's base32, upper case. They
 * sort by time as text, which makes the name of a spool file its place in the queue.
 */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const timeCharacters = 10
const randomBits = 80n
const pattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** True for what `UlidSource.next` gives: nothing else is ever used as a file name. */
export function isUlid(text: string): boolean {
  return pattern.test(text)
}

/** The milliseconds since the epoch that a ULID begins with. */
export function timeOf(ulid: string): number {
  let time = 0
  for (const character of ulid.slice(0, timeCharacters)) time = time * 32 + alphabet.indexOf(character)
  return time
}

/** Strictly ascending within one process, also when the clock is set back. */
export class UlidSource {
  readonly #now: () => number
  #time = 0
  #random = 0n

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  next(): string {
    const now = this.#now()
    if (now > this.#time) this.#begin(now)
    else this.#random += 1n
    return encode(BigInt(this.#time), 10) + encode(this.#random, 16)
  }

  /** The top bit stays free, so that counting up within one millisecond cannot overflow. */
  #begin(now: number): void {
    this.#time = now
    this.#random = BigInt(`0x${randomBytes(Number(randomBits) / 8).toString("hex")}`) >> 1n
  }
}

function encode(value: bigint, characters: number): string {
  let text = ""
  for (let rest = value; text.length < characters; rest >>= 5n) text = (alphabet[Number(rest & 31n)] ?? "") + text
  return text
}

/** Decoder of one body, fed in pieces of any size. */
export interface TransferDecoder {
  write(bytes: Uint8Array): Uint8Array
  /** What was still undecided. */
  end(): Uint8Array
  /** Another one that goes on from here. */
  fork(): TransferDecoder
}

const identity: TransferDecoder = { write: (bytes) => bytes, end: () => nothing, fork: () => identity }

/** The decoder of a Content-Transfer-Encoding (RFC 2045 §6); for 7bit, 8bit, binary and unknown ones the octets themselves. */
export function transferDecoder(encoding: string): TransferDecoder {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return new Base64Decoder()
    case "quoted-printable":
      return new QuotedPrintableDecoder()
    default:
      return identity
  }
}

/** A whole body at once. */
export function decodeTransfer(bytes: Uint8Array, encoding: string): Uint8Array {
  const decoder = transferDecoder(encoding)
  const head = decoder.write(bytes)
  const tail = decoder.end()
  return tail.length === 0 ? head : Buffer.concat([head, tail])
}

const nothing = new Uint8Array(0)
const [TAB, LF, CR, SPACE, EQUALS] = [9, 10, 13, 32, 61]

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const sextets = new Int8Array(256).fill(-1)
for (let value = 0; value < 64; value++) sextets[alphabet.charCodeAt(value)] = value

/**
 * RFC 2045 §6.8: octets outside the alphabet are ignored. Padding ends a group, not the body, because
 * senders join encoded pieces; a group of one octet is dropped.
 */
class Base64Decoder implements TransferDecoder {
  #bits = 0
  #sextets = 0

  write(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(Math.ceil((bytes.length * 3) / 4) + 3)
    let length = 0
    for (let at = 0; at < bytes.length; at++) {
      const octet = bytes[at] ?? 0
      const value = sextets[octet] ?? -1
      if (value >= 0) {
        this.#bits = (this.#bits << 6) | value
        if (++this.#sextets === 4) length = this.#flush(out, length)
      } else if (octet === EQUALS) length = this.#flush(out, length)
    }
    return out.subarray(0, length)
  }

  end(): Uint8Array {
    const out = new Uint8Array(3)
    return out.subarray(0, this.#flush(out, 0))
  }

  fork(): TransferDecoder {
    const forked = new Base64Decoder()
    forked.#bits = this.#bits
    forked.#sextets = this.#sextets
    return forked
  }

  #flush(out: Uint8Array, length: number): number {
    const have = this.#sextets
    const bits = this.#bits << ((4 - have) * 6)
    this.#bits = 0
    this.#sextets = 0
    if (have < 2) return length
    out[length++] = (bits >> 16) & 0xff
    if (have > 2) out[length++] = (bits >> 8) & 0xff
    if (have > 3) out[length++] = bits & 0xff
    return length
  }
}

/** White space longer than this is not held back to see whether the line ends after it. */
const longestBlank = 1000

/**
 * RFC 2045 §6.7, robust as it asks: what is not =XX stays as written, white space before a line end goes,
 * a soft break may end with CRLF or LF and have white space before it. `#held` is text that may yet turn out
 * to be one of these: "=", "=X", "=" WSP*, WSP*, each with an optional CR behind the white space.
 */
class QuotedPrintableDecoder implements TransferDecoder {
  #held: number[] = []
  #out = new Uint8Array(0)
  #length = 0

  write(bytes: Uint8Array): Uint8Array {
    this.#out = new Uint8Array(bytes.length + this.#held.length)
    this.#length = 0
    for (let at = 0; at < bytes.length; at++) {
      const octet = bytes[at] ?? 0
      if (this.#held.length > 0) this.#decide(octet)
      else if (octet === EQUALS || octet === SPACE || octet === TAB) this.#held.push(octet)
      else this.#out[this.#length++] = octet
    }
    return this.#out.subarray(0, this.#length)
  }

  /** White space at the very end is trailing; a lone "=" there is a soft break. */
  end(): Uint8Array {
    const held = this.#held
    this.#held = []
    const isBlank = held.every((octet) => octet === SPACE || octet === TAB || octet === EQUALS)
    return isBlank ? nothing : Uint8Array.from(held)
  }

  fork(): TransferDecoder {
    const forked = new QuotedPrintableDecoder()
    forked.#held = [...this.#held]
    return forked
  }

  #decide(octet: number): void {
    const held = this.#held
    const first = held[0]
    const last = held[held.length - 1]
    if (octet === LF) this.#lineEnds()
    else if (last === CR) this.#asWritten(octet)
    else if (octet === CR && (held.length === 1 || last === SPACE || last === TAB)) held.push(octet)
    else if (octet === SPACE || octet === TAB) this.#blank(octet)
    else if (first === EQUALS && held.length === 1 && hexValue(octet) >= 0) held.push(octet)
    else if (first === EQUALS && held.length === 2 && hexValue(last) >= 0 && hexValue(octet) >= 0) {
      this.#out[this.#length++] = hexValue(last) * 16 + hexValue(octet)
      held.length = 0
    } else this.#asWritten(octet)
  }

  /** A soft break leaves nothing; a hard one loses the white space before it. */
  #lineEnds(): void {
    const held = this.#held
    const hexBegun = held[0] === EQUALS && hexValue(held[1]) >= 0
    if (hexBegun) this.#release()
    else if (held[0] !== EQUALS) {
      if (held[held.length - 1] === CR) this.#out[this.#length++] = CR
    }
    if (hexBegun || held[0] !== EQUALS) this.#out[this.#length++] = LF
    held.length = 0
  }

  #blank(octet: number): void {
    const held = this.#held
    const hexBegun = held[0] === EQUALS && hexValue(held[1]) >= 0
    if (hexBegun || held.length >= longestBlank) this.#release()
    held.push(octet)
  }

  /** The held octets were plain text; the new one may begin something. */
  #asWritten(octet: number): void {
    this.#release()
    if (octet === EQUALS || octet === SPACE || octet === TAB) this.#held.push(octet)
    else this.#out[this.#length++] = octet
  }

  #release(): void {
    for (const octet of this.#held) this.#out[this.#length++] = octet
    this.#held.length = 0
  }
}

function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1
  if (octet >= 48 && octet <= 57) return octet - 48
  const upper = octet & 0xdf
  return upper >= 65 && upper <= 70 ? upper - 55 : -1
}

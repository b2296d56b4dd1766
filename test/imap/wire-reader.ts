/**
 * A reader of what a server sends, written without any of the code under test: parenthesised lists of
 * strings, literals, numbers, NIL. It throws on anything a client could stumble over.
 */
export type Value = null | number | string | Value[]

export function readValues(wire: Uint8Array): Value[] {
  const reader = new WireReader(wire)
  const values: Value[] = []
  while (!reader.atEnd) values.push(reader.value())
  return values
}

/** One value and nothing behind it. */
export function readValue(wire: Uint8Array): Value {
  const values = readValues(wire)
  if (values.length !== 1) throw new Error(`${values.length} values`)
  return values[0] ?? null
}

/**
 * `* n FETCH (…)` without its line end: the values by their names. Octets of a message may hold NUL, as
 * docs/imap.md says; all other literals may not.
 */
export function readFetch(wire: Uint8Array): Map<string, Value> {
  const reader = new WireReader(wire)
  reader.expect(/\* [1-9]\d* FETCH \(/)
  const items = new Map<string, Value>()
  do {
    const name = reader.expect(/[A-Z][A-Z0-9.]*(?:\[[^\]\r\n]*\](?:<\d+>)?)?(?= )/)
    reader.expect(/ /)
    if (items.has(name)) reader.fail(`${name} twice`)
    items.set(name, reader.value(/^(BODY\[|BINARY\[|RFC822)/.test(name)))
  } while (reader.match(/ /) !== null)
  reader.expect(/\)/)
  if (!reader.atEnd) reader.fail("something behind the list")
  return items
}

class WireReader {
  readonly #text: string
  #at = 0

  constructor(wire: Uint8Array) {
    this.#text = Buffer.from(wire).toString("latin1")
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  fail(why: string): never {
    const near = this.#text.slice(Math.max(0, this.#at - 20), this.#at + 20)
    throw new Error(`${why} at ${this.#at} in ${JSON.stringify(near)}`)
  }

  match(pattern: RegExp): string | null {
    const sticky = new RegExp(pattern, "y")
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#text)
    if (found === null) return null
    this.#at = sticky.lastIndex
    return found[0]
  }

  expect(pattern: RegExp): string {
    return this.match(pattern) ?? this.fail(`no ${pattern}`)
  }

  /** `octets`: a literal may hold NUL, and be a literal8 (RFC 3516 §4.3). */
  value(octets = false): Value {
    const quoted = this.match(/"(?:[^"\\\0\r\n\x80-\xff]|\\["\\])*"/)
    if (quoted !== null) return quoted.slice(1, -1).replace(/\\(.)/g, "$1")
    if (octets && this.match(/~(?=\{)/) !== null) return this.#literal(true)
    if (this.#text[this.#at] === "{") return this.#literal(octets)
    const number = this.match(/(?:0|[1-9]\d{0,9})(?=[ )]|$)/)
    if (number !== null) return Number(number)
    if (this.match(/NIL(?=[ )]|$)/) !== null) return null
    if (this.match(/\(/) !== null) return this.#list()
    return this.fail("no value")
  }

  #literal(mayHoldNul: boolean): string {
    const size = Number.parseInt(this.expect(/\{\d+\}\r\n/).slice(1), 10)
    const octets = this.#text.slice(this.#at, this.#at + size)
    this.#at += octets.length
    if (octets.length !== size || (!mayHoldNul && octets.includes("\0"))) this.fail("bad literal")
    return octets
  }

  /** Behind "(": values with one space between them; bodies and addresses stand without a space. */
  #list(): Value[] {
    const items = [this.value()]
    while (this.match(/\)/) === null) {
      const space = this.match(/ /) !== null
      if (!space && (this.#text[this.#at] !== "(" || !Array.isArray(items.at(-1)))) this.fail("no SP")
      items.push(this.value())
    }
    return items
  }
}

/**
 * A reader of what a server sends, written without any of the code under test: parenthesised lists of
 * strings, literals, numbers, NIL. It throws on anything a client could stumble over.
 */
export type Value = null | number | string | Value[]

export function readValues(wire: Uint8Array): Value[] {
  const text = Buffer.from(wire).toString("latin1")
  let at = 0
  const fail = (why: string): never => {
    throw new Error(`${why} at ${at} in ${JSON.stringify(text.slice(Math.max(0, at - 20), at + 20))}`)
  }

  function match(pattern: RegExp): string | null {
    const sticky = new RegExp(pattern, "y")
    sticky.lastIndex = at
    const found = sticky.exec(text)
    if (found === null) return null
    at = sticky.lastIndex
    return found[0]
  }

  function value(): Value {
    const quoted = match(/"(?:[^"\\\0\r\n\x80-\xff]|\\["\\])*"/)
    if (quoted !== null) return quoted.slice(1, -1).replace(/\\(.)/g, "$1")
    if (text[at] === "{") return literal()
    const number = match(/(?:0|[1-9]\d{0,9})(?=[ )]|$)/)
    if (number !== null) return Number(number)
    if (match(/NIL(?=[ )]|$)/) !== null) return null
    if (match(/\(/) !== null) return list()
    return fail("no value")
  }

  function literal(): string {
    const size = match(/\{\d+\}\r\n/) ?? fail("no literal")
    const octets = text.slice(at, at + Number.parseInt(size.slice(1), 10))
    at += octets.length
    if (octets.length !== Number.parseInt(size.slice(1), 10) || octets.includes("\0")) fail("bad literal")
    return octets
  }

  /** Behind "(": values with one space between them; bodies and addresses stand without a space. */
  function list(): Value[] {
    const items = [value()]
    while (match(/\)/) === null) {
      const space = match(/ /) !== null
      if (!space && (text[at] !== "(" || !Array.isArray(items.at(-1)))) fail("no SP")
      items.push(value())
    }
    return items
  }

  const values: Value[] = []
  while (at < text.length) values.push(value())
  return values
}

/** One value and nothing behind it. */
export function readValue(wire: Uint8Array): Value {
  const values = readValues(wire)
  if (values.length !== 1) throw new Error(`${values.length} values`)
  return values[0] ?? null
}

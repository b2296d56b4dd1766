/**
 * Where each key of a TOML document stands, because the parser gives lines for syntax errors only. The
 * document has been parsed before, so it is known to be sound; this reads no more of the grammar
 * (TOML 1.0.0) than is needed to tell keys, brackets, strings and comments apart.
 *
 * Keys are paths: table headers, dotted and quoted keys, inline tables, and indexes of arrays and of arrays
 * of tables are all resolved to one form, `["proxy", "imaps", 0]`.
 */
export type KeyPath = readonly (string | number)[]

/** Line numbers, beginning at 1, by path. */
export class KeyLines {
  readonly #lines = new Map<string, number>()

  constructor(toml: string) {
    new Scanner(toml, (path, line) => {
      const key = JSON.stringify(path)
      if (!this.#lines.has(key)) this.#lines.set(key, line)
    }).document()
  }

  /** The line of the path, or of the nearest thing around it that is written in the document; 1 when nothing is. */
  of(path: KeyPath): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(JSON.stringify(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return 1
  }
}

type Found = (path: KeyPath, line: number) => void

const space = /[ \t]*/y
/** Between the values of an array, and, as TOML 1.1 allows, the pairs of an inline table. */
const gap = /(?:[ \t\r\n]|#[^\n]*)*/y
const bareKey = /[A-Za-z0-9_-]+/y
const basic = /"(?:[^"\\\n]|\\.)*"/y
const literal = /'[^'\n]*'/y
/** Up to two quotation marks may stand before the closing three. */
const longBasic = /"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}/y
const longLiteral = /'''(?:[^']|'{1,2}(?!'))*'{3,5}/y
const scalar = /[^,\]}#\r\n]+/y

class Scanner {
  readonly #toml: string
  readonly #found: Found
  readonly #tables = new Map<string, number>()
  #at = 0
  #line = 1
  #counted = 0

  constructor(toml: string, found: Found) {
    this.#toml = toml
    this.#found = found
  }

  document(): void {
    let table: KeyPath = []
    for (this.#take(gap); this.#at < this.#toml.length; this.#take(gap)) {
      if (this.#peek() === "[") table = this.#header()
      else this.#pair(table)
    }
  }

  /** `[a.b]` or `[[a.b]]` */
  #header(): KeyPath {
    const line = this.#here()
    const many = this.#toml.startsWith("[[", this.#at)
    this.#at += many ? 2 : 1
    const keys = this.#key()
    this.#at += many ? 2 : 1
    const path = this.#insideLast(many ? keys.slice(0, -1) : keys)
    const whole = many ? this.#another([...path, keys.at(-1) ?? ""]) : path
    for (let length = 1; length <= whole.length; length++) this.#found(whole.slice(0, length), line)
    return whole
  }

  /** Names below an array of tables belong to its last element. */
  #insideLast(keys: string[]): KeyPath {
    const path: (string | number)[] = []
    for (const key of keys) {
      path.push(key)
      const elements = this.#tables.get(JSON.stringify(path))
      if (elements !== undefined) path.push(elements - 1)
    }
    return path
  }

  #another(path: KeyPath): KeyPath {
    const name = JSON.stringify(path)
    const index = this.#tables.get(name) ?? 0
    this.#tables.set(name, index + 1)
    return [...path, index]
  }

  /** `key = value`; all prefixes of a dotted key stand on this line, too. */
  #pair(table: KeyPath): void {
    const line = this.#here()
    const keys = this.#key()
    for (let length = 1; length <= keys.length; length++) this.#found([...table, ...keys.slice(0, length)], line)
    this.#at++ // =
    this.#take(space)
    this.#value([...table, ...keys])
  }

  #key(): string[] {
    const keys: string[] = []
    for (;;) {
      this.#take(space)
      keys.push(this.#simpleKey())
      this.#take(space)
      if (this.#peek() !== ".") return keys
      this.#at++
    }
  }

  #simpleKey(): string {
    const quoted = this.#take(literal)
    if (quoted !== "") return quoted.slice(1, -1)
    const escaped = this.#take(basic)
    if (escaped !== "") return unescaped(escaped)
    return this.#expect(bareKey)
  }

  #value(path: KeyPath): void {
    const next = this.#peek()
    if (next === "[") this.#list("]", (index) => this.#element([...path, index]))
    else if (next === "{") this.#list("}", () => this.#pair(path))
    else if (next === '"') this.#take(longBasic) || this.#expect(basic)
    else if (next === "'") this.#take(longLiteral) || this.#expect(literal)
    else this.#expect(scalar)
  }

  #element(path: KeyPath): void {
    this.#found(path, this.#here())
    this.#value(path)
  }

  #list(end: string, item: (index: number) => void): void {
    this.#at++
    for (let index = 0; ; index++) {
      this.#take(gap)
      if (this.#peek() === end) break
      item(index)
      this.#take(gap)
      if (this.#peek() !== ",") break
      this.#at++
    }
    this.#at++
  }

  #peek(): string {
    return this.#toml.charAt(this.#at)
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#toml)?.[0] ?? ""
    this.#at += text.length
    return text
  }

  /** What a sound document has here; without it the scanner would stand still. */
  #expect(pattern: RegExp): string {
    const text = this.#take(pattern)
    if (text === "") throw new Error(`line ${this.#here()}: the configuration cannot be read`)
    return text
  }

  #here(): number {
    for (; this.#counted < this.#at; this.#counted++) if (this.#toml[this.#counted] === "\n") this.#line++
    return this.#line
  }
}

/** Escapes of a basic string that a key may have (TOML 1.0.0, "String"). */
function unescaped(quoted: string): string {
  return quoted
    .slice(1, -1)
    .replace(/\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))/g, (_, four, eight, two, one) => {
      const hex: string | undefined = four ?? eight ?? two
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      return short[one] ?? one
    })
}

const short: Record<string, string> = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\u001b" }

import { decodeEntities } from "./entities.ts"

/** Elements whose content is not text for a reader. */
const hidden = new Set(["script", "style", "title", "template", "noembed", "noframes"])

/** Elements that begin and end a line. */
const blocks = new Set(
  "address article aside blockquote body br caption center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol option p pre section table tbody tfoot thead tr ul".split(
    " ",
  ),
)

/** Elements next to each other whose texts are apart. */
const cells = new Set(["td", "th", "img", "button", "input", "select"])

/**
 * The text of an HTML page as a reader sees it, near enough for search and previews: tags, comments, scripts
 * and style sheets removed, character references decoded, white space collapsed, blocks on lines of their own.
 * One pass, linear whatever the input.
 */
export function* textOfHtml(html: string): Generator<void, string> {
  return yield* new HtmlScanner(html).text()
}

/** Characters of a page that are read at one go, and lines that are put in order. */
const [charactersAtOnce, linesAtOnce] = [32_768, 1024]

/** `&CounterClockwiseContourIntegral;` is the longest name of a character. */
const longestReference = 40

class HtmlScanner {
  readonly #html: string
  #at = 0
  #out = ""
  /** Quotes that are known not to occur any more, so that nobody looks for them again. */
  readonly #exhausted = new Set<string>()

  constructor(html: string) {
    this.#html = html
  }

  *text(): Generator<void, string> {
    for (let pauseAt = charactersAtOnce; this.#at < this.#html.length; ) {
      if (this.#at >= pauseAt) {
        pauseAt = this.#at + charactersAtOnce
        yield
      }
      const open = this.#html.indexOf("<", this.#at)
      const end = this.#endOfCharacters(open === -1 ? this.#html.length : open)
      if (end > this.#at) this.#characters(this.#html.slice(this.#at, end))
      this.#at = end
      if (end === open) this.#markup()
    }
    return yield* tidy(this.#out)
  }

  /** A long text is cut, but not within a character reference. */
  #endOfCharacters(end: number): number {
    const cut = this.#at + charactersAtOnce
    if (end <= cut) return end
    const reference = this.#html.lastIndexOf("&", cut)
    return reference > this.#at && cut - reference < longestReference ? reference : cut
  }

  #characters(raw: string): void {
    this.#out += decodeEntities(raw.replace(/[ \t\r\n\f\0]+/g, " "))
  }

  #markup(): void {
    const next = this.#html.charCodeAt(this.#at + 1)
    const isName = isLetter(next)
    if (this.#html.startsWith("<!--", this.#at)) this.#skipPast("-->", 4)
    else if (next === 33 || next === 63)
      this.#skipPast(">", 2) // <!DOCTYPE …>, <?xml …>
    else if (isName || (next === 47 && isLetter(this.#html.charCodeAt(this.#at + 2)))) this.#tag(isName)
    else {
      this.#out += "<"
      this.#at++
    }
  }

  #skipPast(mark: string, from: number): void {
    const found = this.#html.indexOf(mark, this.#at + from)
    this.#at = found === -1 ? this.#html.length : found + mark.length
  }

  #tag(opening: boolean): void {
    const from = this.#at + (opening ? 1 : 2)
    let to = from
    while (isNameCode(this.#html.charCodeAt(to)) && to < from + 20) to++
    const name = this.#html.slice(from, to).toLowerCase()
    this.#at = to
    this.#attributes()
    if (blocks.has(name)) this.#out += "\n"
    else if (cells.has(name)) this.#out += " "
    if (opening && hidden.has(name)) this.#skipContent(name)
  }

  /** Up to the ">" that is not inside a quoted value; an open quote is a character like others. */
  #attributes(): void {
    const html = this.#html
    let afterEquals = false
    for (; this.#at < html.length; this.#at++) {
      const char = html.charAt(this.#at)
      if (char === ">") break
      if (afterEquals && (char === '"' || char === "'")) this.#quoted(char)
      if (char === "=") afterEquals = true
      else if (char > " ") afterEquals = false
    }
    this.#at++
  }

  #quoted(quote: string): void {
    if (this.#exhausted.has(quote)) return
    const close = this.#html.indexOf(quote, this.#at + 1)
    if (close === -1) this.#exhausted.add(quote)
    else this.#at = close
  }

  #skipContent(name: string): void {
    const close = new RegExp(`</${name}[^a-z0-9]`, "gi")
    close.lastIndex = this.#at
    this.#at = close.exec(this.#html)?.index ?? this.#html.length
  }
}

function isLetter(code: number): boolean {
  const lower = code | 32
  return lower >= 97 && lower <= 122
}

function isNameCode(code: number): boolean {
  return isLetter(code) || (code >= 48 && code <= 57)
}

/** No blanks at line ends, no empty lines. */
function* tidy(text: string): Generator<void, string> {
  const lines: string[] = []
  for (const [index, line] of text.split("\n").entries()) {
    if (index % linesAtOnce === 0) yield
    const trimmed = line.trim()
    if (trimmed !== "") lines.push(trimmed.includes("  ") ? trimmed.replace(/ {2,}/g, " ") : trimmed)
  }
  return lines.join("\n")
}

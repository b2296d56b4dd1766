import { MessageParser } from "../../message/parser.ts"
import type { Store } from "../../store/store.ts"
import { ended } from "../ingest.ts"
import type { Pace } from "../pace.ts"
import { type FoldedText, folded } from "./folded-text.ts"

/** What the octets of a message give. */
type Whole = { header: FoldedText; body: FoldedText }

/**
 * What is read for a search when the text that was stored does not hold all of a message: sixteen times as
 * much. A message with more text than that is searched this far.
 */
const wholeLimits = { textBytes: 134_217_728, textCharacters: 33_554_432 }

/** The text of the message at hand, for as many keys as ask for it. */
export class SearchTexts {
  readonly #contents: Store["contents"]
  readonly #pace: Pace
  #header: { content: number; text: FoldedText | Promise<FoldedText> } | null = null
  #body: { content: number; body: FoldedText | Promise<FoldedText>; complete: boolean } | null = null
  #whole: { content: number; text: Promise<Whole> } | null = null

  constructor(contents: Store["contents"], pace: Pace) {
    this.#contents = contents
    this.#pace = pace
  }

  /** Its header fields, as stored when it came in. */
  header(content: number): FoldedText | Promise<FoldedText> {
    if (this.#header?.content !== content) {
      this.#header = { content, text: folded(this.#contents.words.header(content), this.#pace) }
    }
    return this.#header.text
  }

  /** Its parts, as stored when it came in; not `complete` when they were cut at the parser's limit. */
  body(content: number): { body: FoldedText | Promise<FoldedText>; complete: boolean } {
    if (this.#body?.content !== content) {
      const { text, complete } = this.#contents.words.body(content)
      this.#body = { content, body: folded(text, this.#pace), complete }
    }
    return this.#body
  }

  /** From the octets of the message. @throws ClientGone */
  whole(content: number): Promise<Whole> {
    if (this.#whole?.content !== content) this.#whole = { content, text: this.#parse(content) }
    return this.#whole.text
  }

  async #parse(content: number): Promise<Whole> {
    const parser = new MessageParser(wholeLimits)
    for (const piece of this.#contents.read(content, 0, Number.MAX_SAFE_INTEGER)) {
      parser.push(piece)
      await this.#pace.rest()
    }
    const { headerText, bodyText } = await ended(parser, this.#pace)
    return { header: await folded(headerText, this.#pace), body: await folded(bodyText, this.#pace) }
  }
}

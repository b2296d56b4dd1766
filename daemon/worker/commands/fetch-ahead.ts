import type { FetchItem } from "../../imap/ast.ts"
import { listedNumbers, selectListed } from "../../message/listed-fields.ts"
import type { Contents } from "../../store/store.ts"
import type { Wire } from "../../store/wires.ts"
import type { Fetched } from "./fetch-answer.ts"

/** Messages read ahead: a statement for this many costs hardly more than for one, and what it holds stays small. */
const messagesAhead = 50

export type SectionItem = Extract<FetchItem, { item: "BODY[]" }>

type FieldsAnswer = ReadonlySet<number>

/** What a FETCH tells of most messages, read for some of them together. What was not is read for each when it is told. */
export class FetchAhead {
  readonly #contents: Contents
  /** Which of the items can be answered from the listed fields, and with which of them. */
  readonly #fields: ReadonlyMap<FetchItem, FieldsAnswer>
  readonly #wires: readonly Wire[]
  #read = new Map<Wire, Map<number, Uint8Array>>()

  constructor(contents: Contents, items: readonly FetchItem[]) {
    this.#contents = contents
    this.#fields = new Map(items.flatMap((item) => fieldsAnswer(item)))
    this.#wires = [...new Set(items.flatMap((item) => wireOf(item, this.#fields)))]
  }

  /** The messages one by one, each when those before it were told. */
  *over(messages: readonly Fetched[]): Generator<Fetched> {
    for (let at = 0; at < messages.length; at += messagesAhead) {
      const next = messages.slice(at, at + messagesAhead)
      const contents = next.map(({ message }) => message.content)
      this.#read = new Map(this.#wires.map((wire) => [wire, this.#contents.wires.of(wire, contents)]))
      yield* next
    }
  }

  /** @throws StoreError `no-such-message` */
  envelope(content: number): Uint8Array {
    return this.#wire("envelope", content) ?? this.#contents.envelope(content)
  }

  /** BODY, or with `extended` BODYSTRUCTURE, as they are stored. @throws StoreError `no-such-message` */
  body(content: number, extended: boolean): Uint8Array {
    if (extended) return this.#wire("bodyStructure", content) ?? this.#contents.structures.bodyStructure(content)
    return this.#wire("body", content) ?? this.#contents.structures.body(content)
  }

  /** `fields` has the answer to this item. */
  has(content: number, item: FetchItem): boolean {
    return this.#fields.has(item) && this.#wire("listedFields", content) !== null
  }

  /** The answer to this HEADER.FIELDS; null when only the header has it. */
  fields(content: number, item: SectionItem): Uint8Array | null {
    const numbers = this.#fields.get(item)
    if (numbers === undefined) return null
    const listed = this.#wire("listedFields", content)
    return listed === null ? null : selectListed(listed, numbers)
  }

  #wire(wire: Wire, content: number): Uint8Array | null {
    return this.#read.get(wire)?.get(content) ?? null
  }
}

function fieldsAnswer(item: FetchItem): [FetchItem, FieldsAnswer][] {
  if (item.item !== "BODY[]" || item.section.parts.length > 0) return []
  const { what } = item.section
  if (what.text !== "HEADER.FIELDS" || !("fields" in what)) return []
  const numbers = listedNumbers(what.fields)
  return numbers === null ? [] : [[item, numbers]]
}

function wireOf(item: FetchItem, fields: ReadonlyMap<FetchItem, FieldsAnswer>): Wire[] {
  if (item.item === "ENVELOPE") return ["envelope"]
  if (item.item === "BODY") return ["body"]
  if (item.item === "BODYSTRUCTURE") return ["bodyStructure"]
  return fields.has(item) ? ["listedFields"] : []
}

import type { Part } from "../message/types.ts"
import type { Connection } from "./connection.ts"
import { pack, textOf, unpack } from "./packing.ts"
import type { Query } from "./query.ts"
import { type ContentMeta, present, StoreError } from "./types.ts"

/** A tree of parts, as JSON; the bound is only against a damaged frame. */
const maxTreeBytes = 64 * 1024 * 1024

/** Statements on `structure`: which parts contents have. */
export class Structures {
  readonly #insert: Query<
    [content: number, bodyStructure: Uint8Array, body: Uint8Array, packing: number, tree: Uint8Array],
    unknown
  >
  readonly #remove: Query<[content: number], unknown>
  readonly #body: Query<[content: number], Uint8Array>
  readonly #bodyStructure: Query<[content: number], Uint8Array>
  readonly #tree: Query<[content: number], { packing: number; bytes: Uint8Array }>
  /** A client asks for many parts of one message, and a large tree takes long to read. */
  #last: { content: number; root: Part } | null = null

  constructor(connection: Connection) {
    this.#insert = connection.prepare(
      "INSERT INTO structure (content, body_structure, body, tree_packing, tree) VALUES (?, ?, ?, ?, ?)",
    )
    this.#remove = connection.prepare("DELETE FROM structure WHERE content = ?")
    this.#body = connection.pluck("SELECT body FROM structure WHERE content = ?")
    this.#bodyStructure = connection.pluck("SELECT body_structure FROM structure WHERE content = ?")
    this.#tree = connection.prepare("SELECT tree_packing AS packing, tree AS bytes FROM structure WHERE content = ?")
  }

  /** Inside a transaction. */
  add(content: number, { bodyStructure, body, root }: ContentMeta): void {
    this.#forget(content)
    const tree = pack(Buffer.from(JSON.stringify(root)))
    this.#insert.run(content, bodyStructure, body, tree.packing, tree.bytes)
  }

  /** Inside a transaction. */
  remove(content: number): void {
    this.#forget(content)
    this.#remove.run(content)
  }

  /** BODY as IMAP writes it. @throws StoreError `no-such-message` */
  body(content: number): Uint8Array {
    return present(this.#body.get(content))
  }

  /** BODYSTRUCTURE as IMAP writes it. @throws StoreError `no-such-message` */
  bodyStructure(content: number): Uint8Array {
    return present(this.#bodyStructure.get(content))
  }

  /** Its parts; to be read only, the tree that was asked for last is kept. @throws StoreError `no-such-message`, `damaged` */
  root(content: number): Part {
    if (this.#last?.content === content) return this.#last.root
    const bytes = unpack(present(this.#tree.get(content)), maxTreeBytes)
    const root = parsed(textOf(bytes)) as Part
    this.#last = { content, root }
    return root
  }

  /** After a rollback an id may be given again. */
  #forget(content: number): void {
    if (this.#last?.content === content) this.#last = null
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new StoreError("damaged", "a stored structure", { cause })
  }
}

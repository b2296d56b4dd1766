/**
 * RFC 8474 ids: a letter for the kind, the account's random tag, "-", a row id that is never given twice.
 * The tag keeps ids of a mailbox that was made anew apart from those of the one before it.
 */
export class ObjectIds {
  readonly #email: string
  readonly #thread: string
  readonly #mailbox: string

  constructor(tag: string) {
    this.#email = `M${tag}-`
    this.#thread = `T${tag}-`
    this.#mailbox = `F${tag}-`
  }

  email(content: number): string {
    return this.#email + content.toString(36)
  }

  thread(content: number): string {
    return this.#thread + content.toString(36)
  }

  mailbox(id: number): string {
    return this.#mailbox + id.toString(36)
  }
}

import type { SearchFieldName } from "../../message/search-fields.ts"
import type { FieldMatches } from "../../store/fields.ts"
import type { Store } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"
import type { View } from "../view.ts"

/** UIDs asked for at a time: the engine answers for them in a few ms. */
const windowUids = 500

/** It may compare every character with all of what is wanted, so fewer are asked for a long text. */
const windowCharacters = 16_384

/** Answers of the engine about one field and one folded text, for a window of messages around the one that is looked at. */
export class FieldSearch {
  readonly #contents: Store["contents"]
  readonly #view: View
  readonly #field: SearchFieldName
  readonly #wanted: string
  readonly #uids: number
  #window: FieldMatches & { from: number; to: number } = { from: 0, to: -1, found: new Set(), unknown: new Set() }

  constructor(contents: Store["contents"], view: View, field: SearchFieldName, wanted: string) {
    this.#contents = contents
    this.#view = view
    this.#field = field
    this.#wanted = wanted
    this.#uids = Math.min(windowUids, Math.max(1, Math.floor(windowCharacters / Math.max(1, wanted.length))))
  }

  /** Null when only the header can tell: nothing was kept of it, or the text has the LF that is between two lines. */
  has({ uid }: Message): boolean | null {
    if (this.#wanted.includes("\n")) return null
    const window = this.#around(uid)
    if (window.found.has(uid)) return true
    return window.unknown.has(uid) ? null : false
  }

  /** Ends where the view does: of messages that come later nothing is known yet. */
  #around(uid: number): FieldMatches {
    if (uid >= this.#window.from && uid <= this.#window.to) return this.#window
    const { mailbox, uidNext } = this.#view.state
    const to = Math.max(uid, Math.min(uid + this.#uids, uidNext) - 1)
    const matches = this.#contents.withField(mailbox, uid, to, this.#field, this.#wanted)
    this.#window = { from: uid, to, ...matches }
    return this.#window
  }
}

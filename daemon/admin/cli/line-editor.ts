import { allocateSecret, wipe } from "../../keys/secret.ts"

/** What has become of the line after some input. */
export type LineState = "more" | "done" | "interrupted" | "ended"

const ETX = 0x03
const EOT = 0x04
const BS = 0x08
const LF = 0x0a
const CR = 0x0d
const NAK = 0x15
const ESC = 0x1b
const DEL = 0x7f

/**
 * One line typed at a terminal in raw mode, of which nothing is shown: backspace takes a character,
 * Ctrl-U the line, Ctrl-C interrupts, Ctrl-D on an empty line ends. Escape sequences (arrow keys) count for
 * nothing. The line is guarded memory and never a string.
 */
export class LineEditor {
  readonly #line: Buffer
  #length = 0
  #escape: "none" | "begun" | "sequence" = "none"
  #overflow = false

  constructor(maxBytes: number) {
    this.#line = allocateSecret(maxBytes)
  }

  /** More was typed than fits; the line is of no use. */
  get tooLong(): boolean {
    return this.#overflow
  }

  /** Bytes after the one that ended the line are not looked at. */
  push(typed: Uint8Array): LineState {
    for (const byte of typed) {
      const state = this.#take(byte)
      if (state !== "more") return state
    }
    return "more"
  }

  /** A copy in guarded memory, which the caller wipes. */
  value(): Buffer {
    const value = allocateSecret(this.#length)
    value.set(this.#line.subarray(0, this.#length))
    return value
  }

  wipe(): void {
    wipe(this.#line)
    this.#length = 0
  }

  #take(byte: number): LineState {
    if (this.#escape !== "none") return this.#skipEscape(byte)
    switch (byte) {
      case CR:
      case LF:
        return "done"
      case ETX:
        return "interrupted"
      case EOT:
        return this.#length === 0 ? "ended" : "more"
      case BS:
      case DEL:
        this.#eraseCharacter()
        return "more"
      case NAK:
        this.wipe()
        this.#overflow = false
        return "more"
      case ESC:
        this.#escape = "begun"
        return "more"
      default:
        this.#append(byte)
        return "more"
    }
  }

  /** ECMA-48 §5.4: ESC [ … ends with a byte from @ to ~; other sequences have one byte after ESC. */
  #skipEscape(byte: number): LineState {
    if (this.#escape === "begun" && (byte === 0x5b || byte === 0x4f)) this.#escape = "sequence"
    else if (this.#escape === "begun" || (byte >= 0x40 && byte <= 0x7e)) this.#escape = "none"
    return "more"
  }

  #append(byte: number): void {
    if (this.#length === this.#line.length) this.#overflow = true
    else this.#line[this.#length++] = byte
  }

  /** All bytes of one character of UTF-8. */
  #eraseCharacter(): void {
    while (this.#length > 0) {
      const byte = this.#line[--this.#length] ?? 0
      this.#line[this.#length] = 0
      if ((byte & 0xc0) !== 0x80) return
    }
  }
}

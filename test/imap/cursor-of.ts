import type { Cursor } from "../../daemon/imap/cursor.ts"

/** A cursor over text, one octet per character. */
export function cursorOf(text: string): Cursor {
  return { bytes: Buffer.from(text, "latin1"), at: 0 }
}

export function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1")
}

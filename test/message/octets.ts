import type { Part } from "../../daemon/message/types.ts"

/** Lines, each with CRLF behind it, one octet per character. */
export function crlf(...lines: string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(""), "latin1")
}

export function octets(text: string): Buffer {
  return Buffer.from(text, "latin1")
}

/** A tree in one line: `multipart/mixed(text/plain"body", message/rfc822<text/plain"body">)`. */
export function outline(message: Buffer, part: Part): string {
  const name = `${part.type}/${part.subtype}`
  if (part.message !== null) return `${name}<${outline(message, part.message.root)}>`
  if (part.children.length > 0) return `${name}(${part.children.map((child) => outline(message, child)).join(", ")})`
  return name + JSON.stringify(message.toString("latin1", part.bodyStart, part.end))
}

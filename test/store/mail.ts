import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { listedFields } from "../../daemon/message/listed-fields.ts"
import type { Part } from "../../daemon/message/types.ts"
import type { ContentMeta } from "../../daemon/store/types.ts"

/** A message and what a very plain parser says of it: the store takes a parser's word and never looks itself. */
export type Mail = { bytes: Buffer; meta: ContentMeta }

const part: Omit<Part, "bodyStart" | "end"> = {
  headerStart: 0,
  lines: 1,
  type: "text",
  subtype: "plain",
  parameters: [],
  id: null,
  description: null,
  encoding: "7bit",
  md5: null,
  disposition: null,
  language: [],
  location: null,
  children: [],
  message: null,
}

/** Header to the first empty line, the rest is text. */
export function mailOf(bytes: Buffer, more: Partial<ContentMeta> = {}): Mail {
  const empty = /\r?\n\r?\n/.exec(bytes.subarray(0, 100_000).toString("latin1"))
  const bodyStart = empty === null ? 0 : empty.index + empty[0].length
  const headerText = bytes.subarray(0, bodyStart).toString("latin1")
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "im").exec(headerText)?.[1]?.trim() ?? null
  const subject = field("subject") ?? ""
  const bodyText = bytes.subarray(bodyStart, bodyStart + 1_000_000).toString("latin1")
  const meta: ContentMeta = {
    size: bytes.length,
    envelope: Buffer.from(`(NIL "${subject}" NIL)`, "latin1"),
    body: Buffer.from("(TEXT PLAIN)"),
    bodyStructure: Buffer.from(`("TEXT" "PLAIN" NIL NIL NIL "7BIT" ${bytes.length - bodyStart} 1)`),
    root: { ...part, bodyStart, end: bytes.length },
    header: bytes.subarray(0, bodyStart),
    sentAt: null,
    sentDay: 12_345,
    messageId: field("message-id"),
    references: field("references")?.split(/\s+/) ?? [],
    subject,
    baseSubject: subject,
    headerText,
    searchFields: null,
    listedFields: listedFields(bytes.subarray(0, bodyStart)),
    bodyText,
    bodyTextComplete: bytes.length - bodyStart <= 1_000_000,
    preview: bodyText.slice(0, 200),
    ...more,
  }
  return { bytes, meta }
}

/** A small message with this subject and text. */
export function mail(subject: string, text = "", more: Partial<ContentMeta> = {}): Mail {
  return mailOf(Buffer.from(`Subject: ${subject}\r\nMessage-ID: <${subject}@example.com>\r\n\r\n${text}\r\n`), more)
}

/** Real messages from the folder that MAILKEEP_CORPUS names, or made-up ones. */
export function corpus(count: number): Mail[] {
  const folder = process.env.MAILKEEP_CORPUS
  if (folder === undefined) return Array.from({ length: count }, (_, index) => mail(`message ${index}`, madeUp(index)))
  const names = readdirSync(folder).filter((name) => name.endsWith(".eml"))
  return names.slice(0, count).map((name) => mailOf(readFileSync(join(folder, name))))
}

function madeUp(seed: number): string {
  const words = ["harbour", "lantern", "weather", "invoice", "Größe", "meeting", "=C3=A9t=C3=A9", "attached"]
  return Array.from({ length: 300 }, (_, index) => words[(index * 7 + seed * index) % words.length]).join(" ")
}

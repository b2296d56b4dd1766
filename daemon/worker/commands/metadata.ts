import type { MetadataOptions } from "../../imap/ast.ts"
import { astringWire, latin1Bytes, mailboxWire, nstringWire } from "../../imap/response.ts"
import type { Annotation } from "../../store/store.ts"
import { wholeAccount } from "../../store/store.ts"
import type { Mailbox } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { specialUseEntry, useFor } from "./special-use.ts"

export const metadataFamily: Family<"GETMETADATA" | "SETMETADATA"> = {
  capabilities: [
    { name: "METADATA", rfc: 5464 },
    { name: "LIST-METADATA", rfc: 9590 },
  ],
  commands: {
    GETMETADATA: { state: "authenticated", expunges: "yes", run: getMetadata },
    SETMETADATA: { state: "authenticated", expunges: "yes", run: setMetadata },
  },
}

/** RFC 5464 §3.2.1.1: of the whole account, and "always read-only". */
const adminEntry = "/shared/admin"

/** RFC 5464 §4.2. */
function getMetadata(conversation: Conversation, command: CommandOf<"GETMETADATA">): Completion {
  const mailbox = named(conversation, command.mailbox)
  const longest = tellMetadata(conversation, mailbox, command.entries, command.options)
  const text = "GETMETADATA completed"
  return longest === null ? { text } : { code: { code: "METADATA", what: "LONGENTRIES", value: longest }, text }
}

/** The mailbox, or null for the whole account. @throws StoreError `no-such-mailbox` */
function named({ account }: Conversation, name: string): Mailbox | null {
  return name === "" ? null : account.store.mailboxes.named(name)
}

/**
 * One METADATA (RFC 5464 §4.4.1). An entry without a value is NIL when it was asked for by its name.
 *
 * @returns the size of the largest value that was left out for its size, or null
 */
export function tellMetadata(
  conversation: Conversation,
  mailbox: Mailbox | null,
  entries: readonly string[],
  { maxSize, depth }: MetadataOptions,
): number | null {
  const found = matching(annotationsOf(conversation, mailbox), entries, depth)
  const shown = found.filter(({ value }) => maxSize === null || (value?.length ?? 0) <= maxSize)
  const sizes = found.filter((each) => !shown.includes(each)).map(({ value }) => value?.length ?? 0)
  if (shown.length > 0) write(conversation, mailbox, shown)
  return sizes.length === 0 ? null : Math.max(...sizes)
}

function annotationsOf({ account }: Conversation, mailbox: Mailbox | null): Annotation[] {
  const stored = account.store.annotations.list(mailbox?.id ?? wholeAccount)
  if (mailbox === null || mailbox.specialUse === null) return stored
  return [...stored, { entry: specialUseEntry, value: latin1Bytes(mailbox.specialUse) }]
}

type Shown = { entry: string; value: Uint8Array | null }

/** RFC 5464 §4.2.2: the entries themselves, and what lies up to `depth` levels below them. */
function matching(annotations: Annotation[], entries: readonly string[], depth: number): Shown[] {
  const found = new Map<string, Shown>()
  for (const asked of entries) {
    if (depth === 0) found.set(asked, { entry: asked, value: null })
    for (const annotation of annotations) {
      if (levelsBelow(annotation.entry, asked) <= depth) found.set(annotation.entry, annotation)
    }
  }
  return [...found.values()]
}

/** 0 for the entry itself; NaN, which no depth reaches, for one that is elsewhere. */
function levelsBelow(entry: string, above: string): number {
  if (entry === above) return 0
  return entry.startsWith(`${above}/`) ? entry.slice(above.length).split("/").length - 1 : Number.NaN
}

function write({ writer, utf8 }: Conversation, mailbox: Mailbox | null, shown: Shown[]): void {
  writer.text("* METADATA ").bytes(mailbox === null ? latin1Bytes('""') : mailboxWire(mailbox.name, utf8))
  let separator = " ("
  for (const { entry, value } of shown) {
    writer.text(separator).bytes(astringWire(entry)).text(" ").bytes(valueWire(value))
    separator = " "
  }
  writer.text(")\r\n")
}

/** nstring, or literal8 for octets that no string can hold (RFC 5464 §5, value). */
function valueWire(value: Uint8Array | null): Uint8Array {
  if (value === null || !value.includes(0)) return nstringWire(value)
  return Buffer.concat([latin1Bytes(`~{${value.length}}\r\n`), value])
}

/** RFC 5464 §4.3: all of the changes or none. */
function setMetadata(conversation: Conversation, command: CommandOf<"SETMETADATA">): Completion {
  const { store, limits } = conversation.account
  const largest = Math.max(0, ...command.changes.map(({ value }) => value?.length ?? 0))
  const { max_annotation_bytes: most } = limits
  if (largest > most) {
    const code = { code: "METADATA", what: "MAXSIZE", value: most } as const
    throw new Refused({ status: "NO", code, text: "That value is too large" })
  }
  const mailbox = named(conversation, command.mailbox)
  if (mailbox === null && command.changes.some(({ entry }) => entry === adminEntry))
    throw new Refused({ status: "NO", code: "CANNOT", text: "That entry is read-only" })
  store.transaction(() => {
    for (const { entry, value } of command.changes) if (entry === specialUseEntry) setUse(conversation, mailbox, value)
    const others = command.changes.filter(({ entry }) => entry !== specialUseEntry)
    store.annotations.set(mailbox?.id ?? wholeAccount, others, limits.max_annotations)
  })
  return { text: "SETMETADATA completed" }
}

/** RFC 6154 §4, §5.4: with the checks of CREATE. @throws Refused USEATTR */
function setUse({ account }: Conversation, mailbox: Mailbox | null, value: Uint8Array | null): void {
  const uses = value === null ? [] : Buffer.from(value).toString("latin1").split(" ").filter(Boolean)
  if (mailbox === null || !mailbox.selectable || mailbox.name === "INBOX")
    throw new Refused({ status: "NO", code: "USEATTR", text: "That has no special use" })
  account.store.mailboxes.setUse(mailbox.id, useFor(account.store, uses, mailbox))
}

import type { ListCommand } from "../../imap/ast.ts"
import { mailboxWire } from "../../imap/response.ts"
import type { Mailbox } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { matcherFor, superiors } from "./list-pattern.ts"
import { tellMetadata } from "./metadata.ts"
import { tellStatus } from "./status.ts"

export const listFamily: Family<"LIST" | "LSUB"> = {
  capabilities: [
    { name: "CHILDREN", rfc: 3348 },
    { name: "LIST-EXTENDED", rfc: 5258 },
    { name: "SPECIAL-USE", rfc: 6154 },
    { name: "LIST-STATUS", rfc: 5819 },
  ],
  commands: {
    LIST: { state: "authenticated", expunges: "yes", run: list },
    LSUB: { state: "authenticated", expunges: "yes", run: lsub },
  },
}

/** RFC 3501 §6.3.8, RFC 5258 §3, RFC 6154 §2, RFC 5819 §2, RFC 9590 §3. */
async function list(conversation: Conversation, { list: asked }: CommandOf<"LIST">): Promise<Completion> {
  if (!asked.extended && asked.patterns[0] === "") {
    conversation.writer.text('* LIST (\\Noselect) "/" ""\r\n')
    return { text: "LIST completed" }
  }
  const names = new Names(conversation, asked)
  if (asked.returns.status !== null && names.matching("INBOX")) await conversation.account.settle()
  const pace = conversation.pace
  for (const name of names.all()) {
    await pace.rest()
    if (conversation.writer.congested) await conversation.writer.drained()
    tellName(conversation, asked, names, name)
  }
  return { text: "LIST completed" }
}

/** At most one LIST per name (RFC 5258 §3.3), followed by its STATUS when the name itself was asked for. */
function tellName(conversation: Conversation, asked: ListCommand, names: Names, name: string): void {
  if (!names.matching(name)) return
  const chosen = names.chosen(name)
  const children = asked.selection.recursiveMatch && names.hasChosenInferior(name)
  if (!chosen && !(children && names.hidesChosenInferior(name))) return
  tell(conversation, "LIST", names.attributes(name), name, children ? childInfo(asked) : "")
  const mailbox = names.existing.get(name)
  const { status, metadata } = asked.returns
  if (metadata !== null && chosen && mailbox !== undefined) tellMetadata(conversation, mailbox, metadata, plainValues)
  if (status !== null && chosen && mailbox?.selectable === true) tellStatus(conversation, mailbox, status)
}

/** RFC 9590 §3: as GETMETADATA without options. */
const plainValues = { maxSize: null, depth: 0 }

/**
 * One LIST about one mailbox, that nobody asked for. `oldName` is how the client called it, when it called it
 * otherwise (RFC 9051 §6.3.9.7).
 */
export function tellMailbox(conversation: Conversation, name: string, oldName: string | null): void {
  const attributes = new Names(conversation, oneName).attributes(name)
  tell(conversation, "LIST", attributes, name, "", oldName)
}

/** A name of which a client is told that something happened to it; `oldName` is what it was called before. */
export type AffectedName = { name: string; oldName: string | null }

/** One LIST for each, with all that is to be known of it, and \NonExistent if it is gone (RFC 5465 §5.4, §5.5). */
export async function tellNames(conversation: Conversation, affected: readonly AffectedName[]): Promise<void> {
  const names = new Names(conversation, { ...oneName, returns: { ...oneName.returns, subscribed: true } })
  for (const { name, oldName } of affected) {
    tell(conversation, "LIST", names.attributes(name), name, "", oldName)
    if (conversation.writer.congested) await conversation.writer.drained()
  }
}

const oneName: ListCommand = {
  extended: false,
  selection: { subscribed: false, specialUse: false, remote: false, recursiveMatch: false },
  reference: "",
  patterns: [],
  returns: { subscribed: false, children: false, specialUse: false, status: null, metadata: null },
}

/** RFC 5258 §3.5: the criteria which an inferior meets. */
function childInfo({ selection }: ListCommand): string {
  const criteria = [selection.subscribed ? '"SUBSCRIBED"' : "", selection.specialUse ? '"SPECIAL-USE"' : ""]
  return ` ("CHILDINFO" (${criteria.filter(Boolean).join(" ")}))`
}

/** The names of one LIST, with what each needs to be judged. */
class Names {
  readonly existing: Map<string, Mailbox>
  readonly matching: (name: string) => boolean
  readonly #subscribed: Set<string>
  readonly #asked: ListCommand
  readonly #withChildren: Set<string>
  readonly #withChosen = new Set<string>()
  readonly #withHidden = new Set<string>()

  constructor({ account }: Conversation, asked: ListCommand) {
    const { mailboxes } = account.store
    this.#asked = asked
    this.existing = new Map(mailboxes.list().map((mailbox) => [mailbox.name, mailbox]))
    this.#subscribed = mailboxes.subscriptions()
    this.matching = matcherFor(asked.reference, asked.patterns)
    this.#withChildren = new Set([...this.existing.keys()].flatMap(superiors))
    if (asked.selection.recursiveMatch) this.#lookBelow()
  }

  /** Names that exist, that are subscribed when these were asked for, and superiors of what was asked for. */
  all(): string[] {
    const subscribed = this.#asked.selection.subscribed ? this.#subscribed : []
    return sorted(new Set([...this.existing.keys(), ...subscribed, ...this.#withChosen]))
  }

  /** Meets every selection option (RFC 5258 §3.1). REMOTE adds nothing: all is local. */
  chosen(name: string): boolean {
    const { selection } = this.#asked
    if (selection.subscribed && !this.#subscribed.has(name)) return false
    const mailbox = this.existing.get(name)
    if (selection.specialUse) return mailbox !== undefined && mailbox.specialUse !== null
    return mailbox !== undefined || selection.subscribed
  }

  hasChosenInferior(name: string): boolean {
    return this.#withChosen.has(name)
  }

  /** One that the pattern does not show; without it, CHILDINFO alone would say nothing new (RFC 5258 §3.5). */
  hidesChosenInferior(name: string): boolean {
    return this.#withHidden.has(name)
  }

  #lookBelow(): void {
    for (const name of new Set([...this.existing.keys(), ...this.#subscribed])) {
      if (!this.chosen(name)) continue
      const above = superiors(name)
      for (const superior of above) this.#withChosen.add(superior)
      if (this.matching(name)) continue
      for (const superior of above) this.#withHidden.add(superior)
    }
  }

  /** RFC 3501 §7.2.2, RFC 3348, RFC 5258 §3, RFC 6154 §2. */
  attributes(name: string): string[] {
    const mailbox = this.existing.get(name)
    const { selection, returns } = this.#asked
    const attributes: string[] = []
    if (mailbox === undefined) attributes.push("\\NonExistent")
    else if (!mailbox.selectable) attributes.push("\\Noselect")
    attributes.push(this.#withChildren.has(name) ? "\\HasChildren" : "\\HasNoChildren")
    if ((selection.subscribed || returns.subscribed) && this.#subscribed.has(name)) attributes.push("\\Subscribed")
    if (mailbox !== undefined && mailbox.specialUse !== null) attributes.push(mailbox.specialUse)
    return attributes
  }
}

/**
 * RFC 3501 §6.3.9: subscribed names. One that the pattern stops above ("%" and the name "foo/bar") is
 * answered by its superior with \Noselect, which here says "not subscribed itself".
 */
async function lsub(conversation: Conversation, { reference, pattern }: CommandOf<"LSUB">): Promise<Completion> {
  const subscribed = conversation.account.store.mailboxes.subscriptions()
  const matching = matcherFor(reference, [pattern])
  const found = new Map<string, string[]>()
  const pace = conversation.pace
  for (const name of subscribed) {
    await pace.rest()
    if (matching(name)) found.set(name, [])
    else
      for (const above of superiors(name).filter(matching)) if (!subscribed.has(above)) found.set(above, ["\\Noselect"])
  }
  for (const name of sorted(found.keys())) tell(conversation, "LSUB", found.get(name) ?? [], name, "")
  return { text: "LSUB completed" }
}

function tell(
  { writer, utf8 }: Conversation,
  response: "LIST" | "LSUB",
  attributes: string[],
  name: string,
  extra: string,
  oldName: string | null = null,
): void {
  writer
    .text(`* ${response} (${attributes.join(" ")}) "/" `)
    .bytes(mailboxWire(name, utf8))
    .text(extra)
  if (oldName !== null) writer.text(' ("OLDNAME" (').bytes(mailboxWire(oldName, utf8)).text("))")
  writer.text("\r\n")
}

/** INBOX first, then by name. */
function sorted(names: Iterable<string>): string[] {
  const rank = (name: string) => (name === "INBOX" ? 0 : 1)
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0))
}

import { flagListWire, type ResponseWriter, untagged } from "../imap/response.ts"
import { flagBits, type Mailbox, type Message } from "../store/types.ts"
import type { Account } from "./account.ts"
import { Pace } from "./pace.ts"
import { Refused } from "./refusal.ts"
import type { View, ViewUpdate } from "./view.ts"

/** What a connection gives to the commands beside its state. */
export type Line = {
  readonly writer: ResponseWriter
  readonly capabilities: readonly string[]
  /** The next line as it is, for IDLE; null when the client left, or is to leave. */
  nextLine(): Promise<Uint8Array | null>
  isGone(): boolean
  activity(command: string, idling: boolean): void
  /** COMPRESS (RFC 4978): whether it is on, and turns it on for what is written and read from here. */
  compressed(): boolean
  compress(): void
}

/** One client's session as its commands see it: what is selected, what is enabled, and how to say things. */
export class Conversation {
  readonly account: Account
  readonly line: Line
  /** Name that the client gave itself with ID (RFC 2971), for display. */
  client: string | null
  #view: View | null = null
  #condstore = false
  #wakened = false
  #wake: (() => void) | null = null

  constructor(account: Account, line: Line, client: string | null) {
    this.account = account
    this.line = line
    this.client = client
  }

  get writer(): ResponseWriter {
    return this.line.writer
  }

  /** The selected mailbox, or null in the authenticated state. */
  get view(): View | null {
    return this.#view
  }

  /** Whether this client wants mod-sequences (RFC 7162 §3.1). */
  get condstore(): boolean {
    return this.#condstore
  }

  /** The selected mailbox, for commands that the table allows only there. */
  selected(): View {
    if (this.#view === null) throw new Error("the command table lets this run without a mailbox")
    return this.#view
  }

  select(view: View): void {
    this.#view = view
  }

  deselect(): void {
    this.#view = null
  }

  pace(): Pace {
    return new Pace(() => this.line.isGone())
  }

  /** From the store: these mailboxes changed. */
  noticeChange(mailboxes: ReadonlySet<number>): void {
    if (this.#view === null || !mailboxes.has(this.#view.state.mailbox)) return
    this.#view.markDirty()
    this.wake()
  }

  /** Ends `sleep`, or keeps the next one from beginning. */
  wake(): void {
    this.#wakened = true
    this.#wake?.()
  }

  /** Waits until there may be something to tell, at most this long; one sleeper at a time. */
  async sleep(limitMs: number): Promise<"wakened" | "silence"> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    this.#wake = resolve
    if (!this.#wakened) await promise
    clearTimeout(timer)
    this.#wake = null
    const outcome = this.#wakened ? "wakened" : "silence"
    this.#wakened = false
    return outcome
  }

  /**
   * RFC 7162 §3.1: the first CONDSTORE enabling command, given with a mailbox selected, is answered with
   * HIGHESTMODSEQ. That is what the client has been told, so that it cannot miss what is still to be said.
   */
  enableCondstore(): void {
    if (this.#condstore) return
    this.#condstore = true
    if (this.#view === null) return
    const value = this.#view.state.toldChanges
    this.writer.text(untagged("OK", "Highest", { code: "HIGHESTMODSEQ", value }))
  }

  /** SELECT (CONDSTORE) and ENABLE before SELECT: HIGHESTMODSEQ is part of that answer. */
  enableCondstoreQuietly(): void {
    this.#condstore = true
  }

  /**
   * Tells the client what changed. `expunges` false keeps the sequence numbers as they are (RFC 3501 §7.4.1).
   *
   * @throws MailboxGone, and when the client left
   */
  async tell(expunges: boolean, uid = false): Promise<void> {
    await this.say(this.pull(expunges), uid)
  }

  /** First half of `tell`: makes the view current, at once. @throws MailboxGone */
  pull(expunges: boolean): ViewUpdate | null {
    return this.#view?.update(this.account.store, expunges) ?? null
  }

  /** Second half: says it, before anything else about the mailbox is said. */
  async say(update: ViewUpdate | null, uid: boolean): Promise<void> {
    if (this.#view !== null && update !== null) await this.#write(this.#view, update, uid)
  }

  async #write(view: View, { expunged, exists, changed }: ViewUpdate, uid: boolean): Promise<void> {
    const { writer } = this
    if (changed.length > 0) this.tellKeywords(view)
    for (const sequence of expunged) {
      writer.text(`* ${sequence} EXPUNGE\r\n`)
      if (writer.congested) await writer.drained()
    }
    if (exists !== null) writer.text(`* ${exists} EXISTS\r\n* ${view.recentCount} RECENT\r\n`)
    for (const { sequence, message } of changed) {
      this.tellFlags(sequence, message, uid)
      if (writer.congested) await writer.drained()
    }
  }

  /** FLAGS and PERMANENTFLAGS, when the mailbox has keywords that the client does not know yet (RFC 3501 §7.2.6). */
  tellKeywords(view: View): void {
    const { mailbox, readOnly, keywords } = view.state
    const known = this.account.store.mailboxes.keywords(mailbox)
    if (known.length > keywords) this.tellFlagNames(view, known, readOnly)
  }

  /** RFC 3501 §7.1 PERMANENTFLAGS, §7.2.6. */
  tellFlagNames(view: View, keywords: string[], readOnly: boolean): void {
    view.state.keywords = keywords.length
    const flags = [...Object.keys(flagBits), ...keywords]
    const permanent = { code: "PERMANENTFLAGS", flags: readOnly ? [] : [...flags, "\\*"] } as const
    const meaning = readOnly ? "Nothing can be changed" : "Keywords can be added"
    this.writer.text(`* FLAGS ${flagListWire(flags)}\r\n`).text(untagged("OK", meaning, permanent))
  }

  /**
   * `* n FETCH (FLAGS …)`. With CONDSTORE also UID and MODSEQ (RFC 7162 §3.2.4); in answer to a UID command
   * also UID (RFC 3501 §6.4.8).
   */
  tellFlags(sequence: number, message: Message, uid: boolean): void {
    const items = [`FLAGS ${flagListWire(this.flagsOf(message))}`]
    if (uid || this.#condstore) items.unshift(`UID ${message.uid}`)
    if (this.#condstore) items.push(`MODSEQ (${message.modseq})`)
    this.writer.text(`* ${sequence} FETCH (${items.join(" ")})\r\n`)
  }

  /** All flags of a message as this client sees them, \Recent included. */
  flagsOf(message: Message): string[] {
    const flags = systemFlags.filter(([, bit]) => (message.flags & bit) !== 0).map(([name]) => name)
    if (this.#view?.isRecent(message.uid) === true) flags.push("\\Recent")
    return flags.concat(message.keywords)
  }

  /**
   * A mailbox that messages go to.
   *
   * @throws Refused with TRYCREATE (RFC 3501 §6.3.11, §6.4.7), StoreError `not-selectable`
   */
  destination(name: string): Mailbox {
    const mailbox = this.account.store.mailboxes.find(name)
    if (mailbox?.selectable === true) return mailbox
    throw new Refused({ status: "NO", code: "TRYCREATE", text: "No such mailbox" })
  }

  /** @throws Refused after EXAMINE (RFC 3501 §6.3.2) */
  refuseReadOnly(): void {
    if (this.selected().state.readOnly) throw new Refused({ status: "NO", text: "The mailbox is open read-only" })
  }
}

const systemFlags: [name: string, bit: number][] = Object.entries(flagBits)

/** Flags as a client writes them, as the store takes them. \Recent is dropped: no client can change it (RFC 3501 §2.3.2). */
export function storedFlags(flags: readonly string[]): { flags: number; keywords: string[] } {
  const bits = new Map(systemFlags)
  const keywords = new Map<string, string>()
  let stored = 0
  for (const flag of flags) {
    if (!flag.startsWith("\\")) keywords.set(flag.toLowerCase(), keywords.get(flag.toLowerCase()) ?? flag)
    else stored |= bits.get(flag) ?? 0
  }
  return { flags: stored, keywords: [...keywords.values()] }
}

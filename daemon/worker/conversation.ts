import { flagListWire, type ResponseWriter, sequenceSetWire, untagged } from "../imap/response.ts"
import { flagBits, type Mailbox, type Message } from "../store/types.ts"
import type { Account } from "./account.ts"
import { DecodedParts } from "./commands/decoded-part.ts"
import { Pace } from "./pace.ts"
import { Progress } from "./progress.ts"
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
  /** From the next command on, strings and names of mailboxes are UTF-8. */
  readUtf8(): void
  /** How the running command wrote a mailbox that it did not write as we do; null otherwise. */
  supplied(mailbox: string): string | null
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
  /** For FETCH BINARY. */
  readonly decodedParts = new DecodedParts()
  #view: View | null = null
  #condstore = false
  #qresync = false
  /** RFC 7162 §6: the client was told a HIGHESTMODSEQ below what it had seen, and waits for the right one. */
  #saidLower = false
  #utf8 = false
  #utf8Accept = false
  #rev2 = false
  #uidOnly = false
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

  /** Whether this client is told UIDs that vanished instead of EXPUNGE (RFC 7162 §3.2.3). */
  get qresync(): boolean {
    return this.#qresync
  }

  enableQresync(): void {
    this.#qresync = true
    this.enableCondstore()
  }

  /** Whether this client reads and writes UTF-8 in quoted strings and mailbox names (RFC 6855 §3, RFC 9051 §5.1). */
  get utf8(): boolean {
    return this.#utf8
  }

  #enableUtf8(): void {
    this.#utf8 = true
    this.line.readUtf8()
  }

  /** Whether it said so with UTF8=ACCEPT. */
  get utf8Accept(): boolean {
    return this.#utf8Accept
  }

  enableUtf8Accept(): void {
    this.#utf8Accept = true
    this.#enableUtf8()
  }

  /** Whether this client speaks IMAP4rev2 (RFC 9051 appendix A): ESEARCH answers, no \Recent, UID in every FETCH. */
  get rev2(): boolean {
    return this.#rev2
  }

  enableRev2(): void {
    this.#rev2 = true
    this.#enableUtf8()
  }

  /** Whether message numbers are neither told nor taken any more (RFC 9586). */
  get uidOnly(): boolean {
    return this.#uidOnly
  }

  enableUidOnly(): void {
    this.#uidOnly = true
  }

  /** The selected mailbox, for commands that the table allows only there. */
  selected(): View {
    if (this.#view === null) throw new Error("the command table lets this run without a mailbox")
    return this.#view
  }

  select(view: View): void {
    this.#view = view
    this.#saidLower = false
  }

  deselect(): void {
    this.#view = null
  }

  /** RFC 5182 §2.1: a search that was to be saved, and was refused, leaves "$" empty. */
  forgetSaved(): void {
    if (this.#view !== null) this.#view.saved = []
  }

  /** For a command that has this many messages to work on. */
  progress(tag: string, goal: number): Progress {
    return new Progress(this.writer, tag, goal, this.account.limits.progress_ms)
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
    this.#tellHighest(this.#view, "Highest")
  }

  #tellHighest(view: View, text: string): void {
    this.writer.text(untagged("OK", text, { code: "HIGHESTMODSEQ", value: view.toldModseq }))
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
    this.#tellWhatIsSafe()
  }

  /**
   * RFC 7162 §3.2, §6: while an expunge has to wait, the client must not take the mod-sequences of FETCH for
   * what it is synchronised to.
   */
  #tellWhatIsSafe(): void {
    if (this.#view === null || !this.#qresync) return
    const lower = this.#view.expungesHeld
    if (lower) this.#tellHighest(this.#view, "An expunge is still to be told")
    else if (this.#saidLower) this.#tellHighest(this.#view, "Highest")
    this.#saidLower = lower
  }

  /**
   * EXPUNGEISSUED behind an answer of message numbers, when some of them are of messages that are gone: a NOOP
   * would say which (RFC 5530 §3). Tells what else changed, so that it is known.
   */
  async codeForNumbers(): Promise<{ code?: "EXPUNGEISSUED" }> {
    await this.say(this.pull(false), false)
    return this.#view?.expungesHeld === true ? { code: "EXPUNGEISSUED" } : {}
  }

  /** First half of `tell`: makes the view current, at once. @throws MailboxGone */
  pull(expunges: boolean): ViewUpdate | null {
    return this.#view?.update(this.account.store, expunges) ?? null
  }

  /** Second half: says it, before anything else about the mailbox is said. */
  async say(update: ViewUpdate | null, uid: boolean): Promise<void> {
    if (this.#view !== null && update !== null) await this.#write(this.#view, update, uid)
  }

  async #write(view: View, update: ViewUpdate, uid: boolean): Promise<void> {
    const { writer } = this
    const { expunged, vanished, exists, changed, news } = update
    if (changed.length > 0) this.tellKeywords(view)
    for (const context of view.contexts.values()) context.tellExpunged(writer, expunged, vanished)
    const byUid = this.#qresync || this.#uidOnly
    if (byUid && vanished.length > 0) writer.text(`* VANISHED ${sequenceSetWire(vanished)}\r\n`)
    for (const sequence of byUid ? [] : expunged) {
      writer.text(`* ${sequence} EXPUNGE\r\n`)
      if (writer.congested) await writer.drained()
    }
    if (exists !== null) this.tellCounts(view)
    for (const { sequence, message } of changed) {
      this.tellFlags(sequence, message, uid)
      if (writer.congested) await writer.drained()
    }
    if (news.length === 0) return
    for (const context of view.contexts.values()) {
      await context.tellChanged(writer, this.account.store, view, news, this.pace())
    }
  }

  /** EXISTS, and RECENT for IMAP4rev1 (RFC 3501 §7.3). */
  tellCounts(view: View): void {
    this.writer.text(`* ${view.state.uids.length} EXISTS\r\n`)
    if (!this.#rev2) this.writer.text(`* ${view.recentCount} RECENT\r\n`)
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
   * `* n FETCH` and its space, or what stands for it when there are no numbers: `* uid UIDFETCH` (RFC 9586 §3).
   */
  fetchHead(sequence: number, uid: number): string {
    return this.#uidOnly ? `* ${uid} UIDFETCH ` : `* ${sequence} FETCH `
  }

  /**
   * `* n FETCH (FLAGS …)`. With CONDSTORE also UID and MODSEQ (RFC 7162 §3.2.4); in answer to a UID command
   * (RFC 3501 §6.4.8) and in IMAP4rev2 (RFC 9051 §7.5.2) also UID; a UIDFETCH has it already.
   */
  tellFlags(sequence: number, message: Message, uid: boolean): void {
    const items = [`FLAGS ${this.flagsWire(message)}`]
    if ((uid || this.#condstore || this.#rev2) && !this.#uidOnly) items.unshift(`UID ${message.uid}`)
    if (this.#condstore) items.push(`MODSEQ (${message.modseq})`)
    this.writer.text(`${this.fetchHead(sequence, message.uid)}(${items.join(" ")})\r\n`)
  }

  /** All flags of a message as this client sees them, \Recent included, in parentheses. */
  flagsWire({ uid, flags, keywords }: Message): string {
    const system = !this.#rev2 && this.#view?.isRecent(uid) === true ? flags | recentBit : flags
    const names = systemFlagNames[system] ?? ""
    if (keywords.length === 0) return `(${names})`
    return names === "" ? `(${keywords.join(" ")})` : `(${names} ${keywords.join(" ")})`
  }

  /**
   * A mailbox that messages go to.
   *
   * @throws Refused with TRYCREATE (RFC 3501 §6.3.11, §6.4.7), StoreError `bad-name`, `name-too-long` for what cannot be created
   */
  destination(name: string): Mailbox {
    const { mailboxes } = this.account.store
    const mailbox = mailboxes.find(name)
    if (mailbox?.selectable === true) return mailbox
    mailboxes.refuseName(name) // Nobody is invited to create what cannot be.
    throw new Refused({ status: "NO", code: "TRYCREATE", text: "No such mailbox" })
  }

  /** @throws Refused after EXAMINE (RFC 3501 §6.3.2) */
  refuseReadOnly(): void {
    if (this.selected().state.readOnly) throw new Refused({ status: "NO", text: "The mailbox is open read-only" })
  }
}

const systemFlags: [name: string, bit: number][] = Object.entries(flagBits)

/** \Recent belongs to a session, so it has a bit only here. */
const recentBit = 32

/** The names of the system flags in each set of bits, and behind them \Recent. */
const systemFlagNames: readonly string[] = Array.from({ length: 2 * recentBit }, (_, bits) => {
  const names = systemFlags.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name)
  return [...names, ...((bits & recentBit) !== 0 ? ["\\Recent"] : [])].join(" ")
})

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

import { flagListWire, type ResponseWriter, untagged } from "../imap/response.ts"
import type { Commit } from "../store/store.ts"
import { flagBits, type Mailbox, type Marked } from "../store/types.ts"
import type { Account } from "./account.ts"
import { Bell } from "./bell.ts"
import { DecodedParts } from "./commands/decoded-part.ts"
import { beforeNotify, Interest, type SelectedInterest } from "./interest.ts"
import { Notices } from "./notices.ts"
import { Pace } from "./pace.ts"
import { Progress } from "./progress.ts"
import { Push } from "./push.ts"
import { Refused } from "./refusal.ts"
import { type Manner, tellUpdate } from "./tell-update.ts"
import type { Moment, View, ViewUpdate } from "./view.ts"

/** What a connection gives to the commands beside its state. */
export type Line = {
  readonly writer: ResponseWriter
  readonly capabilities: readonly string[]
  /** The next line as it is, for IDLE; null when the client left, or is to leave. */
  nextLine(): Promise<Uint8Array | null>
  isGone(): boolean
  /** Something of the next command came. It may have message numbers, and these mean what the client knew when it wrote them. */
  commandBegun(): boolean
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
  readonly bell = new Bell()
  readonly push = new Push(this)
  /** One for all its commands: a client that sends many short ones at once is no less work than one long command. */
  readonly pace: Pace
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
  /** Null until the first NOTIFY. */
  #interest: Interest | null = null
  #notices: Notices | null = null
  #hearsOfAnnotations = false

  constructor(account: Account, line: Line, client: string | null) {
    this.account = account
    this.line = line
    this.client = client
    this.pace = new Pace(() => line.isGone())
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

  /** Also when the client leaves: what was kept for it makes room. */
  deselect(): void {
    for (const { members } of this.#view?.contexts.values() ?? []) this.account.kept.forget(members)
    this.#view = null
  }

  /** RFC 5182 §2.1: a search that was to be saved, and was refused, leaves "$" empty. */
  forgetSaved(): void {
    if (this.#view !== null) this.#view.saved = []
  }

  /** For a command that has this many messages to work on, or an unknown number. */
  progress(tag: string, goal: number | null): Progress {
    return new Progress(this.writer, tag, goal, this.account.limits.progress_ms)
  }

  /**
   * RFC 5465 §3.1: a new NOTIFY "implies an implicit NOOP", in which is told a last time what will not be any more;
   * from then on it hears this, and nothing else. What comes while that is told is news already.
   *
   * @throws MailboxGone, and when the client left
   */
  async hear(interest: Interest): Promise<void> {
    await this.say(this.#view?.update(this.account.store, { expunges: "all", news: "all" }) ?? null, false)
    const before = this.#notices
    this.#listenTo(interest)
    if (before?.waiting === true) await before.tell()
  }

  hearNothing(): void {
    this.#listenTo(Interest.nothing)
  }

  #listenTo(interest: Interest): void {
    this.#interest = interest
    this.#notices = new Notices(this, interest)
  }

  /** Whether it is told things while no command runs. */
  get listens(): boolean {
    return this.#interest !== null && this.#interest !== Interest.nothing
  }

  get hearsOfAnnotations(): boolean {
    return this.#hearsOfAnnotations
  }

  /** RFC 5464 §4.1: it is told when others change annotations. What a NOTIFY says about them, before or later, is what counts. */
  hearOfAnnotations(): void {
    this.#hearsOfAnnotations = true
    this.#notices ??= new Notices(this, Interest.annotations)
  }

  /** From the store: what a commit changed. What this client did itself, it knows (RFC 5465 §5). */
  notice({ by, changes }: Commit): void {
    const own = by === this
    const selected = this.#view?.state.mailbox
    for (const change of changes) {
      if ("mailbox" in change && change.mailbox === selected) this.#view?.notice(change, own)
    }
    if (!own) this.#notices?.add(changes)
    if (this.#view?.dirty === true || (!own && (this.listens || this.#hearsOfAnnotations))) this.bell.ring()
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
   * Tells the client what changed. `expunges` false keeps the sequence numbers as they are (RFC 3501 §7.4.1),
   * unless the client said that they need not stay (RFC 5465 §5.3) and has not begun to use them.
   *
   * @throws MailboxGone, and when the client left
   */
  async tell(expunges: boolean, uid = false, first: Manner["first"] = "expunges"): Promise<void> {
    await this.say(this.pull(expunges || (this.#wish.atOnce && !this.line.commandBegun())), uid, first)
    this.#tellWhatIsSafe()
    if ((await this.#notices?.tell()) !== false) return
    if (this.#interest === null) this.#notices = null
    else this.hearNothing()
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
    return this.#view?.update(this.account.store, momentFor(this.#wish, expunges)) ?? null
  }

  /** What is wanted of the selected mailbox. */
  get #wish(): SelectedInterest {
    return this.#interest?.selected ?? beforeNotify
  }

  /** Second half: says it, before anything else about the mailbox is said. */
  async say(update: ViewUpdate | null, uid: boolean, first: Manner["first"] = "expunges"): Promise<void> {
    if (this.#view === null || update === null) return
    // RFC 5465 §5.1: a client that says NOTIFY is told the UID.
    await tellUpdate(this, this.#view, update, { uid: uid || this.#interest !== null, items: this.#wish.items, first })
  }

  /** EXISTS, and RECENT for IMAP4rev1 (RFC 3501 §7.3). */
  tellCounts(view: View): void {
    this.writer.text(`* ${view.state.uids.length} EXISTS\r\n`)
    this.tellRecent(view)
  }

  tellRecent(view: View): void {
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
  tellFlags(sequence: number, message: Marked, uid: boolean): void {
    const items = [`FLAGS ${this.flagsWire(message)}`]
    if ((uid || this.#condstore || this.#rev2) && !this.#uidOnly) items.unshift(`UID ${message.uid}`)
    if (this.#condstore) items.push(`MODSEQ (${message.modseq})`)
    this.writer.text(`${this.fetchHead(sequence, message.uid)}(${items.join(" ")})\r\n`)
  }

  /** All flags of a message as this client sees them, \Recent included, in parentheses. */
  flagsWire({ uid, flags, keywords }: Marked): string {
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

/** `expunges` is whether numbers may change just now (RFC 3501 §7.4.1); RFC 5465 §5.3, §6.1. */
function momentFor({ hears }: SelectedInterest, expunges: boolean): Moment {
  if (hears === "nothing") return { expunges: expunges ? "own" : "none", news: "none" }
  return { expunges: expunges ? "all" : "none", news: hears === "everything" ? "all" : "arrivals" }
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

import type { StatusItem } from "../imap/ast.ts"
import { astringWire, latin1Bytes, mailboxWire, untagged } from "../imap/response.ts"
import type { Change } from "../store/store.ts"
import { wholeAccount } from "../store/store.ts"
import { type AffectedName, tellNames } from "./commands/list.ts"
import { specialUseEntry } from "./commands/special-use.ts"
import { writeStatus } from "./commands/status.ts"
import type { Conversation } from "./conversation.ts"
import type { EventName, Interest } from "./interest.ts"

/** What happened to the messages of one mailbox since it was last told; a STATUS says where that has led. */
type MessageNews = { counts: boolean; flags: boolean; seen: boolean; validity: boolean }

/**
 * What a client is to be told of mailboxes that it has not selected (RFC 5465 §5). Messages cost a STATUS for each
 * mailbox that there is, however many they are; of names and annotations each waits by itself, and there is a limit.
 */
export class Notices {
  readonly #conversation: Conversation
  readonly #interest: Interest
  readonly #messages = new Map<number, MessageNews>()
  readonly #names = new Map<string, AffectedName>()
  readonly #annotations = new Map<number, Set<string>>()
  #overflowed = false

  constructor(conversation: Conversation, interest: Interest) {
    this.#conversation = conversation
    this.#interest = interest
  }

  /** From the store: what others changed. */
  add(changes: readonly Change[]): void {
    if (this.#overflowed) return
    for (const change of changes) this.#add(change)
    const waiting = [...this.#annotations.values()].reduce((sum, { size }) => sum + size, this.#names.size)
    if (waiting <= this.#conversation.account.limits.max_notices) return
    this.#overflowed = true
    this.#forget()
  }

  #add(change: Change): void {
    switch (change.what) {
      case "added":
      case "expunged":
        return this.#addMessages(change.mailbox, { counts: true })
      case "flags":
        return this.#addMessages(change.mailbox, change.seen ? { flags: true, seen: true } : { flags: true })
      case "validity":
        return this.#addMessages(change.mailbox, { validity: true })
      case "created":
        return this.#addWithSuperior(change.name)
      case "deleted":
        // Its number is never used again: without this, mailboxes that come and go would pile up.
        this.#messages.delete(change.mailbox)
        this.#annotations.delete(change.mailbox)
        return this.#addWithSuperior(change.name)
      case "renamed":
        return this.#addRenamed(change.name, change.from)
      case "subscription":
        return this.#addName("SubscriptionChange", change.name)
      case "annotations":
        return this.#addAnnotations(change.mailbox, change.entries)
      case "special-use":
        return this.#addAnnotations(change.mailbox, [specialUseEntry])
      case "cleared":
        return
    }
  }

  #addMessages(mailbox: number, news: Partial<MessageNews>): void {
    const before = this.#messages.get(mailbox) ?? { counts: false, flags: false, seen: false, validity: false }
    this.#messages.set(mailbox, { ...before, ...news })
  }

  #addName(event: EventName, name: string): void {
    if (this.#interest.of(name).has(event)) this.#names.set(name, { oldName: null, ...this.#names.get(name), name })
  }

  /** The one above has its first inferior now, or its last one no more. */
  #addWithSuperior(name: string): void {
    this.#addName("MailboxName", name)
    if (name.includes("/")) this.#addName("MailboxName", name.slice(0, name.lastIndexOf("/")))
  }

  /** Told to who watches the place that it left, too. */
  #addRenamed(name: string, from: string): void {
    const wanted = [name, from].some((each) => this.#interest.of(each).has("MailboxName"))
    if (wanted) this.#names.set(name, { name, oldName: from })
  }

  #addAnnotations(mailbox: number, entries: readonly string[]): void {
    if (!this.#wantsAnnotations(mailbox)) return
    const waiting = this.#annotations.get(mailbox) ?? new Set()
    for (const entry of entries) waiting.add(entry)
    this.#annotations.set(mailbox, waiting)
  }

  #wantsAnnotations(mailbox: number): boolean {
    if (mailbox === wholeAccount) return this.#interest.ofServer
    const name = this.#conversation.account.store.mailboxes.byId(mailbox)?.name
    return name !== undefined && this.#interest.of(name).has("MailboxMetadataChange")
  }

  #forget(): void {
    this.#messages.clear()
    this.#names.clear()
    this.#annotations.clear()
  }

  get waiting(): boolean {
    return this.#names.size + this.#annotations.size + this.#messages.size > 0
  }

  /**
   * Says all of it as it is now, names before what is in them.
   *
   * @returns false when there was too much, of which the client was told (RFC 5465 §5.8)
   * @throws PeerGone
   */
  async tell(): Promise<boolean> {
    const { writer } = this.#conversation
    if (this.#overflowed) {
      writer.text(untagged("OK", "Too many changes at one time, nothing more will be told", "NOTIFICATIONOVERFLOW"))
      return false
    }
    const [names, annotations, messages] = [[...this.#names.values()], [...this.#annotations], [...this.#messages]]
    this.#forget()
    if (names.length > 0) await tellNames(this.#conversation, names)
    for (const [mailbox, entries] of annotations) {
      this.#tellAnnotations(mailbox, [...entries])
      if (writer.congested) await writer.drained()
    }
    for (const [mailbox, news] of messages) {
      this.#tellMessages(mailbox, news)
      if (writer.congested) await writer.drained()
    }
    return true
  }

  /** RFC 5465 §5.6, RFC 5464 §4.4.2: names of entries, without values. */
  #tellAnnotations(id: number, entries: readonly string[]): void {
    const { writer, account, utf8 } = this.#conversation
    const mailbox = id === wholeAccount ? null : account.store.mailboxes.byId(id)
    if (mailbox === undefined) return
    writer.text("* METADATA ").bytes(mailbox === null ? latin1Bytes('""') : mailboxWire(mailbox.name, utf8))
    for (const entry of entries) writer.text(" ").bytes(astringWire(entry))
    writer.text("\r\n")
  }

  /** What is selected by now is told in its own way (RFC 5465 §3.1). */
  #tellMessages(id: number, news: MessageNews): void {
    const { account, view, condstore } = this.#conversation
    const mailbox = account.store.mailboxes.byId(id)
    if (mailbox === undefined || !mailbox.selectable || view?.state.mailbox === id) return
    const items = statusItems(news, this.#interest.of(mailbox.name), condstore)
    if (items.length > 0) writeStatus(this.#conversation, mailbox, items)
  }
}

/**
 * RFC 5465 §5.1 to §5.3. A change of flags is worth nothing to a client without CONDSTORE, unless the number of
 * unseen messages may be another one.
 */
function statusItems(news: MessageNews, wanted: ReadonlySet<EventName>, condstore: boolean): StatusItem[] {
  const items = new Set<StatusItem>()
  const counts = news.counts && wanted.has("MessageNew")
  const flags = news.flags && wanted.has("FlagChange")
  if (counts) items.add("UIDNEXT").add("MESSAGES")
  if ((counts || flags) && condstore) items.add("HIGHESTMODSEQ")
  if ((flags && condstore) || (news.validity && wanted.has("FlagChange"))) items.add("UIDVALIDITY")
  if (flags && news.seen) items.add("UNSEEN")
  return [...items]
}

/** RFC 5465 §3.1: what NOTIFY SET STATUS says beforehand. */
export function statusItemsAtFirst(wanted: ReadonlySet<EventName>): StatusItem[] {
  const items = new Set<StatusItem>()
  if (wanted.has("MessageNew")) items.add("MESSAGES").add("UIDNEXT").add("UIDVALIDITY")
  if (wanted.has("FlagChange")) items.add("UIDVALIDITY").add("HIGHESTMODSEQ")
  return [...items]
}

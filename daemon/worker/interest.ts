import type { EventGroup, FetchItem, MailboxFilter, MailboxWatch } from "../imap/ast.ts"
import { filterOf } from "./mailbox-filter.ts"
import { Refused } from "./refusal.ts"

/** RFC 5465 §5, with what METADATA makes obligatory (§5.6, §5.7). AnnotationChange is of ANNOTATE, which is not here. */
export const eventNames = [
  "MessageNew",
  "MessageExpunge",
  "FlagChange",
  "MailboxName",
  "SubscriptionChange",
  "MailboxMetadataChange",
  "ServerMetadataChange",
] as const

export type EventName = (typeof eventNames)[number]

/** What a client wants to hear of the mailbox that it has selected. */
export type SelectedInterest = {
  /** New and expunged messages, or changes of flags as well; these three are the sets that RFC 5465 §5 lets one ask for. */
  hears: "nothing" | "messages" | "everything"
  /** SELECTED: message numbers may change at any time (§6.1.1). */
  atOnce: boolean
  /** What is told of a new message, beside that there is one. */
  items: readonly FetchItem[]
}

/** RFC 5465 §3.1: what every client hears that never said NOTIFY. */
export const beforeNotify: SelectedInterest = { hears: "everything", atOnce: false, items: [] }

const silence: SelectedInterest = { hears: "nothing", atOnce: false, items: [] }

type Group = { meant: (name: string) => boolean; events: ReadonlySet<EventName> }

const noEvents: ReadonlySet<EventName> = new Set()

/** What one client wants to hear since its last NOTIFY. */
export class Interest {
  /** NOTIFY NONE. */
  static readonly nothing = new Interest(silence, [])

  /** ENABLE METADATA without NOTIFY (RFC 5464 §4.1). */
  static readonly annotations = new Interest(beforeNotify, [
    { meant: () => true, events: new Set(["MailboxMetadataChange", "ServerMetadataChange"]) },
  ])

  readonly selected: SelectedInterest
  readonly #groups: readonly Group[]

  private constructor(selected: SelectedInterest, groups: readonly Group[]) {
    this.selected = selected
    this.#groups = groups
  }

  /**
   * RFC 5465 §3.1, §5, §6.1, §8.
   *
   * @throws Refused NO for events that do not exist here, BAD for what the RFC forbids to ask together
   */
  static in(groups: readonly EventGroup[], subscribed: () => ReadonlySet<string>): Interest {
    refuseUnknown(groups)
    const selected = groups.filter(({ mailboxes }) => isSelected(mailboxes))
    if (selected.length > 1) refuse("Only one of SELECTED and SELECTED-DELAYED can be there")
    const others: Group[] = []
    for (const group of groups) {
      const events = eventsOf(group)
      const { mailboxes } = group
      if (!isSelected(mailboxes)) others.push({ meant: filterOf(mailboxes, subscribed), events })
    }
    return new Interest(selected[0] === undefined ? silence : selectedInterest(selected[0]), others)
  }

  /**
   * What is wanted of this mailbox beyond what is wanted of the selected one. Groups add up (RFC 5465 §6), but for
   * NONE: of a mailbox that such a group names "the client does not wish to receive any events" (§8).
   */
  of(name: string): ReadonlySet<EventName> {
    const meant = this.#groups.filter((group) => group.meant(name))
    if (meant.length === 0 || meant.some(({ events }) => events.size === 0)) return noEvents
    return new Set(meant.flatMap(({ events }) => [...events]))
  }

  /** ServerMetadataChange is about no mailbox, so it does not matter where it was asked for. */
  get ofServer(): boolean {
    return this.#groups.some(({ events }) => events.has("ServerMetadataChange"))
  }
}

function isSelected(watch: MailboxWatch): watch is Exclude<MailboxWatch, MailboxFilter> {
  return watch.source === "selected" || watch.source === "selected-delayed"
}

function refuse(text: string): never {
  throw new Refused({ status: "BAD", text })
}

function refuseUnknown(groups: readonly EventGroup[]): void {
  if (groups.every(({ events }) => events.every(({ event }) => nameOf(event) !== undefined))) return
  const code = { code: "BADEVENT", events: eventNames } as const
  throw new Refused({ status: "NO", code, text: "There is no such event here" })
}

function nameOf(written: string): EventName | undefined {
  return eventNames.find((name) => name.toLowerCase() === written.toLowerCase())
}

const messageEvents: ReadonlySet<EventName> = new Set(["MessageNew", "MessageExpunge", "FlagChange"])

/** @throws Refused BAD */
function eventsOf({ mailboxes, events }: EventGroup): ReadonlySet<EventName> {
  const names = new Set(events.map(({ event }) => nameOf(event)).filter((name) => name !== undefined))
  if (names.has("MessageNew") !== names.has("MessageExpunge")) refuse("MessageNew and MessageExpunge go together")
  if (names.has("FlagChange") && !names.has("MessageNew")) refuse("FlagChange goes with MessageNew and MessageExpunge")
  if (isSelected(mailboxes)) {
    if ([...names].some((name) => !messageEvents.has(name))) refuse("Only message events can be of SELECTED")
  } else if (events.some(({ items }) => items !== null)) refuse("Only new messages of SELECTED can be fetched")
  return names
}

function selectedInterest({ mailboxes, events }: EventGroup): SelectedInterest {
  const names = new Set(events.map(({ event }) => nameOf(event)))
  const told = names.has("MessageNew") ? "messages" : "nothing"
  return {
    hears: names.has("FlagChange") ? "everything" : told,
    atOnce: mailboxes.source === "selected",
    items: events.flatMap(({ items }) => items ?? []),
  }
}

import type { MailboxSource } from "../../imap/ast.ts"
import { mailboxWire, stringWire } from "../../imap/response.ts"
import type { Store } from "../../store/store.ts"
import type { Mailbox } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { Refused } from "../refusal.ts"
import { View } from "../view.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { type Hit, hitsOf, returnData, savedUids } from "./search-answer.ts"
import { find, mentionsModseq } from "./search-run.ts"
import { sayNoUpdate } from "./search-update.ts"

export const multiSearchFamily: Family<"ESEARCH"> = {
  capabilities: [{ name: "MULTISEARCH", rfc: 7377 }],
  // It answers with UIDs only, so message numbers may change meanwhile.
  commands: { ESEARCH: { state: "authenticated", expunges: "yes", run: esearch } },
}

type MultiSearch = CommandOf<"ESEARCH">

/** RFC 7377 §2: one ESEARCH for each mailbox in which something was found. */
async function esearch(conversation: Conversation, command: MultiSearch): Promise<Completion> {
  refuse(conversation, command)
  const wantsModseq = mentionsModseq(command.key)
  if (wantsModseq) conversation.enableCondstore()
  const { store } = conversation.account
  for (const { id } of await sourcesOf(conversation, command.sources)) {
    const mailbox = store.mailboxes.byId(id)
    if (mailbox === undefined || !mailbox.selectable) continue
    const view = viewOf(conversation, mailbox)
    const hits = hitsOf(view, await find(conversation, view, command), true)
    if (command.returns.includes("SAVE")) view.saved = savedUids(command.returns, hits)
    if (hits.length > 0) await tell(conversation, command, mailbox, hits, wantsModseq)
  }
  if (command.returns.includes("UPDATE")) sayNoUpdate(conversation, command.tag)
  return { text: "ESEARCH completed" }
}

/** @throws Refused BAD: nothing is selected that could be searched, or saved (RFC 7377 §2.2) */
function refuse({ view }: Conversation, { sources, returns }: MultiSearch): void {
  const selected = returns.includes("UPDATE") || sources === null || sources.some(({ source }) => source === "selected")
  if (selected && view === null) throw new Refused({ status: "BAD", text: "No mailbox is selected" })
  const others = sources?.some(({ source }) => source !== "selected") === true
  if (others && returns.includes("SAVE"))
    throw new Refused({ status: "BAD", text: "Only a search of the selected mailbox can be saved" })
}

/** The selected mailbox as the client knows it, any other as it is now, with nothing of it claimed. */
function viewOf({ view, account }: Conversation, mailbox: Mailbox): View {
  return view?.state.mailbox === mailbox.id ? view : View.open(account.store, mailbox, true)
}

/** The mailboxes to search, each once; what does not exist is passed over. Mail in the spool is let in first. */
async function sourcesOf(conversation: Conversation, sources: MailboxSource[] | null): Promise<Mailbox[]> {
  const { account, view } = conversation
  const tests = (sources ?? [{ source: "selected" }]).map((source) => includes(account.store, source, view))
  const chosen = () => account.store.mailboxes.list().filter((mailbox) => tests.some((test) => test(mailbox)))
  const inbox = chosen().find(({ name }) => name === "INBOX")
  if (inbox === undefined || inbox.id === view?.state.mailbox) return chosen()
  await account.settle()
  return chosen()
}

/** RFC 5465 §6, RFC 7377 §2.2. */
function includes(store: Store, source: MailboxSource, view: View | null): (mailbox: Mailbox) => boolean {
  switch (source.source) {
    case "selected":
      return ({ id }) => id === view?.state.mailbox
    case "inboxes":
      return ({ name }) => name === "INBOX"
    case "personal":
      return () => true
    case "subscribed": {
      const subscribed = store.mailboxes.subscriptions()
      return ({ name }) => subscribed.has(name)
    }
    case "mailboxes": {
      const named = new Set(source.mailboxes)
      return ({ name }) => named.has(name)
    }
    default:
      return within(new Set(source.mailboxes), source.source === "subtree-one")
  }
}

/** One of these names, or below one of them; one level below with `oneLevel`. */
function within(roots: ReadonlySet<string>, oneLevel: boolean): (mailbox: Mailbox) => boolean {
  return ({ name }) => {
    if (roots.has(name)) return true
    if (oneLevel) return name.includes("/") && roots.has(name.slice(0, name.lastIndexOf("/")))
    for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) {
      if (roots.has(name.slice(0, at))) return true
    }
    return false
  }
}

async function tell(
  { writer, utf8 }: Conversation,
  { tag, returns }: MultiSearch,
  { name, uidValidity }: Mailbox,
  hits: readonly Hit[],
  wantsModseq: boolean,
): Promise<void> {
  if (returns.every((each) => each === "SAVE")) return
  writer
    .text("* ESEARCH (TAG ")
    .bytes(stringWire(tag))
    .text(" MAILBOX ")
    .bytes(mailboxWire(name, utf8))
    .text(` UIDVALIDITY ${uidValidity}) UID${returnData(returns, hits, wantsModseq)}\r\n`)
  if (writer.congested) await writer.drained()
}

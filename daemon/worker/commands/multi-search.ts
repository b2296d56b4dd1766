import type { MailboxSource } from "../../imap/ast.ts"
import { mailboxWire, stringWire } from "../../imap/response.ts"
import type { Mailbox } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import { filterOf } from "../mailbox-filter.ts"
import { Refused } from "../refusal.ts"
import { View } from "../view.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { type Hit, hitsOf, returnData, savedUids, updatedItems } from "./search-answer.ts"
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
  if (updatedItems(command.returns) !== null) sayNoUpdate(conversation, command.tag)
  return { text: "ESEARCH completed" }
}

/** @throws Refused BAD: nothing is selected that could be searched, or saved (RFC 7377 §2.2) */
function refuse({ view }: Conversation, { sources, returns }: MultiSearch): void {
  const selected =
    updatedItems(returns) !== null || sources === null || sources.some(({ source }) => source === "selected")
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
  const { mailboxes } = account.store
  const subscribed = mailboxes.subscriptions()
  const tests = (sources ?? [{ source: "selected" as const }]).map((source): ((mailbox: Mailbox) => boolean) => {
    if (source.source === "selected") return ({ id }) => id === view?.state.mailbox
    const meant = filterOf(source, () => subscribed)
    return ({ name }) => meant(name)
  })
  const chosen = await those(conversation, tests)
  const inbox = chosen.find(({ name }) => name === "INBOX")
  if (inbox === undefined || inbox.id === view?.state.mailbox) return chosen
  await account.settle()
  return those(conversation, tests)
}

/** There may be thousands of mailboxes, and of sources. */
async function those(
  { account, pace }: Conversation,
  tests: readonly ((mailbox: Mailbox) => boolean)[],
): Promise<Mailbox[]> {
  const chosen: Mailbox[] = []
  for (const mailbox of account.store.mailboxes.list()) {
    if (tests.some((test) => test(mailbox))) chosen.push(mailbox)
    if (pace.due) await pace.rest()
  }
  return chosen
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

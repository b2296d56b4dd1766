import { continuation, nstringWire, untagged } from "../../imap/response.ts"
import type { Conversation } from "../conversation.ts"
import { offered } from "../message-limit.ts"
import { ClientGone } from "../pace.ts"
import { Refused } from "../refusal.ts"
import type { CommandOf, Completion, Entry, Family } from "./command.ts"

/** After login these are errors of the client (RFC 3501 §6.2: valid in the not-authenticated state only). */
const alreadyLoggedIn: Entry<"LOGIN" | "AUTHENTICATE" | "STARTTLS"> = {
  state: "not-authenticated",
  expunges: "yes",
  run: () => {
    throw new Refused({ status: "BAD", text: "Already logged in" })
  },
}

export const generalFamily: Family<
  "CAPABILITY" | "NOOP" | "CHECK" | "LOGOUT" | "ID" | "NAMESPACE" | "IDLE" | "LOGIN" | "AUTHENTICATE" | "STARTTLS"
> = {
  capabilities: [
    { name: "IMAP4rev1", rfc: 3501 },
    { name: "IMAP4rev2", rfc: 9051 },
    { name: "ID", rfc: 2971 },
    { name: "NAMESPACE", rfc: 2342 },
    { name: "IDLE", rfc: 2177 },
    { name: "INPROGRESS", rfc: 9585 },
    { name: "MESSAGELIMIT", rfc: 9738, value: ({ limits }) => offered(limits, "all") },
    { name: "SAVELIMIT", rfc: 9738, value: ({ limits }) => offered(limits, "save") },
  ],
  commands: {
    CAPABILITY: { state: "authenticated", expunges: "yes", run: capability },
    NOOP: { state: "authenticated", expunges: "yes", run: () => ({ text: "NOOP completed" }) },
    CHECK: { state: "selected", expunges: "yes", run: () => ({ text: "CHECK completed" }) },
    LOGOUT: { state: "authenticated", expunges: "yes", run: logout },
    ID: { state: "authenticated", expunges: "yes", run: id },
    NAMESPACE: { state: "authenticated", expunges: "yes", run: namespace },
    IDLE: { state: "authenticated", expunges: "yes", run: idle },
    LOGIN: alreadyLoggedIn,
    AUTHENTICATE: alreadyLoggedIn,
    STARTTLS: alreadyLoggedIn,
  },
}

/** RFC 3501 §6.1.1. */
function capability({ writer, line }: Conversation): Completion {
  writer.text(`* CAPABILITY ${line.capabilities.join(" ")}\r\n`)
  return { text: "CAPABILITY completed" }
}

/** RFC 3501 §6.1.3: BYE comes before the tagged OK; the connection ends after it. */
function logout({ writer }: Conversation): Completion {
  writer.text(untagged("BYE", "Logging out"))
  return { text: "LOGOUT completed" }
}

/** RFC 2971. The answer is the same for everybody and says no version: that would only help an attacker. */
function id(conversation: Conversation, { fields }: CommandOf<"ID">): Completion {
  conversation.client = clientName(fields) ?? conversation.client
  conversation.writer.text("* ID (").bytes(nstringWire("name")).text(" ").bytes(nstringWire("mailkeep")).text(")\r\n")
  return { text: "ID completed" }
}

/** "Thunderbird 128.0", for the list of sessions; null when the client does not say. */
export function clientName(fields: ReadonlyMap<string, string | null> | null): string | null {
  const of = (wanted: string) => [...(fields ?? [])].find(([name]) => name.toLowerCase() === wanted)?.[1] ?? ""
  return `${of("name")} ${of("version")}`.trim().slice(0, 128) || null
}

/** RFC 2342 §5: one personal namespace, levels separated by "/". */
function namespace({ writer }: Conversation): Completion {
  writer.text('* NAMESPACE (("" "/")) NIL NIL\r\n')
  return { text: "NAMESPACE completed" }
}

/** RFC 2177: changes are pushed at once until the client says DONE. */
async function idle({ writer, line, push }: Conversation): Promise<Completion> {
  writer.text(continuation("idling"))
  line.activity("IDLE", true)
  const done = await push.until(line.nextLine(), true)
  if (done === null) throw new ClientGone()
  line.activity("IDLE", false)
  if (Buffer.from(done).toString("latin1").toUpperCase() !== "DONE")
    throw new Refused({ status: "BAD", text: "Expected DONE" })
  return { text: "IDLE completed" }
}

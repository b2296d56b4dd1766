import type { Conversation } from "../conversation.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

/** What ENABLE can switch on, by its name in capitals; `spelling` is how it is written. Whether it is on already, and how it is switched on. */
type Extension = {
  spelling?: string
  isOn(conversation: Conversation): boolean
  enable(conversation: Conversation): void
}

const extensions: Readonly<Record<string, Extension | undefined>> = {
  /** RFC 7162 §3.1 */
  CONDSTORE: {
    isOn: ({ condstore }) => condstore,
    enable: (conversation) => conversation.enableCondstore(),
  },
  /** RFC 7162 §3.2.3 */
  QRESYNC: {
    isOn: ({ qresync }) => qresync,
    enable: (conversation) => conversation.enableQresync(),
  },
  /** RFC 6855 §3 */
  "UTF8=ACCEPT": {
    isOn: ({ utf8Accept }) => utf8Accept,
    enable: (conversation) => conversation.enableUtf8Accept(),
  },
  /** RFC 9051 §6.3.1 */
  IMAP4REV2: {
    spelling: "IMAP4rev2",
    isOn: ({ rev2 }) => rev2,
    enable: (conversation) => conversation.enableRev2(),
  },
  /** RFC 5464 §4.1 */
  METADATA: {
    isOn: ({ hearsOfAnnotations }) => hearsOfAnnotations,
    enable: (conversation) => conversation.hearOfAnnotations(),
  },
  /** RFC 9586 §3 */
  UIDONLY: {
    isOn: ({ uidOnly }) => uidOnly,
    enable: (conversation) => conversation.enableUidOnly(),
  },
}

export const enableFamily: Family<"ENABLE"> = {
  capabilities: [
    { name: "ENABLE", rfc: 5161 },
    { name: "UTF8=ACCEPT", rfc: 6855 },
    { name: "UIDONLY", rfc: 9586 },
  ],
  commands: { ENABLE: { state: "authenticated", expunges: "yes", run: enable } },
}

/** RFC 5161 §3.1: what is unknown is passed over, and ENABLED lists what this command switched on. */
function enable(conversation: Conversation, { capabilities }: CommandOf<"ENABLE">): Completion {
  const asked = [...new Set(capabilities)].filter((name) => extensions[name]?.isOn(conversation) === false)
  const names = asked.map((name) => extensions[name]?.spelling ?? name)
  conversation.writer.text(`* ${["ENABLED", ...names].join(" ")}\r\n`)
  for (const name of asked) extensions[name]?.enable(conversation)
  return { text: "ENABLE completed" }
}

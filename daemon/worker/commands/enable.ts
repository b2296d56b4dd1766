import type { Conversation } from "../conversation.ts"
import type { CommandOf, Completion, Family } from "./command.ts"

/** What ENABLE can switch on, by its name in capitals. Whether it is on already, and how it is switched on. */
type Extension = { isOn(conversation: Conversation): boolean; enable(conversation: Conversation): void }

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
}

export const enableFamily: Family<"ENABLE"> = {
  capabilities: [{ name: "ENABLE", rfc: 5161 }],
  commands: { ENABLE: { state: "authenticated", expunges: "yes", run: enable } },
}

/** RFC 5161 §3.1: what is unknown is passed over, and ENABLED lists what this command switched on. */
function enable(conversation: Conversation, { capabilities }: CommandOf<"ENABLE">): Completion {
  const asked = [...new Set(capabilities)].filter((name) => extensions[name]?.isOn(conversation) === false)
  conversation.writer.text(`* ${["ENABLED", ...asked].join(" ")}\r\n`)
  for (const name of asked) extensions[name]?.enable(conversation)
  return { text: "ENABLE completed" }
}

import { isReplyOrForward } from "../../message/base-subject.ts"
import { boundedKey } from "../../message/collation.ts"
import type { Store } from "../../store/store.ts"
import type { Message } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { View } from "../view.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { find, namesNumbers } from "./search-run.ts"
import { readMany } from "./sort.ts"
import { sentDate } from "./sort-key.ts"
import { threadByReferences } from "./thread-references.ts"
import { threadBySubject } from "./thread-subject.ts"
import { type Threaded, threadWire } from "./thread-tree.ts"

export const threadFamily: Family<"THREAD"> = {
  capabilities: [
    { name: "THREAD=ORDEREDSUBJECT", rfc: 5256 },
    { name: "THREAD=REFERENCES", rfc: 5256 },
  ],
  commands: {
    THREAD: { state: "selected", expunges: "in-uid-form", run: thread, holdsExpunges: ({ key }) => namesNumbers(key) },
  },
}

type ThreadCommand = CommandOf<"THREAD">

/** RFC 5256 §3 and §4. */
async function thread(conversation: Conversation, command: ThreadCommand): Promise<Completion> {
  const view = conversation.selected()
  const found = await find(conversation, view, command)
  const messages = await threaded(conversation, view, command, found)
  const algorithm = command.algorithm === "REFERENCES" ? threadByReferences : threadBySubject
  const roots = await algorithm(messages, conversation.pace)
  const { writer, pace } = conversation
  writer.text(roots.length > 0 ? "* THREAD " : "* THREAD")
  for (const root of roots) {
    for (const piece of threadWire(root)) {
      writer.text(piece)
      if (writer.congested) await writer.drained()
      if (pace.due) await pace.rest()
    }
  }
  writer.text("\r\n")
  const code = command.uid ? {} : await conversation.codeForNumbers()
  return { ...code, text: "THREAD completed" }
}

async function threaded(
  conversation: Conversation,
  view: View,
  { tag, uid: asUid, algorithm }: ThreadCommand,
  found: readonly Message[],
): Promise<Threaded[]> {
  const { store } = conversation.account
  const factsOf = algorithm === "REFERENCES" ? referenceFacts : subjectFacts
  return readMany(conversation, tag, found, (messages) => {
    const facts = factsOf(store, messages)
    return messages.flatMap((message, index) => {
      const number = asUid ? message.uid : view.sequenceOf(message.uid)
      const known = facts[index]
      return number === null || known == null ? [] : { uid: message.uid, number, ...known }
    })
  })
}

type Facts = Omit<Threaded, "uid" | "number">

/** ORDEREDSUBJECT asks for no more than this. Null for what another session expunged. */
function subjectFacts({ orderings }: Store, messages: readonly Message[]): (Facts | null)[] {
  const orders = orderings.of(messages.map(({ content }) => content))
  return messages.map((message) => {
    const order = orders.get(message.content)
    if (order === undefined) return null
    const subject = boundedKey(order.baseSubject)
    return { subject, sentAt: sentDate(message, order), isReply: false, messageId: null, references: [] }
  })
}

function referenceFacts({ contents }: Store, messages: readonly Message[]): (Facts | null)[] {
  const summaries = contents.many.summaries(messages.map(({ content }) => content))
  return messages.map((message) => {
    const summary = summaries.get(message.content)
    if (summary === undefined) return null
    const { subject, baseSubject, messageId, references } = summary
    return {
      subject: boundedKey(baseSubject),
      sentAt: sentDate(message, summary),
      isReply: isReplyOrForward(subject),
      messageId,
      references,
    }
  })
}

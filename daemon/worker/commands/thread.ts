import { isReplyOrForward } from "../../message/base-subject.ts"
import { collationKey } from "../../message/collation.ts"
import type { Contents } from "../../store/contents.ts"
import type { Message } from "../../store/types.ts"
import type { Conversation } from "../conversation.ts"
import type { View } from "../view.ts"
import type { CommandOf, Completion, Family } from "./command.ts"
import { find, namesNumbers } from "./search-run.ts"
import { readEach } from "./sort.ts"
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
  const roots = await algorithm(messages, conversation.pace())
  const { writer } = conversation
  writer.text(roots.length > 0 ? "* THREAD " : "* THREAD")
  for (const root of roots) {
    for (const piece of threadWire(root)) writer.text(piece)
    if (writer.congested) await writer.drained()
  }
  writer.text("\r\n")
  const code = command.uid ? {} : await conversation.codeForNumbers()
  return { ...code, text: "THREAD completed" }
}

async function threaded(
  conversation: Conversation,
  view: View,
  { uid: asUid, algorithm }: ThreadCommand,
  found: readonly Message[],
): Promise<Threaded[]> {
  const { contents } = conversation.account.store
  const facts = algorithm === "REFERENCES" ? referenceFacts : subjectFacts
  const all = await readEach(conversation, found, (message): Threaded | null => {
    const number = asUid ? message.uid : view.sequenceOf(message.uid)
    return number === null ? null : { uid: message.uid, number, ...facts(contents, message) }
  })
  return all.filter((message) => message !== null)
}

type Facts = Omit<Threaded, "uid" | "number">

/** ORDEREDSUBJECT asks for no more than this. */
function subjectFacts(contents: Contents, message: Message): Facts {
  const subject = collationKey(contents.baseSubject(message.content))
  return { subject, sentAt: sentDate(contents, message), isReply: false, messageId: null, references: [] }
}

function referenceFacts(contents: Contents, { content, internalDate }: Message): Facts {
  const { sentAt, subject, baseSubject, messageId, references } = contents.summary(content)
  return {
    subject: collationKey(baseSubject),
    sentAt: sentAt ?? internalDate,
    isReply: isReplyOrForward(subject),
    messageId,
    references,
  }
}

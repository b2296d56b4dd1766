import * as bench from "./bench.ts"

/** One line of the table. `run` is timed; what `before` and `after` do is not. */
export type Operation = {
  what: string
  /** What the others work on, so that all of its rounds are needed. */
  fills?: boolean
  /** At most; fewer when they take long. */
  rounds: number
  /** False when there is nothing (left) to run on. */
  possible?(on: bench.Bench): boolean
  before?: bench.Preparation
  run: bench.Step
  after?: bench.Preparation
  /** Why servers may rightly answer differently. */
  differs?: string
}

const text = "mailkeep finds what a reader sees, text of HTML without its tags; Dovecot finds tags too"
const chunk = 500

/** In this order: each finds what those before it left. `messages` is how many there are. */
export function operations(messages: number): readonly Operation[] {
  return [...filling(messages), ...reading, ...searching, ...arranging, ...changing, delivering, emptying]
}

const filling = (messages: number): Operation[] => [
  {
    what: `APPEND of ${chunk}, 50 in a command`,
    fills: true,
    rounds: Math.ceil(messages / chunk),
    run: bench.append(chunk, 50),
    after: bench.command("SELECT INBOX"),
  },
]

const facts = "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"
const summary = "FETCH 1:* (ENVELOPE BODYSTRUCTURE)"
const fields = "FETCH 1:* BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID)]"

const reading: readonly Operation[] = [
  { what: "SELECT, first of a session", rounds: 5, before: bench.anew, run: bench.select("INBOX") },
  { what: "SELECT, again", rounds: 5, before: bench.command("UNSELECT"), run: bench.select("INBOX") },
  { what: "FETCH 1:* FLAGS", rounds: 5, run: bench.answers("FETCH 1:* FLAGS") },
  { what: `${facts}, first`, rounds: 1, run: bench.answers(facts) },
  { what: `${facts}, again`, rounds: 5, run: bench.answers(facts) },
  { what: `${summary}, first`, rounds: 1, run: bench.answers(summary) },
  { what: `${summary}, again`, rounds: 5, run: bench.answers(summary) },
  { what: "FETCH 1:* HEADER.FIELDS of six, first", rounds: 1, run: bench.answers(fields) },
  { what: "FETCH 1:* HEADER.FIELDS of six, again", rounds: 3, run: bench.answers(fields) },
  { what: "FETCH 1:* BODY.PEEK[], all octets", rounds: 3, run: bench.bodies },
]

const cold = bench.anewIn("INBOX")

const searching: readonly Operation[] = [
  { what: "SEARCH TEXT frequent, cold", rounds: 3, before: cold, run: bench.search("TEXT linux"), differs: text },
  { what: "SEARCH TEXT rare, cold", rounds: 3, before: cold, run: bench.search("TEXT xylophone"), differs: text },
  { what: "SEARCH TEXT frequent, warm", rounds: 3, run: bench.search("TEXT linux"), differs: text },
  { what: "SEARCH TEXT most frequent, warm", rounds: 3, run: bench.search("TEXT spamassassin"), differs: text },
  { what: "SEARCH TEXT rare, warm", rounds: 3, run: bench.search("TEXT xylophone"), differs: text },
  { what: "SEARCH TEXT absent, warm", rounds: 3, run: bench.search("TEXT zyzzyvaszyz"), differs: text },
  { what: "SEARCH BODY, two letters, warm", rounds: 3, run: bench.search("BODY qu"), differs: text },
  { what: "SEARCH FROM, first", rounds: 1, run: bench.search("FROM linux") },
  { what: "SEARCH FROM, again", rounds: 5, run: bench.search("FROM linux") },
  { what: "SEARCH SUBJECT, two letters", rounds: 5, run: bench.search("SUBJECT re") },
  { what: "SEARCH SUBJECT, absent", rounds: 5, run: bench.search("SUBJECT zyzzyvaszyz") },
  { what: "SEARCH UNSEEN SINCE", rounds: 5, run: bench.search("UNSEEN SINCE 1-Jan-2020") },
]

const arranging: readonly Operation[] = [
  { what: "SORT (DATE), first", rounds: 1, run: bench.arrange("SORT (DATE)") },
  { what: "SORT (DATE), again", rounds: 5, run: bench.arrange("SORT (DATE)") },
  { what: "SORT (SUBJECT), first", rounds: 1, run: bench.arrange("SORT (SUBJECT)") },
  { what: "SORT (SUBJECT), again", rounds: 5, run: bench.arrange("SORT (SUBJECT)") },
  { what: "THREAD REFERENCES, first", rounds: 1, run: bench.arrange("THREAD REFERENCES") },
  { what: "THREAD REFERENCES, again", rounds: 5, run: bench.arrange("THREAD REFERENCES") },
]

const copied = ({ copies }: bench.Bench) => copies > 0

const changing: readonly Operation[] = [
  {
    what: "STORE 1:* +FLAGS.SILENT",
    rounds: 3,
    run: bench.answers("STORE 1:* +FLAGS.SILENT (\\Flagged)"),
    after: bench.command("STORE 1:* -FLAGS.SILENT (\\Flagged)"),
  },
  {
    what: "STORE 1:* +FLAGS",
    rounds: 3,
    run: bench.answers("STORE 1:* +FLAGS (\\Answered)"),
    after: bench.command("STORE 1:* -FLAGS.SILENT (\\Answered)"),
  },
  { what: "COPY 1:*", rounds: 3, before: bench.createCopy, run: bench.copyAll },
  {
    what: "QRESYNC, 50 changed and 50 gone",
    rounds: 5,
    possible: copied,
    before: bench.changeAndLeave,
    run: bench.resync,
  },
  {
    what: "EXPUNGE of all copies",
    rounds: 3,
    possible: copied,
    before: bench.deleteCopies,
    run: bench.expungeAll,
  },
]

const delivering: Operation = { what: "LMTP of 200, until a client sees them", rounds: 3, run: bench.deliver(200) }

const emptying: Operation = {
  what: "EXPUNGE of everything",
  rounds: 1,
  before: bench.deleteAll,
  run: bench.expungeInbox,
}

import type { CommandNamed, Given } from "./command.ts"
import { flagsOf } from "./flags.ts"
import { add, holding, type Mailbox, message, type New, replace, validityIs } from "./truth.ts"
import type { Steps, Turn } from "./turn.ts"
import { named } from "./view.ts"
import { numbersIn } from "./wire.ts"

const arrivalOf = ({ flags, letter }: Given): New => ({ flags: flagsOf(flags), letter })

/**
 * RFC 3501 §6.3.11, RFC 3502. The mailbox is looked up when the literal is announced and again when the command is
 * complete; a literal that is refused is answered at once.
 */
export function* performAppend(turn: Turn, { mailbox, messages }: CommandNamed<"APPEND">): Steps {
  yield
  if (holding(turn.account, mailbox) === undefined) return void turn.end("NO", "TRYCREATE")
  yield
  const to = holding(turn.account, mailbox)
  if (to === undefined) return yield* turn.refused("NO", "TRYCREATE", true)
  const uids = add(to, messages.map(arrivalOf), "each")
  yield* turn.tellAll(true)
  checkAppendUid(turn, turn.end("OK", "APPENDUID"), to, uids)
}

/** RFC 8508; APPENDUID is said before the EXPUNGE (§4.3). */
export function* performReplace(turn: Turn, command: CommandNamed<"REPLACE">): Steps {
  yield
  // RFC 9586 §3
  if (turn.client.uidOnly && !command.uid) return void turn.end("BAD", "UIDREQUIRED")
  if (holding(turn.account, command.mailbox) === undefined) return void turn.end("NO", "TRYCREATE")
  const early = refusalOf(turn, command)
  if (early !== null) return void turn.end(...early)
  yield
  const late = refusalOf(turn, command)
  if (late !== null) return yield* turn.refused(...late, true, command.uid)
  const to = holding(turn.account, command.mailbox)
  if (to === undefined) return yield* turn.refused("NO", "TRYCREATE", true, command.uid)
  const [uid = 0] = namedBy(turn, command) ?? []
  const uids = turn.box === undefined ? [] : replace(turn.box, uid, to, arrivalOf(command.message))
  checkAppendUid(turn, turn.takeCode("APPENDUID"), to, uids)
  yield* turn.tellAll(true, command.uid)
  // RFC 8508 §4.5: what was replaced went as with UID EXPUNGE (RFC 7162 §3.2.9).
  turn.end("OK", turn.client.qresync ? "HIGHESTMODSEQ" : "")
}

function namedBy(turn: Turn, { number, uid }: CommandNamed<"REPLACE">): number[] | null {
  return named(turn.view, [[number, number]], uid)
}

function refusalOf(turn: Turn, command: CommandNamed<"REPLACE">): readonly ["NO" | "BAD", string] | null {
  if (turn.client.view === null) return ["BAD", ""]
  if (turn.view.readOnly) return ["NO", ""]
  const uids = namedBy(turn, command)
  if (uids === null) return ["BAD", ""]
  const [uid] = uids
  const there = uid !== undefined && turn.box !== undefined && message(turn.box, uid) !== undefined
  return there ? null : ["NO", "EXPUNGEISSUED"]
}

function checkAppendUid(turn: Turn, value: string, to: Mailbox, uids: readonly number[]): void {
  const [validity = "", set = ""] = value.split(" ")
  turn.check(validityIs(turn.account, to, Number(validity)), "UIDVALIDITY of APPENDUID")
  turn.check(numbersIn(set).join() === uids.join(), `APPENDUID ${uids}`)
}

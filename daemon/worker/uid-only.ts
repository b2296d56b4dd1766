import type { CommandBody } from "../imap/ast.ts"
import { namesNumbers } from "./commands/search-run.ts"
import { Refused } from "./refusal.ts"

/**
 * After ENABLE UIDONLY no command may name messages by number, nor ask for numbers (RFC 9586 §3).
 *
 * @throws Refused BAD with UIDREQUIRED
 */
export function refuseNumbers(command: CommandBody): void {
  const asked = "uid" in command && !command.uid
  if (!asked && !("key" in command && namesNumbers(command.key)) && !matchesNumbers(command)) return
  throw numbersRefused()
}

export function numbersRefused(): Refused {
  return new Refused({ status: "BAD", code: "UIDREQUIRED", text: "Message numbers are not allowed after UIDONLY" })
}

/** The message sequence match data of QRESYNC (RFC 7162 §3.2.5.2). */
function matchesNumbers(command: CommandBody): boolean {
  return "parameters" in command && command.parameters.qresync !== null && command.parameters.qresync.match !== null
}

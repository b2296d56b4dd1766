import type { Command, SearchKey } from "../imap/ast.ts"
import { Refused } from "./refusal.ts"

/**
 * After ENABLE UIDONLY no command may name messages by number, nor ask for numbers (RFC 9586 §3).
 *
 * @throws Refused BAD with UIDREQUIRED
 */
export function refuseNumbers(command: Command): void {
  const asked = "uid" in command && !command.uid
  if (!asked && !("key" in command && namesNumbers(command.key))) return
  throw new Refused({ status: "BAD", code: "UIDREQUIRED", text: "Message numbers are not allowed after UIDONLY" })
}

/** Whether a sequence set of numbers is among the search keys; "$" is none. */
function namesNumbers(key: SearchKey): boolean {
  if (key.key === "and") return key.keys.some(namesNumbers)
  if (key.key === "or") return namesNumbers(key.left) || namesNumbers(key.right)
  if (key.key === "not") return namesNumbers(key.not)
  return key.key === "set" && !key.uid && key.set.kind === "ranges"
}

import type { Command } from "commander"
import { contextOf } from "./context.ts"
import { CliFailure, explain } from "./failure.ts"

/** EX_USAGE of sysexits.h. */
const wrongUsage = 64
/** EX_TEMPFAIL of sysexits.h: whatever went wrong, the MTA keeps the mail and tries again. */
const tryAgain = 75

/** `mailkeep deliver [-f sender] recipient…`, for MTAs that deliver through a pipe. */
export function addDeliver(program: Command): void {
  program
    .command("deliver <recipient...>")
    .description("deliver the message on standard input; exit codes are those of sysexits.h")
    .exitOverride((error) => {
      if (error.exitCode === 0) throw error
      throw new CliFailure("usage", error.message.replace(/^error: /, ""), wrongUsage)
    })
    .option("-f, --sender <address>", 'return path; "" or <> for none', "")
    .action(async (recipients: string[], options: { sender: string }, command: Command) => {
      try {
        process.exitCode = await deliverInput(recipients, options.sender.replace(/^<(.*)>$/, "$1"), command)
      } catch (error) {
        const { fault, message } = explain(error)
        throw new CliFailure(fault, message, tryAgain, { cause: error })
      }
    })
}

async function deliverInput(recipients: string[], sender: string, command: Command): Promise<number> {
  const context = contextOf(command)
  const settings = context.settings()
  const { deliver } = await import("../../../spool/deliver.ts")
  const done = await deliver({ recipients, sender, input: process.stdin, settings })
  if (context.json) context.answer(done, () => "")
  // The MTA puts this line into its bounce or its log.
  else if (done.text !== "") process.stderr.write(`mailkeep: ${done.text}\n`)
  return done.exitCode
}

import { Command, CommanderError, Help } from "commander"
import { version } from "../../host/version.ts"
import { addDeliver } from "./deliver.ts"
import { type Explained, exitCodes, explain } from "./failure.ts"
import { addConfiguration, addProcesses, addSpool, addStatus, isProcess } from "./operations.ts"
import { addSessions } from "./sessions.ts"
import { addUsers } from "./users.ts"

/**
 * Runs one command line and resolves with the exit code: 0, 1 for a failure, 2 for a command line that
 * makes no sense; `deliver` has those of sysexits.h.
 */
export async function run(args: string[]): Promise<number> {
  const program = makeProgram()
  try {
    await program.parseAsync(args, { from: "user" })
    return Number(process.exitCode ?? exitCodes.ok)
  } catch (error) {
    const explained = error instanceof CommanderError ? usage(error) : explain(error)
    if (explained !== null) report(explained, args)
    return explained?.exitCode ?? exitCodes.ok
  }
}

function makeProgram(): Command {
  const program = new Command("mailkeep")
    .description("Mail storage that nobody, the operator included, can read while its owner is away.")
    .version(version)
    .option("--config <file>", "configuration file (default: $MAILKEEP_CONFIG, or ./mailkeep.toml if there is one)")
    .option("--json", "answer with JSON on standard output, and errors as JSON on standard error")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .exitOverride()
  addProcesses(program)
  addUsers(program)
  addSessions(program)
  addSpool(program)
  addDeliver(program)
  addStatus(program)
  addConfiguration(program)
  // Not before: commands inherit this as it is when they are added, and their own help is as Commander has it.
  return program.configureHelp({ showGlobalOptions: true, visibleCommands: allBelow, subcommandTerm: fullTerm })
}

/** Everything that can be done, not only the words that it begins with. */
function allBelow(command: Command): Command[] {
  return command.commands.flatMap((each) => [
    ...(each.commands.length === 0 || isProcess(each) ? [each] : []),
    ...allBelow(each),
  ])
}

/** `user add [options] <name>` */
function fullTerm(command: Command): string {
  const term = new Help().subcommandTerm(command)
  const group = command.parent
  return group === null || group.parent === null ? term : `${group.name()} ${term}`
}

/** null when help or the version was asked for, and has been printed. */
function usage(error: CommanderError): Explained | null {
  if (error.exitCode === 0) return null
  // Only "no command at all" prints help instead of an error.
  const message =
    error.code === "commander.help" ? "which command? See `mailkeep --help`" : error.message.replace(/^error: /, "")
  return { fault: "usage", message, exitCode: exitCodes.usage }
}

function report({ fault, message, exitCode }: Explained, args: string[]): void {
  if (args.includes("--json")) {
    process.stderr.write(`${JSON.stringify({ error: { fault, message, exitCode } })}\n`)
  } else if (fault !== "interrupted") {
    process.stderr.write(`${message.replace(/^(?!mailkeep )/gm, "mailkeep: ")}\n`)
  }
}

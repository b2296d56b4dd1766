import type { Command } from "commander"
import type { ComponentName } from "../../host/component.ts"
import { settingsFile, settingsToml } from "../../host/configuration.ts"
import { type Context, contextOf } from "./context.ts"
import { bytes, facts, span, table, time } from "./text.ts"

const components: [name: ComponentName, meaning: string][] = [
  ["daemon", "run the daemon: sessions, directory, workers"],
  ["proxy", "run the front end that mail clients connect to"],
  ["spool", "run the entrance for mail (LMTP)"],
]

/** Whether it runs a process, even where there are commands below it. */
export function isProcess(command: Command): boolean {
  return components.some(([name]) => name === command.name())
}

/** `mailkeep up`, and one command for each component. */
export function addProcesses(program: Command): void {
  program
    .command("up")
    .description("run everything in the foreground; Ctrl-C drains and locks")
    .action(async (_: object, command: Command) => {
      const { runUp } = await import("../../up.ts")
      await runUp(contextOf(command).settings())
    })
  for (const [name, meaning] of components) {
    program
      .command(name)
      .description(meaning)
      .action(async (_: object, command: Command) => {
        const { startProcess } = await import("../../processes.ts")
        await startProcess(name, contextOf(command).settings())
      })
  }
}

/** `mailkeep spool list`, below the command that runs the spool. */
export function addSpool(program: Command): void {
  const spool = program.commands.find((command) => command.name() === "spool")
  spool
    ?.command("list")
    .description("mail that waits, sealed, for its readers, and files that could not be opened")
    .action((_: object, command: Command) => listSpool(contextOf(command)))
}

async function listSpool(context: Context): Promise<void> {
  const { mailboxes } = await context.ask("spool.list", {})
  const rows = mailboxes.map((each) => [
    each.user ?? "(nobody)",
    String(each.messages),
    bytes(each.bytes),
    time(each.oldest),
    each.quarantined === 0 ? "-" : `${each.quarantined} (${bytes(each.quarantinedBytes)})`,
    each.mailbox,
  ])
  const heads = ["user", "waiting", "size", "oldest", "quarantined", "mailbox"]
  context.answer(mailboxes, () => table(heads, rows, "nothing waits"))
}

/** `mailkeep status` */
export function addStatus(program: Command): void {
  program
    .command("status")
    .description("how the running daemon is doing")
    .action((_: object, command: Command) => status(contextOf(command)))
}

async function status(context: Context): Promise<void> {
  const reply = await context.ask("status", {})
  const { workers, counts, spool } = reply
  context.answer(reply, () =>
    facts([
      ["mailkeep", `${reply.version} on ${reply.hostName}, process ${reply.pid}`],
      ["up", `${span((Date.now() - reply.startedAt) / 1000)}, since ${time(reply.startedAt)}`],
      ["logins", reply.logins ? "possible" : "not possible: the boot secret is missing"],
      ["users", String(reply.users)],
      ["sessions", `${reply.sessions} open, ${reply.connections} connections`],
      [
        "workers",
        `${workers.warm} warm; key derivations: ${workers.kdfRunning} running, ${workers.kdfWaiting} waiting`,
      ],
      [
        "logins so far",
        `${counts.opened} mailboxes opened, ${counts.refused} refused, ${counts.crashed} workers crashed`,
      ],
      ["mail so far", `${counts.flushed} messages moved into mailboxes, ${counts.quarantined} quarantined`],
      ["spool", `${spool.messages} messages wait (${bytes(spool.bytes)}), ${spool.quarantined} in quarantine`],
    ]),
  )
}

/** `mailkeep config …` */
export function addConfiguration(program: Command): void {
  const config = program.command("config").description("the configuration")
  config
    .command("check")
    .description("name everything that is wrong with the configuration file, by line")
    .action((_: object, command: Command) => {
      const context = contextOf(command)
      context.settings()
      const file = settingsFile(context.configFile)
      context.answer({ file, valid: true }, () =>
        file === null ? "no configuration file: all defaults" : `${file} is valid`,
      )
    })
  config
    .command("show")
    .description("every setting, defaults filled in")
    .option("--running", "ask the running daemon for what it was started with")
    .action((options: { running?: boolean }, command: Command) =>
      showConfiguration(contextOf(command), options.running === true),
    )
}

async function showConfiguration(context: Context, running: boolean): Promise<void> {
  const settings = running ? (await context.ask("config.show", {})).settings : context.settings()
  context.answer(settings, () => settingsToml(settings).trimEnd())
}

import type { Command } from "commander"
import type { ConnectionView, SessionView } from "../requests.ts"
import { type ClockOptions, clockChanges, clockFacts, withClockOptions } from "./clocks.ts"
import { type Context, contextOf } from "./context.ts"
import { CliFailure, exitCodes } from "./failure.ts"
import { facts, span, table, time, wholeNumber } from "./text.ts"

/** `mailkeep sessions …` */
export function addSessions(program: Command): void {
  const sessions = program.command("sessions").description("who is logged in")
  sessions
    .command("list")
    .description("all open mailboxes")
    .action((_: object, command: Command) => list(contextOf(command)))
  sessions
    .command("show <user>")
    .description("one session with its connections")
    .action((user: string, _: object, command: Command) => show(contextOf(command), user))
  sessions
    .command("kick <user>")
    .description("close this user's session and lock the mailbox, or close one connection")
    .option("--connection <id>", "only this connection; `sessions show` has the ids", wholeNumber)
    .action((user: string, options: { connection?: number }, command: Command) =>
      kick(contextOf(command), user, options.connection ?? null),
    )
  withClockOptions(sessions.command("idle <user>"), false)
    .description("set the clocks of this running session, at once and until it ends")
    .action((user: string, options: ClockOptions, command: Command) => idle(contextOf(command), user, options))
}

async function list(context: Context): Promise<void> {
  const { sessions } = await context.ask("sessions.list", {})
  const now = Date.now()
  const rows = sessions.map((session) => [
    session.user,
    session.state,
    String(session.connections),
    time(session.openedAt),
    `${span((now - session.lastCommandAt) / 1000)} ago`,
    expiry(session, now),
  ])
  const heads = ["user", "state", "connections", "opened", "last command", "closes"]
  context.answer(sessions, () => table(heads, rows, "nobody is logged in: every mailbox is locked"))
}

function expiry({ expires }: SessionView, now: number): string {
  return expires === null ? "not by itself" : `in ${span((expires.at - now) / 1000)} (${expires.why})`
}

async function show(context: Context, name: string): Promise<void> {
  const reply = await context.ask("sessions.show", { name })
  const { session, connections } = reply
  const now = Date.now()
  context.answer(reply, () => {
    const head = facts([
      ["user", session.user],
      ["state", session.state],
      ["worker", session.pid === null ? "none" : `process ${session.pid}`],
      ["opened", time(session.openedAt)],
      ["closes", expiry(session, now)],
      ...clockFacts(session.clocks),
    ])
    return `${head}\n\n${connectionTable(connections, now)}`
  })
}

function connectionTable(connections: ConnectionView[], now: number): string {
  const rows = connections.map((connection) => [
    String(connection.id),
    connection.remote,
    time(connection.openedAt),
    connection.command,
    `${span((now - connection.lastCommandAt) / 1000)} ago`,
    connection.client ?? "-",
  ])
  return table(["id", "from", "since", "command", "at", "client"], rows, "no connections")
}

async function kick(context: Context, name: string, connection: number | null): Promise<void> {
  const reply = await context.ask("sessions.kick", { name, connection })
  context.answer(reply, () =>
    connection === null ? `the session of ${name} is closed` : `connection ${connection} of ${name} is closed`,
  )
}

async function idle(context: Context, name: string, options: ClockOptions): Promise<void> {
  const changes = clockChanges(options)
  if (Object.keys(changes).length === 0) {
    throw new CliFailure("usage", "say which clock to set, for example --idle 10m", exitCodes.usage)
  }
  const { idleS, lingerS, maximumLifeS, idleCounts } = changes
  const { clocks } = await context.ask("sessions.idle", {
    name,
    clocks: {
      ...(typeof idleS === "number" ? { idleS } : {}),
      ...(typeof lingerS === "number" ? { lingerS } : {}),
      ...(typeof maximumLifeS === "number" ? { maximumLifeS } : {}),
      ...(typeof idleCounts === "boolean" ? { idleCounts } : {}),
    },
  })
  context.answer(clocks, () => facts(clockFacts(clocks)))
}

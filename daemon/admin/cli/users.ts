import type { Command } from "commander"
import { wipe } from "../../keys/secret.ts"
import { AdminUnreachable } from "../client.ts"
import { AdminError } from "../requests.ts"
import { type ClockOptions, clockChanges, clockFacts, withClockOptions } from "./clocks.ts"
import { type Context, contextOf } from "./context.ts"
import { CliFailure, exitCodes } from "./failure.ts"
import { readPasswords } from "./passwords.ts"
import { bytes, facts, octets, table, time, wholeNumber } from "./text.ts"
import { runErrand, WorkerRefused } from "./worker.ts"

type AddOptions = { address?: string[]; quotaBytes?: number; quotaMessages?: number }

/** `mailkeep user …` */
export function addUsers(program: Command): void {
  const user = program.command("user").description("who has a mailbox")
  addMaking(user)
  addLooking(user)
  addChanging(user)
}

function addMaking(user: Command): void {
  user
    .command("add <name>")
    .description("make a user and his encrypted mailbox; also while mailkeep is down")
    .option(
      "--address <address>",
      "an address of this user, may be repeated (default: the name at the host's name)",
      collect,
    )
    .option(
      "--quota-bytes <size>",
      "how much he may store: 1048576, 500M, 2G; 0 is no limit (default: as configured)",
      octets,
    )
    .option("--quota-messages <count>", "how many messages; 0 is no limit (default: as configured)", wholeNumber)
    .addHelpText("after", "\nThe password is asked for, or is the first line of standard input.")
    .action((name: string, options: AddOptions, command: Command) => add(contextOf(command), name, options))
  user
    .command("passwd <name>")
    .description("change a password; mail is not touched, other sessions end")
    .addHelpText("after", "\nThe passwords are asked for, or are the first two lines of standard input: old, new.")
    .action((name: string, _: object, command: Command) => passwd(contextOf(command), name))
  user
    .command("export-key <name>")
    .description("print the raw key of the mailbox database, against the user's password")
    .option("--yes-print-key", "really print it: who has it can read the mailbox's file for ever")
    .action((name: string, options: { yesPrintKey?: boolean }, command: Command) =>
      exportKey(contextOf(command), name, options.yesPrintKey === true),
    )
}

function addLooking(user: Command): void {
  user
    .command("list")
    .description("all users")
    .action((_: object, command: Command) => list(contextOf(command)))
  user
    .command("show <name>")
    .description("one user")
    .action((name: string, _: object, command: Command) => show(contextOf(command), name))
}

function addChanging(user: Command): void {
  user
    .command("disable <name>")
    .description("refuse logins and mail, end his session; nothing is deleted")
    .action(async (name: string, _: object, command: Command) => {
      const context = contextOf(command)
      const reply = await context.ask("user.disable", { name })
      context.answer(reply, () => `${name} is disabled${reply.ended ? "; his session was ended" : ""}`)
    })
  user
    .command("enable <name>")
    .description("undo disable")
    .action(async (name: string, _: object, command: Command) => {
      const context = contextOf(command)
      context.answer(await context.ask("user.enable", { name }), () => `${name} is enabled`)
    })
  user
    .command("delete <name>")
    .description("delete a user with his mail, waiting mail and keys; nothing brings them back")
    .requiredOption("--yes", "really do it")
    .action(async (name: string, _: object, command: Command) => {
      const context = contextOf(command)
      const reply = await context.ask("user.delete", { name })
      context.answer(reply, () => `${name} is deleted, with all mail; the key slot that is left opens nothing`)
    })
  withClockOptions(user.command("clocks <name>"), true)
    .description("show or set this user's own clocks, also for a running session")
    .action((name: string, options: ClockOptions, command: Command) => clocks(contextOf(command), name, options))
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}

async function add(context: Context, name: string, options: AddOptions): Promise<void> {
  const online = await isFree(context, name)
  const [password = Buffer.alloc(0)] = await readPasswords([{ label: "new password", isNew: true }])
  const given = {
    addresses: options.address ?? [],
    quotaBytes: options.quotaBytes ?? null,
    quotaMessages: options.quotaMessages ?? null,
  }
  try {
    if (online) {
      await addOnline(context, name, password, given)
    } else {
      const { createUserOffline } = await import("../../offline.ts")
      await createUserOffline(context.settings(), name, password, given)
    }
  } finally {
    wipe(password)
  }
  context.answer(
    { name, created: true, online },
    () => `${name} is ready; this password, and nothing else, opens the mailbox`,
  )
}

/** Asked before the password, so that nobody types one in vain. @returns false when the daemon is down */
async function isFree(context: Context, name: string): Promise<boolean> {
  try {
    const { user } = await context.ask("user.show", { name })
    if (user.status === "incomplete") return true
    throw new CliFailure("user-exists", `there is a user ${user.name} already`)
  } catch (error) {
    if (error instanceof AdminError && error.fault === "no-such-user") return true
    if (error instanceof AdminUnreachable && !error.running) return false
    throw error
  }
}

type Given = { addresses: string[]; quotaBytes: number | null; quotaMessages: number | null }

async function addOnline(context: Context, name: string, password: Buffer, given: Given): Promise<void> {
  const admission = await context.ask("user.add", { name, ...given })
  try {
    await runErrand({ purpose: "create", admission, credential: password })
  } catch (error) {
    // Only after a clear no: when the connection broke, the mailbox may have been made.
    if (error instanceof WorkerRefused) await context.ask("user.delete", { name })
    throw error
  }
}

async function passwd(context: Context, name: string): Promise<void> {
  await context.ask("user.show", { name })
  const [old = Buffer.alloc(0), fresh = Buffer.alloc(0)] = await readPasswords([
    { label: "old password", isNew: false },
    { label: "new password", isNew: true },
  ])
  try {
    const admission = await context.ask("user.passwd", { name })
    await runErrand({ purpose: "rekey", admission, credential: old, second: fresh })
  } finally {
    wipe(old, fresh)
  }
  context.answer({ name, changed: true }, () => `the password of ${name} is changed`)
}

async function exportKey(context: Context, name: string, really: boolean): Promise<void> {
  if (!really) {
    const text = "who has this key can read the mailbox's file for ever: say --yes-print-key if that is what you want"
    throw new CliFailure("usage", text, exitCodes.usage)
  }
  await context.ask("user.show", { name })
  const [password = Buffer.alloc(0)] = await readPasswords([{ label: "password", isNew: false }])
  let key: Buffer | null = null
  try {
    const admission = await context.ask("user.export", { name })
    key = await runErrand({ purpose: "export", admission, credential: password })
    await printKey(key, context.json)
  } finally {
    wipe(password, ...(key === null ? [] : [key]))
  }
}

/** Hexadecimal digits made byte by byte, because a string could not be wiped. */
async function printKey(key: Buffer, json: boolean): Promise<void> {
  const [before, after] = json ? ['{\n  "key": "', '"\n}\n'] : ["", "\n"]
  const digits = Buffer.alloc(key.length * 2)
  for (const [index, byte] of key.entries()) {
    digits[index * 2] = "0123456789abcdef".charCodeAt(byte >> 4)
    digits[index * 2 + 1] = "0123456789abcdef".charCodeAt(byte & 15)
  }
  process.stdout.write(before)
  await new Promise<void>((resolve) => process.stdout.write(digits, () => resolve()))
  process.stdout.write(after)
  wipe(digits)
}

async function list(context: Context): Promise<void> {
  const { users } = await context.ask("user.list", {})
  const rows = users.map((user) => [
    user.name,
    user.status,
    bytes(user.usageBytes),
    String(user.usageMessages),
    user.addresses.join(", "),
  ])
  context.answer(users, () =>
    table(
      ["name", "status", "size", "messages", "addresses"],
      rows,
      "no users yet: `mailkeep user add NAME` makes one",
    ),
  )
}

async function show(context: Context, name: string): Promise<void> {
  const reply = await context.ask("user.show", { name })
  const { user, quota, recipients, session } = reply
  context.answer(reply, () =>
    facts([
      ["name", user.name],
      ["status", user.status],
      ["addresses", user.addresses.join(", ")],
      ["mailbox", user.mailbox],
      ["stored", `${bytes(user.usageBytes)} in ${user.usageMessages} messages, when the mailbox was last open`],
      ["quota, size", limit(quota.quotaBytes, user.quotaBytes, bytes)],
      ["quota, messages", limit(quota.quotaMessages, user.quotaMessages, String)],
      ...clockFacts(user.clocks),
      ["sealed to", recipients.join(", ") || "nothing yet"],
      ["session", session === null ? "none" : `${session.state}, ${session.connections} connections`],
      ["created", time(user.createdAt)],
    ]),
  )
}

/** What applies, and whether it is this user's own. */
function limit(applies: number, own: number | null, text: (value: number) => string): string {
  return `${applies === 0 ? "no limit" : text(applies)}${own === null ? " (as configured)" : ""}`
}

async function clocks(context: Context, name: string, options: ClockOptions): Promise<void> {
  const changes = clockChanges(options)
  const reply =
    Object.keys(changes).length === 0
      ? (await context.ask("user.show", { name })).user.clocks
      : (await context.ask("user.clocks", { name, clocks: changes })).clocks
  context.answer(reply, () => facts(clockFacts(reply)))
}

import { rm } from "node:fs/promises"
import { dirname } from "node:path"
import type { Queue } from "../../spool/queue.ts"
import type { Clocks } from "../contract/worker-link.ts"
import { type Directory, DirectoryError, type User } from "../directory/directory.ts"
import type { Paths } from "../host/paths.ts"
import type { Settings } from "../host/settings.ts"
import { version } from "../host/version.ts"
import { clocksFor } from "../sessions/clocks.ts"
import { quotaOf } from "../sessions/quota.ts"
import type { Session } from "../sessions/session.ts"
import { type Sessions, Unavailable } from "../sessions/table.ts"
import {
  AdminError,
  type AdminHandlers,
  type AdminReplies,
  type ConnectionView,
  type SessionView,
  type UserView,
} from "./requests.ts"

type Parts = {
  settings: Settings
  paths: Paths
  directory: Directory
  sessions: Sessions
  queue: Queue
  /** Tells the spool that what it remembers of recipients may be wrong. */
  recipientsChanged: () => void
}

/** What an operator can ask of a running daemon: names, times and numbers; never mail, passwords or keys. */
export function makeAdminHandlers(parts: Parts): AdminHandlers {
  const { settings, directory, sessions, queue, recipientsChanged } = parts
  const startedAt = Date.now()
  return {
    status: async () => ({
      version,
      pid: process.pid,
      startedAt,
      hostName: settings.host_name,
      logins: sessions.possible,
      users: (await directory.list()).length,
      ...loadOf(sessions),
      spool: totals(await queue.summary()),
    }),
    "user.list": async () => ({ users: (await directory.list()).map(userView) }),
    "user.show": async ({ name }) => {
      const user = await userNamed(directory, name)
      const session = sessions.get(user.name)
      return {
        user: userView(user),
        quota: quotaOf(user, settings),
        recipients: user.recipients,
        session: session === undefined ? null : sessionView(session),
      }
    },
    "user.add": async (asks) => {
      const user = await addUser(parts, asks)
      // Somebody may have tried this name before it existed: that worker knows only a decoy.
      await sessions.end(user.name, "kicked")
      recipientsChanged()
      return admission(sessions, user.name, "create")
    },
    "user.passwd": async ({ name }) => admission(sessions, (await userNamed(directory, name)).name, "rekey"),
    "user.export": async ({ name }) => admission(sessions, (await userNamed(directory, name)).name, "export"),
    "user.disable": async ({ name }) => {
      const user = await userNamed(directory, name)
      await directory.setStatus(user.name, "disabled")
      recipientsChanged()
      return { ended: await sessions.end(user.name, "disabled") }
    },
    "user.enable": async ({ name }) => {
      const user = await userNamed(directory, name)
      await directory.setStatus(user.name, "active")
      // A worker that was given to the disabled name knows only a decoy.
      await sessions.end(user.name, "kicked")
      recipientsChanged()
      return {}
    },
    "user.delete": ({ name }) => deleteUser(parts, name),
    "user.clocks": async ({ name, clocks }) => {
      const user = await userNamed(directory, name)
      const changes = Object.fromEntries(Object.entries(clocks).filter(([, value]) => value !== undefined))
      const overrides = await directory.setClocks(user.name, changes)
      sessions.get(user.name)?.setClocks(clocksFor(settings.sessions, overrides))
      return { clocks: overrides }
    },
    "sessions.list": async () => ({ sessions: sessions.list().map(sessionView) }),
    "sessions.show": async ({ name }) => {
      const session = sessionNamed(parts, name)
      return { session: sessionView(session), connections: [...session.connections.values()].map(connectionView) }
    },
    "sessions.kick": async ({ name, connection }) => {
      const session = sessionNamed(parts, name)
      if (connection === null) await sessions.end(session.user, "kicked")
      else if (!session.drop(connection))
        throw new AdminError("no-such-connection", `${session.user} has no connection ${connection}`)
      return {}
    },
    "sessions.idle": async ({ name, clocks }) => {
      const session = sessionNamed(parts, name)
      const running = session.clocks
      session.setClocks({
        lingerMs: clocks.lingerS === undefined ? running.lingerMs : clocks.lingerS * 1000,
        idleMs: clocks.idleS === undefined ? running.idleMs : clocks.idleS * 1000,
        maximumLifeMs: clocks.maximumLifeS === undefined ? running.maximumLifeMs : clocks.maximumLifeS * 1000,
        idleCounts: clocks.idleCounts ?? running.idleCounts,
      })
      return { clocks: clocksView(session.clocks) }
    },
    "spool.list": async () => {
      const owners = new Map((await directory.list()).map((user) => [user.mailbox, user.name]))
      return { mailboxes: (await queue.summary()).map((row) => ({ ...row, user: owners.get(row.mailbox) ?? null })) }
    },
    "config.show": async () => ({ settings }),
  }
}

async function addUser(
  parts: Parts,
  asks: { name: string; addresses: string[]; quotaBytes: number | null; quotaMessages: number | null },
): Promise<User> {
  const { directory } = parts
  const given = {
    name: asks.name,
    quotaBytes: asks.quotaBytes,
    quotaMessages: asks.quotaMessages,
    ...(asks.addresses.length > 0 ? { addresses: asks.addresses } : {}),
  }
  try {
    return await directory.add(given)
  } catch (error) {
    // An earlier attempt was cut off before the mailbox was made: nothing of it can hold mail.
    if (!(error instanceof DirectoryError) || error.fault !== "incomplete") throw error
    await deleteUser(parts, asks.name)
    return directory.add(given)
  }
}

/** The directory entry goes first, so that neither mail nor a login can follow; then everything that was the user's. */
async function deleteUser(parts: Parts, name: string): Promise<{ ended: boolean }> {
  const { directory, sessions, paths, queue, recipientsChanged } = parts
  const user = await directory.remove(name)
  recipientsChanged()
  const ended = await sessions.end(user.name, "deleted")
  await rm(dirname(paths.databaseOf(user.mailbox)), { recursive: true, force: true })
  await queue.drop(user.mailbox)
  return { ended }
}

async function userNamed(directory: Directory, name: string): Promise<User> {
  const user = await directory.findByName(name)
  if (user === undefined) throw new AdminError("no-such-user", `there is no user ${name}`)
  return user
}

function sessionNamed({ sessions, directory }: Parts, name: string): Session {
  const session = sessions.get(directory.canonicalName(name))
  if (session === undefined) throw new AdminError("no-such-session", `${name} is not logged in`)
  return session
}

async function admission(
  sessions: Sessions,
  name: string,
  purpose: "create" | "rekey" | "export",
): Promise<AdminReplies<"user.add">> {
  try {
    return await sessions.admit(name, "admin", purpose)
  } catch (error) {
    if (error instanceof Unavailable) throw new AdminError("unavailable", error.message)
    throw error
  }
}

function loadOf(sessions: Sessions) {
  const { sessions: open, kdf, warm, ...counts } = sessions.load()
  const connections = sessions.list().reduce((sum, session) => sum + session.connections.size, 0)
  return { sessions: open, connections, workers: { warm, kdfRunning: kdf.running, kdfWaiting: kdf.waiting }, counts }
}

function totals(rows: { messages: number; bytes: number; quarantined: number }[]) {
  const sum = (field: "messages" | "bytes" | "quarantined") => rows.reduce((total, row) => total + row[field], 0)
  return { messages: sum("messages"), bytes: sum("bytes"), quarantined: sum("quarantined") }
}

function userView({ recipients: _, kdf: __, ...user }: User): UserView {
  return user
}

function sessionView(session: Session): SessionView {
  return {
    user: session.user,
    state: session.state,
    pid: session.worker.pid,
    startedAt: session.startedAt,
    openedAt: session.openedAt,
    lastCommandAt: session.lastCommandAt,
    connections: session.connections.size,
    clocks: clocksView(session.clocks),
    expires: session.expiresAt(),
  }
}

function clocksView(clocks: Clocks): SessionView["clocks"] {
  return {
    lingerS: clocks.lingerMs / 1000,
    idleS: clocks.idleMs / 1000,
    maximumLifeS: clocks.maximumLifeMs / 1000,
    idleCounts: clocks.idleCounts,
  }
}

function connectionView(connection: ConnectionView): ConnectionView {
  return { ...connection }
}

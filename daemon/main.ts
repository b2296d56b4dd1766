import { Queue } from "../spool/queue.ts"
import { makeAdminHandlers } from "./admin/handlers.ts"
import { serveAdmin } from "./admin/server.ts"
import { serveControl } from "./contract/channel.ts"
import type { Asks, Replies } from "./contract/control.ts"
import type { Directory, User } from "./directory/directory.ts"
import { openDirectory } from "./directory/sqlite.ts"
import type { Running } from "./host/component.ts"
import { Locked, takeLock } from "./host/lock.ts"
import type { Log } from "./host/log.ts"
import { type Paths, pathsOf } from "./host/paths.ts"
import type { Settings } from "./host/settings.ts"
import { BootSecretError } from "./keys/boot-secret.ts"
import { wipe } from "./keys/secret.ts"
import { WorkerPool } from "./sessions/pool.ts"
import { quotaOf, roomFor } from "./sessions/quota.ts"
import { Sessions } from "./sessions/table.ts"
import { WorkerProcess } from "./sessions/worker-process.ts"
import { bootSecretFor } from "./setup/boot-secret.ts"
import { ensureDaemonDirectories, sweepWorkerSockets } from "./setup/directories.ts"
import { StartFailure } from "./setup/start-failure.ts"

/**
 * The supervisor: knows who is logged in, never with what. Owns the user directory, the worker pool, the
 * clocks, the throttle, the boot secret and the admin socket.
 *
 * @throws StartFailure when another daemon holds the data directory
 */
export async function runDaemon(settings: Settings, log: Log): Promise<Running> {
  const paths = pathsOf(settings)
  ensureDaemonDirectories(paths)
  const lock = lockOrExplain(paths)
  const bootSecret = bootSecretOrNone(paths, log)
  const directory = openDirectory(paths.directory, { hostName: settings.host_name })
  sweepWorkerSockets(paths)
  const pool = new WorkerPool(
    () => WorkerProcess.start(settings, paths.workers, log),
    settings.sessions.warm_workers,
    log,
  )
  const recipientsChanged = () => control.broadcast("recipient.changed", { address: null })
  const sessions = new Sessions({ settings, directory, pool, bootSecret, log, recipientsChanged })
  const queue = new Queue(paths.spool)
  const control = await serveControl({
    socket: paths.control,
    mode: 0o660,
    log,
    handlers: {
      "session.open": (asks) => sessions.open(asks),
      "recipient.resolve": (asks) => resolveRecipient({ settings, directory, sessions, queue }, asks),
    },
    onNotice: ({ name, notice }) => {
      if (name === "spool.arrived") sessions.arrived(notice.mailbox)
    },
  })
  const admin = await serveAdmin({
    socketPath: paths.admin,
    mode: Number.parseInt(settings.admin.socket_mode, 8),
    handlers: makeAdminHandlers({
      settings,
      paths,
      directory,
      sessions,
      queue,
      recipientsChanged,
    }),
    log,
  })
  pool.fill()
  log.info({ dataDir: paths.root }, "daemon is up")
  return {
    listening: [paths.admin],
    close: async () => {
      await admin.close()
      await sessions.close()
      await control.close()
      await directory.close()
      if (bootSecret !== null) wipe(bootSecret)
      lock.release()
    },
  }
}

function lockOrExplain(paths: Paths): { release(): void } {
  try {
    return takeLock(paths.lock)
  } catch (cause) {
    if (cause instanceof Locked)
      throw new StartFailure(`daemon: another mailkeep daemon uses ${paths.root}: stop it, or set another data_dir`, {
        cause,
      })
    throw cause
  }
}

/** Without a boot secret there are no logins, but mail is accepted: it waits sealed until the operator has put things right. */
function bootSecretOrNone(paths: Paths, log: Log): Buffer | null {
  try {
    return bootSecretFor(paths)
  } catch (error) {
    if (!(error instanceof BootSecretError)) throw error
    log.error(
      { why: error.message },
      "no logins until the boot secret is there and the daemon is started again; mail is accepted",
    )
    return null
  }
}

type Known = { settings: Settings; directory: Directory; sessions: Sessions; queue: Queue }

async function resolveRecipient(
  known: Known,
  { address }: Asks<"recipient.resolve">,
): Promise<Replies<"recipient.resolve">> {
  const user = await known.directory.findByAddress(address)
  if (user === undefined || user.status === "incomplete") return { kind: "refused", why: "no-such-user" }
  if (user.status === "disabled") return { kind: "refused", why: "disabled" }
  const room = roomFor(user, known.settings, await waitingFor(user, known))
  if (room === null) return { kind: "refused", why: "over-quota" }
  return { kind: "found", mailbox: user.mailbox, recipients: user.recipients, room }
}

/**
 * What waits in the spool for a user who is away. Where his mailbox is open it is brought in at once, and for a moment
 * it would count twice.
 */
async function waitingFor(
  user: User,
  { settings, sessions, queue }: Known,
): Promise<{ messages: number; bytes: number }> {
  const { quotaBytes, quotaMessages } = quotaOf(user, settings)
  const isOpen = (sessions.get(user.name)?.openedAt ?? null) !== null
  return isOpen || quotaBytes + quotaMessages === 0 ? { messages: 0, bytes: 0 } : queue.waiting(user.mailbox)
}

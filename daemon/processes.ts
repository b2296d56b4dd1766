import { connectControl } from "./contract/channel.ts"
import type { ComponentName, Running } from "./host/component.ts"
import { type Log, makeLog } from "./host/log.ts"
import { pathsOf } from "./host/paths.ts"
import { ready, startWatchdog, stopping } from "./host/ready.ts"
import type { Settings } from "./host/settings.ts"
import { ensureRunDirectories } from "./setup/directories.ts"
import { explainStartFailure } from "./setup/start-failure.ts"

/**
 * Runs one component in this process until a signal ends it: SIGTERM and SIGINT drain, SIGHUP reloads.
 * Does not return before then.
 *
 * @throws StartFailure with one line for the operator
 */
export async function startProcess(name: ComponentName, settings: Settings): Promise<void> {
  process.title = `mailkeep-${name}`
  // Files of the group (spool, sockets) are made with explicit modes; nothing is ever for everybody.
  process.umask(0o007)
  const log = makeLog(name, settings.log.level)
  let running: Running
  try {
    running = await starters[name](settings, log)
  } catch (error) {
    throw explainStartFailure(error, name, settings)
  }
  await serveUntilSignal(name, running, log)
}

const starters: Record<ComponentName, (settings: Settings, log: Log) => Promise<Running>> = {
  daemon: async (settings, log) => {
    const { runDaemon } = await import("./main.ts")
    return runDaemon(settings, log)
  },
  proxy: async (settings, log) => {
    const paths = pathsOf(settings)
    const { runProxy } = await import("../proxy/main.ts")
    const channel = connectControl({ socket: paths.control, log })
    const proxy = await orClose(channel, runProxy(settings, paths, channel, log))
    return {
      ...closing(proxy, channel),
      reload: () => proxy.reload(),
      listening: [...settings.proxy.imaps, ...settings.proxy.imap],
    }
  },
  spool: async (settings, log) => {
    const paths = pathsOf(settings)
    ensureRunDirectories(paths)
    const { runSpool } = await import("../spool/main.ts")
    const { connectSpool } = await import("../spool/channel.ts")
    const channel = connectSpool(paths.control, log)
    const spool = await orClose(channel, runSpool(settings, channel, log))
    return { ...closing(spool, channel), listening: settings.spool.lmtp }
  },
}

/** A component that cannot start must not be kept alive by its connection to the daemon. */
async function orClose<T>(channel: { close(): Promise<void> | void }, starting: Promise<T>): Promise<T> {
  try {
    return await starting
  } catch (error) {
    await channel.close()
    throw error
  }
}

function closing(
  component: { close(): Promise<void> },
  channel: { close(): Promise<void> | void },
): { close(): Promise<void> } {
  return {
    close: async () => {
      await component.close()
      await channel.close()
    },
  }
}

async function serveUntilSignal(name: ComponentName, running: Running, log: Log): Promise<void> {
  const stopWatchdog = startWatchdog()
  process.on("SIGHUP", () => {
    running.reload?.().catch((error) => log.error({ err: error }, "reload failed; the old state is kept"))
  })
  await ready({ component: name, listening: running.listening })
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve)
    process.once("SIGINT", resolve)
    // Under `mailkeep up`: a supervisor that died leaves nobody to restart or stop us.
    process.once("disconnect", resolve)
  })
  // A second Ctrl-C, which reaches the whole process group, must not cut the draining short.
  process.on("SIGINT", () => {})
  process.on("SIGTERM", () => {})
  await stopping(name)
  await running.close()
  stopWatchdog()
  process.exit(0)
}

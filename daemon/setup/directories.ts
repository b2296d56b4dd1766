import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { ensurePrivateDirectory } from "../host/durable.ts"
import type { Paths } from "../host/paths.ts"

/**
 * Directories that more than one component uses. Group access is what lets three Unix users share them: in
 * `run` each makes its own sockets (sticky: nobody can replace another's), in `run/workers` only the daemon
 * does, and in `spool` the spool writes what the worker removes.
 */
export function ensureRunDirectories(paths: Paths): void {
  ensurePrivateDirectory(paths.root)
  ensureShared(paths.run, 0o3770)
  ensureShared(paths.workers, 0o2750)
  ensureShared(paths.spool, 0o2770)
}

/** The mode is set apart from mkdir, which does not take set-group-id from its argument everywhere and obeys the umask. */
function ensureShared(path: string, mode: number): void {
  if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(path, mode)
}

/** What the daemon keeps for itself. */
export function ensureDaemonDirectories(paths: Paths): void {
  ensureRunDirectories(paths)
  for (const directory of [join(paths.root, "keys"), paths.slots, paths.mail]) ensurePrivateDirectory(directory)
}

/** Sockets of workers that were killed with an earlier daemon. */
export function sweepWorkerSockets(paths: Paths): void {
  for (const name of readdirSync(paths.workers))
    if (name.endsWith(".sock")) rmSync(join(paths.workers, name), { force: true })
}

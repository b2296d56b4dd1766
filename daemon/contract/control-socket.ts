/**
 * Who may reach the control socket: checks of its directory and of the socket itself, and what to do with a
 * socket file left by a process that died.
 */
import { lstatSync, mkdirSync, type Stats, unlinkSync } from "node:fs"
import { connect } from "node:net"
import { dirname } from "node:path"

/** The socket or its directory cannot be used safely; the text says what to change. */
export class ControlSocketError extends Error {
  constructor(path: string, why: string) {
    super(`${path}: ${why}`)
    this.name = "ControlSocketError"
  }
}

/** A path of a Unix socket does not fit into `sockaddr_un` past this (107 and the final NUL). */
const longestPath = 107

/**
 * Makes the path free to listen on. The directory is created 0700 (0750 when `mode` admits a group), must
 * belong to this user, and must be closed to all others but readers of its group. A socket on which nobody
 * answers is removed; one that answers, or a file of another kind, is left alone.
 *
 * @throws ControlSocketError
 */
export async function claimSocketPath(socket: string, mode: number): Promise<void> {
  if (Buffer.byteLength(socket) > longestPath) throw new ControlSocketError(socket, "longer than 107 bytes")
  const directory = dirname(socket)
  mkdirSync(directory, { recursive: true, mode: (mode & 0o070) === 0 ? 0o700 : 0o750 })
  const stat = safeDirectory(directory)
  if (stat.uid !== process.geteuid?.()) throw new ControlSocketError(directory, "belongs to another user")
  await removeStale(socket)
}

/**
 * What a client checks before it connects, because whoever can put a socket there can pose as the daemon (or
 * as a worker, and be given passwords): the directory is closed to others, and the socket belongs to the
 * directory's owner or to root.
 *
 * @throws ControlSocketError, or the error of `lstat` when there is no socket yet
 */
export function checkSocketPath(socket: string): void {
  const directory = safeDirectory(dirname(socket))
  const stat = lstatSync(socket)
  if (!stat.isSocket()) throw new ControlSocketError(socket, "is not a socket")
  if (stat.uid !== directory.uid && stat.uid !== 0) {
    throw new ControlSocketError(socket, "belongs to another user than its directory")
  }
}

function safeDirectory(directory: string): Stats {
  const stat = lstatSync(directory)
  if (!stat.isDirectory()) throw new ControlSocketError(directory, "is not a directory")
  if ((stat.mode & 0o007) !== 0) throw new ControlSocketError(directory, "must be closed to others (at most 0750)")
  // With the sticky bit a member of the group can add sockets, but not take the place of one that is not his.
  if ((stat.mode & 0o1020) === 0o020) {
    throw new ControlSocketError(directory, "is writable by its group without the sticky bit (0750, or 3770)")
  }
  return stat
}

async function removeStale(socket: string): Promise<void> {
  const stat = lstatSync(socket, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) throw new ControlSocketError(socket, "exists and is not a socket")
  if (await answers(socket)) throw new ControlSocketError(socket, "another process answers here")
  unlinkSync(socket)
}

/** Whether somebody accepts connections there. Errors other than "nobody does" are thrown. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path: socket })
    probe.once("connect", () => {
      probe.destroy()
      resolve(true)
    })
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false)
      else reject(error)
    })
  })
}

/**
 * Runs `listen`, which must bind its Unix socket before it returns, so that the socket has exactly `mode`
 * from its first moment: a chmod afterwards would leave a gap.
 */
export function withSocketMode<T>(mode: number, listen: () => T): T {
  const before = process.umask(0o777 & ~mode)
  try {
    return listen()
  } finally {
    process.umask(before)
  }
}

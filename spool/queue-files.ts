import { constants, type Stats } from "node:fs"
import { chmod, lstat, mkdir, open, readdir, rename, rm, unlink } from "node:fs/promises"

/** The file operations of the queue, one system call each, so that a test can stop between any two of them. */
export type QueueFiles = {
  /**
   * "wx" makes a new file, "r" reads what is there, "directory" is for `sync`. Neither of the first two
   * follows a link, and none waits: opening a FIFO returns at once.
   */
  open(path: string, flags: keyof typeof openFlags, mode?: number): Promise<QueueFile>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  makeDirectory(path: string): Promise<void>
  list(path: string): Promise<string[]>
  /** Of the name itself: a link is not followed. */
  stat(path: string): Promise<FileFacts>
  /** A directory with all that is in it. */
  remove(path: string): Promise<void>
}

export type FileFacts = Pick<Stats, "size" | "mtimeMs" | "nlink" | "isFile" | "isDirectory">

export type QueueFile = {
  /** Gives the octets written, which may be fewer. */
  write(chunk: Uint8Array): Promise<number>
  /** From where the last read ended; gives the octets read, 0 at the end. */
  read(into: Uint8Array): Promise<number>
  stat(): Promise<FileFacts>
  sync(): Promise<void>
  /** May be called again. */
  close(): Promise<void>
}

/**
 * `not-a-file`: a link, FIFO, directory or anything else that the spool does not make, where a message should
 * be. `not-a-directory`: the same where a directory should be.
 */
export type SpoolFault = "disk-full" | "no-such-file" | "bad-name" | "not-a-file" | "not-a-directory" | "fault"

/** What the spool can refuse. */
export class SpoolError extends Error {
  readonly fault: SpoolFault

  constructor(fault: SpoolFault, detail: string, options?: ErrorOptions) {
    super(`${fault}: ${detail}`, options)
    this.name = "SpoolError"
    this.fault = fault
  }
}

const faults: Record<string, SpoolFault> = { ENOSPC: "disk-full", EDQUOT: "disk-full", ENOENT: "no-such-file" }

/** Any error of the file system in the queue's words, with the system's as its cause. */
export function spoolError(error: unknown, detail: string): SpoolError {
  if (error instanceof SpoolError) return error
  const { code = "" } = error as NodeJS.ErrnoException
  return new SpoolError(faults[code] ?? "fault", code === "" ? detail : `${detail} (${code})`, { cause: error })
}

/** Whether what was asked for is not there. */
export function missing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT"
}

const openFlags = {
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
  r: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
  directory: constants.O_RDONLY | constants.O_DIRECTORY,
}

/** The real disk. */
export const diskFiles: QueueFiles = {
  async open(path, flags, mode) {
    const handle = await open(path, openFlags[flags], mode)
    return {
      write: async (chunk) => (await handle.write(chunk)).bytesWritten,
      read: async (into) => (await handle.read(into, 0, into.length)).bytesRead,
      stat: () => handle.stat(),
      sync: () => handle.sync(),
      close: () => handle.close(),
    }
  },
  rename,
  unlink,
  async makeDirectory(path) {
    await mkdir(path, { mode: 0o770 })
    // mkdir obeys the umask and does not take the setgid bit; see `queue.ts` on modes
    await chmod(path, 0o2770)
  },
  list: (path) => readdir(path),
  stat: lstat,
  remove: (path) => rm(path, { recursive: true, force: true }),
}

/** Null for a file that is not there, or was taken away since it was listed. @throws SpoolError */
export async function factsIfThere(files: QueueFiles, path: string): Promise<FileFacts | null> {
  try {
    return await files.stat(path)
  } catch (error) {
    if (missing(error)) return null
    throw spoolError(error, `cannot look at ${path}`)
  }
}

import { chmod, mkdir, open, readdir, rename, rm, stat, unlink } from "node:fs/promises"

/** The file operations of the queue, one system call each, so that a test can stop between any two of them. */
export type QueueFiles = {
  open(path: string, flags: "wx" | "w" | "r", mode?: number): Promise<QueueFile>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  makeDirectory(path: string): Promise<void>
  list(path: string): Promise<string[]>
  stat(path: string): Promise<{ size: number; mtimeMs: number }>
  /** A directory with all that is in it. */
  remove(path: string): Promise<void>
}

export type QueueFile = {
  /** Gives the octets written, which may be fewer. */
  write(chunk: Uint8Array): Promise<number>
  /** From where the last read ended; gives the octets read, 0 at the end. */
  read(into: Uint8Array): Promise<number>
  sync(): Promise<void>
  /** May be called again. */
  close(): Promise<void>
}

export type SpoolFault = "disk-full" | "no-such-file" | "bad-name" | "fault"

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

/** The real disk. */
export const diskFiles: QueueFiles = {
  async open(path, flags, mode) {
    const handle = await open(path, flags, mode)
    return {
      write: async (chunk) => (await handle.write(chunk)).bytesWritten,
      read: async (into) => (await handle.read(into, 0, into.length)).bytesRead,
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
  stat,
  remove: (path) => rm(path, { recursive: true, force: true }),
}

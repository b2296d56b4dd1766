import type { QueueFiles } from "./queue-files.ts"

/**
 * fsync of directories, shared by those who ask at the same time (group commit): whoever asks while an fsync
 * of the same directory is running waits for the next one, never for the running one, which may have begun
 * before his rename.
 */
export class DirectorySync {
  readonly #files: QueueFiles
  readonly #running = new Map<string, Promise<void>>()
  readonly #next = new Map<string, Promise<void>>()

  constructor(files: QueueFiles) {
    this.#files = files
  }

  /** Resolves when every name made, renamed or removed in this directory before the call is durable. */
  sync(path: string): Promise<void> {
    const running = this.#running.get(path)
    if (running === undefined) return this.#run(path)
    const next = this.#next.get(path) ?? this.#after(running, path)
    this.#next.set(path, next)
    return next
  }

  async #after(running: Promise<void>, path: string): Promise<void> {
    // How the other one ends is told to those who asked for it.
    await running.catch(() => undefined)
    this.#next.delete(path)
    await this.#run(path)
  }

  #run(path: string): Promise<void> {
    const run = this.#syncNow(path).finally(() => {
      if (this.#running.get(path) === run) this.#running.delete(path)
    })
    this.#running.set(path, run)
    return run
  }

  async #syncNow(path: string): Promise<void> {
    const directory = await this.#files.open(path, "directory")
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }
}

import type { DirectorySync } from "./directory-sync.ts"
import { type QueueFile, type QueueFiles, spoolError } from "./queue-files.ts"

/** Where a file is in S2, where in S4, and the directory whose names must be durable for S5. */
type Steps = { temporary: string; final: string; directory: string }

/** A file in S2. Exactly one of `commit` and `abort` ends it. */
export class Incoming {
  readonly id: string
  readonly #file: QueueFile
  readonly #at: Steps
  readonly #files: QueueFiles
  readonly #directories: DirectorySync
  readonly #ended: () => void
  #open = true

  constructor(
    id: string,
    file: QueueFile,
    at: Steps,
    files: QueueFiles,
    directories: DirectorySync,
    ended: () => void,
  ) {
    this.id = id
    this.#file = file
    this.#at = at
    this.#files = files
    this.#directories = directories
    this.#ended = ended
  }

  /** @throws SpoolError `disk-full`, `fault`; the caller then calls `abort` */
  async write(chunk: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < chunk.length; ) at += await this.#file.write(chunk.subarray(at))
    } catch (error) {
      throw spoolError(error, `cannot write ${this.#at.temporary}`)
    }
  }

  /**
   * S2 -> S5. When it resolves, the message is safe against power loss. When it throws, nothing of it is
   * left (short of a disk that refuses to remove it, too).
   *
   * @throws SpoolError `disk-full`, `fault`
   */
  async commit(): Promise<void> {
    let renamed = false
    try {
      await this.#file.sync()
      await this.#close()
      await this.#files.rename(this.#at.temporary, this.#at.final)
      renamed = true
      await this.#directories.sync(this.#at.directory)
      this.#ended()
    } catch (error) {
      await this.#discard(renamed ? this.#at.final : this.#at.temporary)
      throw spoolError(error, `cannot commit ${this.#at.temporary}`)
    }
  }

  /** S2 -> S1. Never throws: what cannot be removed is left to the sweep. */
  async abort(): Promise<void> {
    await this.#discard(this.#at.temporary)
  }

  async #discard(path: string): Promise<void> {
    await this.#close().catch(ignoredBecauseSwept)
    await this.#files.unlink(path).catch(ignoredBecauseSwept)
    this.#ended()
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#file.close()
  }
}

/** The error that made us discard is the one to report; the file is stale from now on and will be swept. */
function ignoredBecauseSwept(): void {}

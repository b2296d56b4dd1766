import { join } from "node:path"
import type { DirectorySync } from "./directory-sync.ts"
import { type FileFacts, missing, type QueueFiles, SpoolError, spoolError } from "./queue-files.ts"

const places = ["tmp", "new", "quarantine"] as const
export type Place = (typeof places)[number]

const maxPrepared = 10_000

/** The directories of the spool: made durably, and refused when they are led elsewhere. */
export class Places {
  readonly #root: string
  readonly #files: QueueFiles
  readonly #directories: DirectorySync
  readonly #prepared = new Map<string, Promise<void>>()

  constructor(root: string, files: QueueFiles, directories: DirectorySync) {
    this.#root = root
    this.#files = files
    this.#directories = directories
  }

  /** Makes the root directory where it is missing. */
  async makeRoot(): Promise<void> {
    await this.#make(this.#root)
  }

  /** @throws SpoolError `bad-name` */
  home(mailboxId: string): string {
    if (!isMailboxId(mailboxId)) throw new SpoolError("bad-name", "not a mailbox id")
    return join(this.#root, mailboxId)
  }

  /** @throws SpoolError `bad-name` */
  path(mailboxId: string, place: Place): string {
    return join(this.home(mailboxId), place)
  }

  /** `path`, once it is certain that neither it nor the mailbox's own directory is a link. @throws SpoolError `not-a-directory` */
  async certain(mailboxId: string, place: Place): Promise<string> {
    const path = this.path(mailboxId, place)
    for (const each of [this.home(mailboxId), path]) mustBeDirectory(await this.#files.stat(each), each)
    return path
  }

  /** What is in there; nothing when it does not exist. @throws SpoolError */
  async names(mailboxId: string, place: Place): Promise<string[]> {
    try {
      return await this.#files.list(await this.certain(mailboxId, place))
    } catch (error) {
      if (missing(error)) return []
      throw spoolError(error, `cannot list ${place} of mailbox ${mailboxId}`)
    }
  }

  /** As `names`; where something else is in the directory's place, there is nothing of ours. */
  async namesIfReal(mailboxId: string, place: Place): Promise<string[]> {
    try {
      return await this.names(mailboxId, place)
    } catch (error) {
      if (error instanceof SpoolError && error.fault === "not-a-directory") return []
      throw error
    }
  }

  /** All mailboxes that ever had mail. The root may be a link: it is the administrator's. */
  async mailboxes(): Promise<string[]> {
    try {
      return (await this.#files.list(this.#root)).filter(isMailboxId).sort()
    } catch (error) {
      if (missing(error)) return []
      throw spoolError(error, `cannot list ${this.#root}`)
    }
  }

  /**
   * Makes a mailbox's directories. Once per mailbox and process, also when they are there: a process that
   * made them may have died before it could fsync.
   */
  prepare(mailboxId: string): Promise<void> {
    const running = this.#prepared.get(mailboxId)
    if (running !== undefined) return running
    if (this.#prepared.size >= maxPrepared) this.#prepared.clear()
    const preparing = this.#makeHome(this.home(mailboxId))
    this.#prepared.set(mailboxId, preparing)
    return preparing
  }

  /** The directories may have been removed: the next `prepare` makes them again. */
  forget(mailboxId: string): void {
    this.#prepared.delete(mailboxId)
  }

  /** The whole mailbox, durably. */
  async remove(mailboxId: string): Promise<void> {
    const home = this.home(mailboxId)
    this.forget(mailboxId)
    try {
      await this.#files.remove(home)
      await this.#directories.sync(this.#root)
    } catch (error) {
      throw spoolError(error, `cannot remove ${home}`)
    }
  }

  async #makeHome(home: string): Promise<void> {
    await this.#make(home)
    for (const name of places) await this.#make(join(home, name))
    await this.#directories.sync(home)
    await this.#directories.sync(this.#root)
  }

  async #make(path: string): Promise<void> {
    try {
      await this.#files.makeDirectory(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }
}

/** As in `daemon/contract/control.ts`; nothing else may become a path. */
function isMailboxId(text: string): boolean {
  return /^[a-z2-7]{26}$/.test(text)
}

function mustBeDirectory(found: FileFacts, path: string): void {
  if (!found.isDirectory()) throw new SpoolError("not-a-directory", `${path} is not a directory: remove it`)
}

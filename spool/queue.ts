import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { DirectorySync } from "./directory-sync.ts"
import {
  diskFiles,
  type FileFacts,
  missing,
  type QueueFile,
  type QueueFiles,
  SpoolError,
  type SpoolFault,
  spoolError,
} from "./queue-files.ts"
import { isUlid, timeOf, UlidSource } from "./ulid.ts"

export { SpoolError, type SpoolFault } from "./queue-files.ts"

/**
 * The spool on disk: `spool/<mailbox id>/{tmp,new,quarantine}/`. A message for one recipient is one file, its
 * id is a ULID. Only sealed octets ever reach the disk.
 *
 * | state | tmp/<id>.<run> | new/<id> | quarantine/<id> | the message |
 * |-------|----------------|----------|-----------------|-------------|
 * | S1    | -              | -        | -               | is the MTA's, or in the mailbox |
 * | S2    | being written  | -        | -               | is the MTA's |
 * | S3    | whole, fsynced | -        | -               | is the MTA's |
 * | S4    | -              | yes, its name not yet durable | - | is the MTA's: no 250 was sent |
 * | S5    | -              | yes, durable | -           | is ours: 250 |
 * | S6    | -              | -        | yes             | cannot be opened; waits for the operator |
 *
 * | move     | who    | by                                       | a crash on the way leaves |
 * |----------|--------|------------------------------------------|---------------------------|
 * | S1 -> S2 | spool  | open(tmp, O_EXCL), write                 | S2 |
 * | S2 -> S3 | spool  | fsync(tmp file)                          | S2 or S3 |
 * | S3 -> S4 | spool  | rename(tmp, new)                         | S3 or S4 |
 * | S4 -> S5 | spool  | fsync(new/), **then 250**                | S4 or S5 |
 * | S5 -> S1 | worker | (message committed to the mailbox,) unlink(new), fsync(new/) | S5 again: the delivery id keeps it from being delivered twice |
 * | S5 -> S6 | worker | rename(new, quarantine), fsync of both   | S5 or S6 |
 * | S2, S3 -> S1 | spool | `abort` when the transaction fails; `sweep` after a crash | |
 *
 * A crash in S4 leaves a message that is delivered although the MTA was told nothing and sends it again: a
 * duplicate of the kind that RFC 1047 describes, never a loss. The same holds after S5 when the reply is lost.
 *
 * Who sweeps: the spool process at its start and every hour. A file in tmp/ is stale when the process whose
 * number is in its name is gone, or after 36 hours in any case (the number may have been given to another).
 * Nobody sweeps new/ or quarantine/: what is there is mail.
 *
 * Before the first file of a mailbox, its directories are made and fsynced up to the spool's root, since a
 * file is not safe in a directory whose own name is not.
 *
 * Modes: in production spool and daemon (whose workers flush) are different Unix users that share a group.
 * Directories are 2770: the group needs write and search to rename and unlink, and setgid makes all below
 * belong to that group. Files are 0660 before the umask; the worker needs to read them only.
 *
 * So the spool's user can put anything here, and the worker may do more than he may. It must not be led
 * elsewhere: it refuses a mailbox whose directories are links, follows no link, opens without waiting, reads
 * only plain files of one name, and writes only under names that it makes itself.
 */
export class Queue {
  readonly #root: string
  readonly #files: QueueFiles
  readonly #directories: DirectorySync
  readonly #ulids = new UlidSource()
  /** Names this process's files in tmp/. */
  readonly #run = `${process.pid}-${randomBytes(6).toString("hex")}`
  readonly #writing = new Set<string>()
  readonly #prepared = new Map<string, Promise<void>>()

  /** @param root `paths.spool`, made by `prepare` or by the installation */
  constructor(root: string, files: QueueFiles = diskFiles) {
    this.#root = root
    this.#files = files
    this.#directories = new DirectorySync(files)
  }

  /** Makes the root directory where it is missing. */
  async prepare(): Promise<void> {
    await this.#makeDirectory(this.#root)
  }

  /**
   * S1 -> S2: an empty file in tmp/.
   *
   * @throws SpoolError `disk-full`, `bad-name`, `fault`
   */
  async incoming(mailboxId: string): Promise<Incoming> {
    const home = this.#home(mailboxId)
    const id = this.#ulids.next()
    const name = `${id}.${this.#run}`
    this.#writing.add(name)
    try {
      await this.#prepareOnce(mailboxId)
      const at = { temporary: join(home, "tmp", name), final: join(home, "new", id), directory: join(home, "new") }
      const file = await this.#files.open(at.temporary, "wx", 0o660)
      return new Incoming(id, file, at, this.#files, this.#directories, () => this.#writing.delete(name))
    } catch (error) {
      this.#writing.delete(name)
      // The directories may have been removed behind our back; the next message makes them again.
      this.#prepared.delete(mailboxId)
      throw spoolError(error, `cannot begin a file for mailbox ${mailboxId}`)
    }
  }

  /** Ids in new/, oldest first; none when the mailbox has never had mail. */
  async list(mailboxId: string): Promise<string[]> {
    return (await this.#names(mailboxId, "new")).filter(isUlid).sort()
  }

  /**
   * A file in new/ for reading; `bytes` closes it at its end, `close` does at any time.
   *
   * @throws SpoolError `no-such-file`, `not-a-directory`; `not-a-file` is for `quarantine`
   */
  async open(mailboxId: string, id: string): Promise<Spooled> {
    const path = join(this.#home(mailboxId), "new", idOf(id))
    try {
      await this.#place(mailboxId, "new")
      const { file, size } = await this.#openPlain(path)
      return { id, size, bytes: readAll(file, size), close: () => file.close() }
    } catch (error) {
      throw spoolError(error, `cannot open ${path}`)
    }
  }

  /**
   * S5 -> S1, for messages that are durable in the mailbox. When it resolves the names are gone durably, so
   * that their delivery ids may be forgotten. What is gone already is not an error.
   */
  async remove(mailboxId: string, ids: string | string[]): Promise<void> {
    const directory = join(this.#home(mailboxId), "new")
    const paths = [ids].flat().map((id) => join(directory, idOf(id)))
    try {
      await this.#place(mailboxId, "new")
      for (const path of paths) await this.#unlink(path)
      await this.#directories.sync(directory)
    } catch (error) {
      if (!missing(error)) throw spoolError(error, `cannot remove from ${directory}`)
    }
  }

  /**
   * S5 -> S6: keeps the file, whatever it is, and a line that says why in `<id>.why` beside it.
   *
   * @param why for the operator; nothing of the message
   */
  async quarantine(mailboxId: string, id: string, why: string): Promise<void> {
    const home = this.#home(mailboxId)
    const [from, to] = [join(home, "new", idOf(id)), join(home, "quarantine", idOf(id))]
    try {
      await this.#place(mailboxId, "new")
      await this.#place(mailboxId, "quarantine")
      await this.#writeReason(to, why)
      await this.#files.rename(from, to)
      await Promise.all([this.#directories.sync(join(home, "new")), this.#directories.sync(join(home, "quarantine"))])
    } catch (error) {
      throw spoolError(error, `cannot quarantine ${from}`)
    }
  }

  /** Everything of a mailbox that was deleted. */
  async drop(mailboxId: string): Promise<void> {
    const home = this.#home(mailboxId)
    this.#prepared.delete(mailboxId)
    try {
      await this.#files.remove(home)
      await this.#directories.sync(this.#root)
    } catch (error) {
      throw spoolError(error, `cannot remove ${home}`)
    }
  }

  /** How much is in new/, by the size of the sealed files. @throws SpoolError */
  async waiting(mailboxId: string): Promise<{ messages: number; bytes: number }> {
    this.#home(mailboxId)
    const { count, bytes } = await this.#measure(mailboxId, "new")
    return { messages: count, bytes }
  }

  /**
   * For `spool list`: a line per mailbox that has anything. Where a link is in the place of a directory there
   * is nothing of ours to count; one such mailbox does not hide the others.
   */
  async summary(): Promise<MailboxSummary[]> {
    const lines: MailboxSummary[] = []
    for (const mailbox of (await this.#mailboxes()).sort()) {
      const waiting = await this.#measure(mailbox, "new")
      const quarantined = await this.#measure(mailbox, "quarantine")
      if (waiting.count + quarantined.count === 0) continue
      lines.push({
        mailbox,
        messages: waiting.count,
        bytes: waiting.bytes,
        oldest: waiting.oldest,
        quarantined: quarantined.count,
        quarantinedBytes: quarantined.bytes,
      })
    }
    return lines
  }

  /** Why a file is in quarantine, or null when nothing was written down (what is no plain file was not written by us). */
  async reason(mailboxId: string, id: string): Promise<string | null> {
    const path = join(this.#home(mailboxId), "quarantine", `${idOf(id)}.why`)
    try {
      await this.#place(mailboxId, "quarantine")
      const { file, size } = await this.#openPlain(path)
      const chunks: Uint8Array[] = []
      for await (const chunk of readAll(file, Math.min(size, maxReason * 4))) chunks.push(chunk)
      return oneLine(Buffer.concat(chunks).toString("utf8")).trimEnd()
    } catch (error) {
      if (missing(error) || isFault(error, "not-a-file")) return null
      throw spoolError(error, `cannot read why ${id} is in quarantine`)
    }
  }

  /** Ids in quarantine/, oldest first. */
  async quarantined(mailboxId: string): Promise<string[]> {
    return (await this.#names(mailboxId, "quarantine")).filter(isUlid).sort()
  }

  /**
   * Removes what crashes left in tmp/ and gives the number of files; for the spool process only.
   *
   * @param now ms since the epoch
   */
  async sweep(now: number = Date.now()): Promise<number> {
    let swept = 0
    for (const mailbox of await this.#mailboxes()) {
      const directory = join(this.#root, mailbox, "tmp")
      for (const name of await this.#namesIfReal(mailbox, "tmp")) {
        if (this.#writing.has(name) || !(await this.#isStale(directory, name, now))) continue
        await this.#unlink(join(directory, name))
        swept += 1
      }
    }
    return swept
  }

  async #isStale(directory: string, name: string, now: number): Promise<boolean> {
    const [id = "", run = ""] = name.split(".")
    if (!isUlid(id)) return now - (await this.#modified(join(directory, name), now)) > staleMs
    return now - timeOf(id) > staleMs || this.#isDead(run)
  }

  #isDead(run: string): boolean {
    const pid = Number(run.split("-")[0])
    if (!Number.isSafeInteger(pid) || pid <= 0) return false
    if (pid === process.pid) return run !== this.#run
    return !isRunning(pid)
  }

  async #modified(path: string, otherwise: number): Promise<number> {
    try {
      return (await this.#files.stat(path)).mtimeMs
    } catch (error) {
      if (missing(error)) return otherwise
      throw spoolError(error, `cannot look at ${path}`)
    }
  }

  /** Under a new name first: what the spool's user may have put at `<path>.why` is replaced, never opened. */
  async #writeReason(path: string, why: string): Promise<void> {
    const temporary = `${path}.${randomBytes(6).toString("hex")}`
    try {
      await this.#writeNew(temporary, Buffer.from(`${oneLine(why)}\n`))
      await this.#files.rename(temporary, `${path}.why`)
    } catch (error) {
      // The error above is the one to report; a name that stays behind means nothing to anybody.
      await this.#files.unlink(temporary).catch(() => undefined)
      throw error
    }
  }

  async #writeNew(path: string, content: Uint8Array): Promise<void> {
    const file = await this.#files.open(path, "wx", 0o660)
    try {
      for (let at = 0; at < content.length; ) at += await file.write(content.subarray(at))
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** A plain file of one name, for reading; its size is of the open file, which nobody can exchange. */
  async #openPlain(path: string): Promise<{ file: QueueFile; size: number }> {
    const file = await this.#openUnfollowed(path)
    try {
      const found = await file.stat()
      // A second name is none that the spool makes: the file may be somebody else's.
      if (!found.isFile() || found.nlink > 1) throw new SpoolError("not-a-file", `${path} is no message of the spool`)
      return { file, size: found.size }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async #openUnfollowed(path: string): Promise<QueueFile> {
    try {
      return await this.#files.open(path, "r")
    } catch (error) {
      // ELOOP: a link. ENXIO: a socket or a device without a driver.
      if (!["ELOOP", "ENXIO"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error
      throw new SpoolError("not-a-file", `${path} is no message of the spool`, { cause: error })
    }
  }

  /** A directory of a mailbox, once it is certain that neither it nor the mailbox's own is a link. */
  async #place(mailboxId: string, name: Place): Promise<string> {
    const home = this.#home(mailboxId)
    const path = join(home, name)
    for (const each of [home, path]) mustBeDirectory(await this.#files.stat(each), each)
    return path
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#files.unlink(path)
    } catch (error) {
      if (!missing(error)) throw error
    }
  }

  async #measure(mailbox: string, place: Place): Promise<{ count: number; bytes: number; oldest: number | null }> {
    const directory = join(this.#root, mailbox, place)
    const ids = (await this.#namesIfReal(mailbox, place)).filter(isUlid).sort()
    let bytes = 0
    let count = 0
    for (const id of ids) {
      const size = await this.#size(join(directory, id))
      if (size === null) continue
      bytes += size
      count += 1
    }
    return { count, bytes, oldest: ids[0] === undefined ? null : timeOf(ids[0]) }
  }

  /** Null for a file that was taken away since it was listed. */
  async #size(path: string): Promise<number | null> {
    try {
      return (await this.#files.stat(path)).size
    } catch (error) {
      if (missing(error)) return null
      throw spoolError(error, `cannot look at ${path}`)
    }
  }

  /** The root may be a link: it is the administrator's. */
  async #mailboxes(): Promise<string[]> {
    try {
      return (await this.#files.list(this.#root)).filter(isMailboxId)
    } catch (error) {
      if (missing(error)) return []
      throw spoolError(error, `cannot list ${this.#root}`)
    }
  }

  async #names(mailboxId: string, place: Place): Promise<string[]> {
    try {
      return await this.#files.list(await this.#place(mailboxId, place))
    } catch (error) {
      if (missing(error)) return []
      throw spoolError(error, `cannot list ${place} of mailbox ${mailboxId}`)
    }
  }

  async #namesIfReal(mailboxId: string, place: Place): Promise<string[]> {
    try {
      return await this.#names(mailboxId, place)
    } catch (error) {
      if (isFault(error, "not-a-directory")) return []
      throw error
    }
  }

  /**
   * Once per mailbox and process, also when the directories are there: a process that made them may have
   * died before it could fsync.
   */
  #prepareOnce(mailboxId: string): Promise<void> {
    const running = this.#prepared.get(mailboxId)
    if (running !== undefined) return running
    if (this.#prepared.size >= maxPrepared) this.#prepared.clear()
    const preparing = this.#prepareHome(join(this.#root, mailboxId))
    this.#prepared.set(mailboxId, preparing)
    return preparing
  }

  async #prepareHome(home: string): Promise<void> {
    await this.#makeDirectory(home)
    for (const name of places) await this.#makeDirectory(join(home, name))
    await this.#directories.sync(home)
    await this.#directories.sync(this.#root)
  }

  async #makeDirectory(path: string): Promise<void> {
    try {
      await this.#files.makeDirectory(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }

  #home(mailboxId: string): string {
    if (!isMailboxId(mailboxId)) throw new SpoolError("bad-name", "not a mailbox id")
    return join(this.#root, mailboxId)
  }
}

const places = ["tmp", "new", "quarantine"] as const
type Place = (typeof places)[number]

const staleMs = 36 * 3_600_000
const maxReason = 500
const maxPrepared = 10_000
const readBytes = 262_144

export type MailboxSummary = {
  mailbox: string
  messages: number
  bytes: number
  /** Arrival of the oldest that waits, ms since the epoch. */
  oldest: number | null
  quarantined: number
  quarantinedBytes: number
}

/** A file that waits. `size` is that of the sealed file. */
export type Spooled = { id: string; size: number; bytes: AsyncGenerator<Uint8Array>; close(): Promise<void> }

type Places = { temporary: string; final: string; directory: string }

/** A file in S2. Exactly one of `commit` and `abort` ends it. */
export class Incoming {
  readonly id: string
  readonly #file: QueueFile
  readonly #at: Places
  readonly #files: QueueFiles
  readonly #directories: DirectorySync
  readonly #ended: () => void
  #open = true

  constructor(
    id: string,
    file: QueueFile,
    at: Places,
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

/** `size` octets, or fewer when the file ends before; a file that grows meanwhile is not read further. */
async function* readAll(file: QueueFile, size: number): AsyncGenerator<Uint8Array> {
  try {
    for (let left = size; left > 0; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, left))
      const read = await file.read(buffer)
      if (read === 0) return
      left -= read
      yield buffer.subarray(0, read)
    }
  } catch (error) {
    throw spoolError(error, "cannot read a spool file")
  } finally {
    await file.close()
  }
}

/** As in `daemon/contract/control.ts`; nothing else may become a path. */
function isMailboxId(text: string): boolean {
  return /^[a-z2-7]{26}$/.test(text)
}

function mustBeDirectory(found: FileFacts, path: string): void {
  if (!found.isDirectory()) throw new SpoolError("not-a-directory", `${path} is not a directory: remove it`)
}

function isFault(error: unknown, fault: SpoolFault): boolean {
  return error instanceof SpoolError && error.fault === fault
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\x00-\x1f\x7f]+/g, " ").slice(0, maxReason)
}

function idOf(text: string): string {
  if (!isUlid(text)) throw new SpoolError("bad-name", "not an id of a spool file")
  return text
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

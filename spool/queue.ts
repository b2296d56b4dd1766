import { join } from "node:path"
import { Counts, type Waiting } from "./counts.ts"
import { DirectorySync } from "./directory-sync.ts"
import { Incoming } from "./incoming.ts"
import { Places } from "./places.ts"
import { diskFiles, factsIfThere, missing, type QueueFiles, SpoolError, spoolError } from "./queue-files.ts"
import { writeReason } from "./reason.ts"
import { Run } from "./run.ts"
import { openSpooled, type Spooled } from "./spooled.ts"
import { isUlid, timeOf, UlidSource } from "./ulid.ts"

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
  readonly #files: QueueFiles
  readonly #directories: DirectorySync
  readonly #places: Places
  readonly #ulids = new UlidSource()
  readonly #run = new Run()
  readonly #writing = new Set<string>()
  readonly #counts: Counts

  /** @param root `paths.spool`, made by `prepare` or by the installation */
  constructor(root: string, files: QueueFiles = diskFiles) {
    this.#files = files
    this.#directories = new DirectorySync(files)
    this.#places = new Places(root, files, this.#directories)
    this.#counts = new Counts(this.#places, files)
  }

  /** Makes the root directory where it is missing. */
  async prepare(): Promise<void> {
    await this.#places.makeRoot()
  }

  /**
   * S1 -> S2: an empty file in tmp/.
   *
   * @throws SpoolError `disk-full`, `bad-name`, `fault`
   */
  async incoming(mailboxId: string): Promise<Incoming> {
    const id = this.#ulids.next()
    const name = `${id}.${this.#run.name}`
    const directory = this.#places.path(mailboxId, "new")
    const at = { temporary: join(this.#places.path(mailboxId, "tmp"), name), final: join(directory, id), directory }
    this.#writing.add(name)
    try {
      await this.#places.prepare(mailboxId)
      const file = await this.#files.open(at.temporary, "wx", 0o660)
      return new Incoming(id, file, at, this.#files, this.#directories, () => this.#writing.delete(name))
    } catch (error) {
      this.#writing.delete(name)
      // The directories may have been removed behind our back; the next message makes them again.
      this.#places.forget(mailboxId)
      throw spoolError(error, `cannot begin a file for mailbox ${mailboxId}`)
    }
  }

  /** Ids in new/, oldest first; none when the mailbox has never had mail. */
  async list(mailboxId: string): Promise<string[]> {
    return (await this.#places.names(mailboxId, "new")).filter(isUlid).sort()
  }

  /**
   * A file in new/ for reading; `bytes` closes it at its end, `close` does at any time.
   *
   * @throws SpoolError `no-such-file`, `not-a-directory`; `not-a-file` is for `quarantine`
   */
  async open(mailboxId: string, id: string): Promise<Spooled> {
    const path = join(this.#places.path(mailboxId, "new"), idOf(id))
    try {
      await this.#places.certain(mailboxId, "new")
      return await openSpooled(this.#files, id, path)
    } catch (error) {
      throw spoolError(error, `cannot open ${path}`)
    }
  }

  /**
   * S5 -> S1, for messages that are durable in the mailbox. When it resolves the names are gone durably, so
   * that their delivery ids may be forgotten. What is gone already is not an error.
   */
  async remove(mailboxId: string, ids: string | string[]): Promise<void> {
    const directory = this.#places.path(mailboxId, "new")
    const paths = [ids].flat().map((id) => join(directory, idOf(id)))
    try {
      await this.#places.certain(mailboxId, "new")
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
    const name = idOf(id)
    try {
      const from = await this.#places.certain(mailboxId, "new")
      const to = await this.#places.certain(mailboxId, "quarantine")
      await writeReason(this.#files, join(to, name), why)
      await this.#files.rename(join(from, name), join(to, name))
      await Promise.all([this.#directories.sync(from), this.#directories.sync(to)])
    } catch (error) {
      throw spoolError(error, `cannot quarantine ${name} of mailbox ${mailboxId}`)
    }
  }

  /** Everything of a mailbox that was deleted. */
  async drop(mailboxId: string): Promise<void> {
    await this.#places.remove(mailboxId)
  }

  /** How much is in new/, by the size of the sealed files. @throws SpoolError */
  async waiting(mailboxId: string): Promise<Waiting> {
    return await this.#counts.waiting(mailboxId)
  }

  /** Mailboxes for which mail waits. */
  async nonEmpty(): Promise<string[]> {
    const found: string[] = []
    for (const mailbox of await this.#places.mailboxes()) {
      if ((await this.#places.namesIfReal(mailbox, "new")).length > 0) found.push(mailbox)
    }
    return found
  }

  /**
   * For `spool list`: a line per mailbox that has anything. Where a link is in the place of a directory there
   * is nothing of ours to count; one such mailbox does not hide the others.
   */
  async summary(): Promise<MailboxSummary[]> {
    const lines: MailboxSummary[] = []
    for (const mailbox of await this.#places.mailboxes()) {
      const waiting = await this.#counts.measure(mailbox, "new")
      const quarantined = await this.#counts.measure(mailbox, "quarantine")
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

  /**
   * Removes what crashes left in tmp/ and gives the number of files; for the spool process only.
   *
   * @param now ms since the epoch
   */
  async sweep(now: number = Date.now()): Promise<number> {
    let swept = 0
    for (const mailbox of await this.#places.mailboxes()) {
      for (const name of await this.#places.namesIfReal(mailbox, "tmp")) {
        const path = join(this.#places.path(mailbox, "tmp"), name)
        if (this.#writing.has(name) || !(await this.#isStale(path, name, now))) continue
        await this.#unlink(path)
        swept += 1
      }
    }
    return swept
  }

  /** By what its name says; where it says nothing, by its file's age. */
  async #isStale(path: string, name: string, now: number): Promise<boolean> {
    const [id = "", run = ""] = name.split(".")
    if (isUlid(id)) return now - timeOf(id) > staleMs || this.#run.hasEnded(run)
    const facts = await factsIfThere(this.#files, path)
    return facts !== null && now - facts.mtimeMs > staleMs
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#files.unlink(path)
    } catch (error) {
      if (!missing(error)) throw error
    }
  }
}

const staleMs = 36 * 3_600_000

export type MailboxSummary = {
  mailbox: string
  messages: number
  bytes: number
  /** Arrival of the oldest that waits, ms since the epoch. */
  oldest: number | null
  quarantined: number
  quarantinedBytes: number
}

function idOf(text: string): string {
  if (!isUlid(text)) throw new SpoolError("bad-name", "not an id of a spool file")
  return text
}

import { type QueueFile, type QueueFiles, SpoolError, spoolError } from "./queue-files.ts"

const readBytes = 262_144

/** A file that waits. `size` is that of the sealed file. */
export type Spooled = { id: string; size: number; bytes: AsyncGenerator<Uint8Array>; close(): Promise<void> }

/**
 * A plain file of one name, for reading. Anything else there is no message: it is neither followed nor waited for.
 *
 * @throws SpoolError `not-a-file`
 */
export async function openSpooled(files: QueueFiles, id: string, path: string): Promise<Spooled> {
  const file = await openUnfollowed(files, path)
  try {
    // Of the open file, which nobody can exchange.
    const found = await file.stat()
    // A second name is none that the spool makes: the file may be somebody else's.
    if (!found.isFile() || found.nlink > 1) throw new SpoolError("not-a-file", `${path} is no message of the spool`)
    return { id, size: found.size, bytes: readAll(file, found.size), close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function openUnfollowed(files: QueueFiles, path: string): Promise<QueueFile> {
  try {
    return await files.open(path, "r")
  } catch (error) {
    // ELOOP: a link. ENXIO: a socket or a device without a driver.
    if (!["ELOOP", "ENXIO"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error
    throw new SpoolError("not-a-file", `${path} is no message of the spool`, { cause: error })
  }
}

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

import { randomBytes } from "node:crypto"
import type { QueueFiles } from "./queue-files.ts"

const maxReason = 500

/**
 * Writes why a file is in quarantine to `<path>.why`. Under a new name first: what the spool's user may have
 * put there is replaced, never opened.
 */
export async function writeReason(files: QueueFiles, path: string, why: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`
  try {
    await writeNew(files, temporary, Buffer.from(`${oneLine(why)}\n`))
    await files.rename(temporary, `${path}.why`)
  } catch (error) {
    // The error above is the one to report; a name that stays behind means nothing to anybody.
    await files.unlink(temporary).catch(() => undefined)
    throw error
  }
}

async function writeNew(files: QueueFiles, path: string, content: Uint8Array): Promise<void> {
  const file = await files.open(path, "wx", 0o660)
  try {
    for (let at = 0; at < content.length; ) at += await file.write(content.subarray(at))
    await file.sync()
  } finally {
    await file.close()
  }
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\x00-\x1f\x7f]+/g, " ").slice(0, maxReason)
}

import { randomBytes } from "node:crypto"
import { closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"

/** Makes what was created, renamed or removed in this directory survive a power cut. */
export function fsyncDirectory(path: string): void {
  const handle = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * Writes a whole file so that after a crash either the old content or the new one is there, never a part:
 * temporary name in the same directory, fsync, rename, fsync of the directory. The mode is set at creation,
 * so there is no moment in which others could read it.
 */
export function writeFileDurably(path: string, content: Uint8Array, mode: number): void {
  const temporary = join(dirname(path), `.${randomBytes(8).toString("hex")}.tmp`)
  const handle = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  )
  try {
    try {
      for (let at = 0; at < content.length; ) at += writeSync(handle, content, at)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  fsyncDirectory(dirname(path))
}

/** A directory that must be private: made with this mode when absent, refused when it is a link or open to others. */
export function ensurePrivateDirectory(path: string, mode = 0o700): void {
  if (mkdirSync(path, { recursive: true, mode }) !== undefined) fsyncDirectory(dirname(path))
  const found = lstatSync(path)
  if (!found.isDirectory()) throw new Error(`${path} is not a directory`)
  if ((found.mode & 0o007) !== 0)
    throw new Error(`${path} is open to everybody (mode ${(found.mode & 0o777).toString(8)}): chmod o-rwx ${path}`)
}

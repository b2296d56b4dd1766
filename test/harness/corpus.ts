import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** Where messages come from: the folder that MAILKEEP_CORPUS names, or a few of our own. */
const folder = process.env.MAILKEEP_CORPUS ?? fileURLToPath(new URL("../fixtures", import.meta.url))

/** Messages with CRLF line ends, as an MTA hands them over, each ending in CRLF. */
export function messages(limit = Number.POSITIVE_INFINITY): { name: string; bytes: Buffer }[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".eml"))
  return names
    .sort()
    .slice(0, limit)
    .map((name) => ({ name, bytes: asDelivered(readFileSync(join(folder, name))) }))
}

function asDelivered(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1").replace(/\r?\n/g, "\r\n")
  return Buffer.from(text.endsWith("\r\n") ? text : `${text}\r\n`, "latin1")
}

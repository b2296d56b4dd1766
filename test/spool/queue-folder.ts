import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import type { Queue } from "../../spool/queue.ts"
import { SpoolError } from "../../spool/queue-files.ts"
import { isUlid } from "../../spool/ulid.ts"

export const mailbox = "abcdefghijklmnopqrstuvwxyz"
export const octets = Buffer.from("sealed octets")

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "mailkeep-queue-"))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export async function put(queue: Queue, content: Uint8Array = octets): Promise<string> {
  const incoming = await queue.incoming(mailbox)
  await incoming.write(content)
  await incoming.commit()
  return incoming.id
}

export async function read(queue: Queue, id: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await queue.open(mailbox, id)).bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Ids in quarantine/, oldest first. */
export function quarantined(root: string): string[] {
  return readdirSync(join(root, mailbox, "quarantine"))
    .filter(isUlid)
    .sort()
}

/** What is written down beside a file in quarantine/. */
export function reason(root: string, id: string): string {
  return readFileSync(join(root, mailbox, "quarantine", `${id}.why`), "utf8")
}

/** Files in the three places. */
export function state(root: string): { tmp: number; new: number; quarantine: number } {
  const count = (name: string) => {
    try {
      return readdirSync(join(root, mailbox, name)).length
    } catch {
      return 0
    }
  }
  return { tmp: count("tmp"), new: count("new"), quarantine: count("quarantine") }
}

export function fault(expected: string) {
  return (error: unknown) => error instanceof SpoolError && error.fault === expected
}

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const unitFolder = fileURLToPath(new URL("../../systemd", import.meta.url))

/** `[Section]` → key → values in their order; a key may stand more than once (systemd.syntax(7)). */
export type UnitFile = Map<string, Map<string, string[]>>

/** A unit file of ours. @throws Error at a line that is neither a comment, a section nor an assignment */
export function readUnit(name: string): UnitFile {
  const unit: UnitFile = new Map()
  let section = ""
  for (const [index, line] of readFileSync(join(unitFolder, name), "utf8").split("\n").entries()) {
    if (line === "" || line.startsWith("#")) continue
    const head = /^\[(\w+)\]$/.exec(line)?.[1]
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (head !== undefined) section = head
    else if (key !== undefined && value !== undefined) assign(unit, section, key, value)
    else throw new Error(`${name}:${index + 1}: not a line of a unit: ${line}`)
  }
  return unit
}

function assign(unit: UnitFile, section: string, key: string, value: string): void {
  const keys = unit.get(section) ?? new Map<string, string[]>()
  unit.set(section, keys.set(key, [...(keys.get(key) ?? []), value]))
}

/** The fields of each line of a tmpfiles.d or sysusers.d file; a quoted field may hold spaces. */
export function readTable(name: string): string[][] {
  return readFileSync(join(unitFolder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? ""))
}

import { CliFailure, exitCodes } from "./failure.ts"

/** Columns as wide as their widest cell; `empty` instead of a table without rows. Control characters are shown as "?". */
export function table(heads: string[], rows: string[][], empty: string): string {
  if (rows.length === 0) return empty
  const cells = [heads, ...rows].map((row) => row.map(printable))
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ""))))
  return cells
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

/** `name: value` lines, aligned. */
export function facts(pairs: [name: string, value: string][]): string {
  const widest = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${`${name}:`.padEnd(widest + 2)}${printable(value)}`).join("\n")
}

/** Names of clients come from the network: nothing in them may steer a terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?")
}

function width(text: string): number {
  return [...text].length
}

function pad(text: string, to: number): string {
  return text + " ".repeat(Math.max(0, to - width(text)))
}

/** Local time, to the second, sortable. */
export function time(ms: number | null): string {
  if (ms === null) return "-"
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, "0")
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

const units: [name: string, seconds: number][] = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
]

/** The two largest units: "2d 3h", "5m", "0s". */
export function span(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [name, size] of units) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)}${name}`)
    rest %= size
  }
  return parts.slice(0, 2).join(" ") || "0s"
}

export function bytes(count: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"]
  let value = count
  let unit = 0
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${names[unit]}`
}

/** Seconds from "90", "90s", "30m", "8h" or "2d". @throws CliFailure usage */
export function seconds(text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  const size = units.find(([name]) => name === unit)?.[1]
  if (digits === undefined || size === undefined) {
    throw new CliFailure("usage", `${JSON.stringify(text)} is not a time: use 90, 90s, 30m, 8h or 2d`, exitCodes.usage)
  }
  return Number(digits) * size
}

/** A count of octets from "1048576", "500M" or "2G" (powers of 1024). @throws CliFailure usage */
export function octets(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,15})([KMGT])?$/i.exec(text) ?? []
  const value = Number(digits) * 1024 ** " KMGT".indexOf(unit.toUpperCase() || " ")
  if (!Number.isSafeInteger(value)) {
    throw new CliFailure("usage", `${JSON.stringify(text)} is not a size: use 1048576, 500M or 2G`, exitCodes.usage)
  }
  return value
}

/** A whole number. @throws CliFailure usage */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CliFailure("usage", `${JSON.stringify(text)} is not a whole number`, exitCodes.usage)
}

import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { parse, stringify, TomlError } from "smol-toml"
import type { z } from "zod"
import { KeyLines, type KeyPath } from "./key-lines.ts"
import { type Settings, settingsSchema } from "./settings.ts"
import { contradictions, type Problem } from "./settings-check.ts"
import { expectedAt, keysAt } from "./settings-table.ts"

/** The file that is read when none is named and it exists. */
export const defaultFile = "mailkeep.toml"
const maxBytes = 1_048_576

/** The configuration cannot be used. The message has one line for each problem: file, line, key, what was expected. */
export class ConfigurationError extends Error {
  readonly file: string | null
  readonly problems: readonly string[]

  constructor(file: string | null, problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options)
    this.name = "ConfigurationError"
    this.file = file
    this.problems = problems
  }
}

/** Which file `loadSettings` reads: the one named, else that of MAILKEEP_CONFIG, else ./mailkeep.toml if it is there. */
export function settingsFile(named?: string): string | null {
  const chosen = named ?? (process.env.MAILKEEP_CONFIG || undefined)
  if (chosen !== undefined) return resolve(chosen)
  return existsSync(defaultFile) ? resolve(defaultFile) : null
}

/**
 * The settings of this installation, complete and checked; `data_dir` is absolute. Without a file, all
 * defaults.
 *
 * @throws ConfigurationError with all problems at once
 */
export function loadSettings(named?: string): Settings {
  const file = settingsFile(named)
  const settings = parseSettings(file === null ? "" : readSettings(file), file)
  const found = statSync(settings.data_dir, { throwIfNoEntry: false })
  if (found !== undefined && !found.isDirectory()) {
    throw new ConfigurationError(file, [`${file ?? "defaults"}: data_dir: ${settings.data_dir} is not a directory`])
  }
  return settings
}

function readSettings(file: string): string {
  try {
    const bytes = readFileSync(file)
    if (bytes.length > maxBytes) throw new ConfigurationError(file, [`${file}: larger than ${maxBytes} bytes`])
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause
    throw new ConfigurationError(file, [`${file}: ${unreadable(cause)}`], { cause })
  }
}

function unreadable(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT") return "there is no such configuration file"
  if (code === "EISDIR") return "is a directory, not a configuration file"
  if (code === "EACCES") return "may not be read by this user"
  return cause instanceof TypeError ? "is not UTF-8 text" : `cannot be read: ${String(code)}`
}

/**
 * @param file name for messages, and what `data_dir` is relative to; null for the working directory
 * @throws ConfigurationError with all problems at once
 */
export function parseSettings(toml: string, file: string | null): Settings {
  const document = parsedToml(toml, file)
  const checked = settingsSchema.safeParse(document)
  const where = new KeyLines(toml)
  const place = (path: KeyPath) => `${file ?? "configuration"} line ${where.of(path)}: ${dotted(path)}`
  if (!checked.success) {
    throw new ConfigurationError(
      file,
      inLineOrder(
        checked.error.issues.flatMap((issue) => problemsOf(issue, document)),
        where,
        place,
      ),
    )
  }
  const base = file === null ? process.cwd() : dirname(resolve(file))
  const settings = { ...checked.data, data_dir: resolve(base, checked.data.data_dir) }
  const contradicting = contradictions(settings)
  if (contradicting.length > 0) throw new ConfigurationError(file, inLineOrder(contradicting, where, place))
  return settings
}

function parsedToml(toml: string, file: string | null): unknown {
  try {
    return parse(toml, { maxDepth: 32, unsafeKeyBehaviour: "throw" })
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const [first = ""] = cause.message.split("\n")
    const what = first.replace(/^Invalid TOML document: /, "")
    const place = `${file ?? "configuration"} line ${cause.line}, column ${cause.column}`
    throw new ConfigurationError(file, [`${place}: not TOML: ${what}`], { cause })
  }
}

/** The settings as a file that means the same. */
export function settingsToml(settings: Settings): string {
  return stringify(settings)
}

function inLineOrder(problems: Problem[], lines: KeyLines, place: (path: KeyPath) => string): string[] {
  const sorted = problems.toSorted((left, right) => lines.of(left.path) - lines.of(right.path))
  return sorted.map(({ path, text }) => `${place(path)}: ${text}`)
}

function problemsOf(issue: z.core.$ZodIssue, document: unknown): Problem[] {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)))
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], text: `unknown key${suggestion(path, key)}` }))
  }
  return [{ path, text: `expected ${expectedAt(path)}, not ${shown(at(document, path))}` }]
}

function at(document: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], document)
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list"
  if (value instanceof Date) return "a date"
  if (typeof value === "object") return "a table"
  // JSON has no word for inf and nan, which TOML has.
  const text = typeof value === "number" ? String(value) : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function suggestion(path: KeyPath, key: string): string {
  const here = keysAt(path)
  const near = here.map((name) => ({ name, far: distance(key, name) })).sort((left, right) => left.far - right.far)[0]
  if (near !== undefined && near.far <= Math.max(1, Math.floor(near.name.length / 3))) {
    return `: did you mean ${dotted([...path, near.name])}?`
  }
  const elsewhere = keysAt([]).filter((section) => keysAt([section]).includes(key))
  if (elsewhere.length > 0) return `: did you mean ${elsewhere.map((section) => `${section}.${key}`).join(" or ")}?`
  if (keysAt([]).includes(key)) return `: did you mean ${key}, before the first [section]?`
  return `: expected one of ${here.join(", ")}`
}

/** Levenshtein distance; keys are short, and longer ones than any of ours are cut. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [i, character] of [...left.slice(0, 64)].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...right].entries()) {
      const changed = (row[j] ?? 0) + (character === other ? 0 : 1)
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[right.length] ?? 0
}

/** `proxy.imaps[0]`; keys that are not bare are quoted as in TOML. */
function dotted(path: KeyPath): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`
      const key = /^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step)
      return index === 0 ? key : `.${key}`
    })
    .join("")
}

import { z } from "zod"
import { settingsSchema } from "./settings.ts"

/** One setting, as it is explained to people: in error messages and in `docs/configuration.md`. */
export type Setting = { key: string; expected: string; default: unknown; meaning: string }
/** `name` is null for the settings that stand outside all sections. */
export type Section = { name: string | null; meaning: string; settings: Setting[] }

/** The part of JSON Schema that the settings use, and what a text's pattern asks for in words. */
type Shape = {
  type?: "object" | "array" | "string" | "integer" | "number" | "boolean"
  properties?: Record<string, Shape>
  items?: Shape
  enum?: unknown[]
  minimum?: number
  maximum?: number
  minItems?: number
  minLength?: number
  default?: unknown
  description?: string
  expected?: string
}

const root = z.toJSONSchema(settingsSchema, {
  io: "input",
  override: ({ zodSchema, jsonSchema }) => {
    if (jsonSchema.pattern === undefined) return
    // NUL fits none of the patterns, so that the answer is the pattern's own message.
    const refusal = z.core.safeParse(zodSchema, "\0").error
    if (refusal !== undefined) jsonSchema.expected = refusal.issues[0]?.message
  },
}) as Shape

/** All settings in the order of the schema. */
export function settingsTable(): Section[] {
  const all = Object.entries(root.properties ?? {})
  const outside = all.filter(([, shape]) => shape.type !== "object")
  const sections = all.filter(([, shape]) => shape.type === "object")
  return [
    { name: null, meaning: "", settings: outside.map(settingOf) },
    ...sections.map(([name, shape]) => ({
      name,
      meaning: shape.description ?? "",
      settings: Object.entries(shape.properties ?? {}).map(settingOf),
    })),
  ]
}

function settingOf([key, shape]: [string, Shape]): Setting {
  return { key, expected: inWords(shape), default: shape.default, meaning: shape.description ?? "" }
}

/** What may stand at this place, for example "a whole number from 1 to 3600". */
export function expectedAt(path: readonly PropertyKey[]): string {
  let shape: Shape | undefined = root
  for (const step of path) shape = typeof step === "number" ? shape?.items : shape?.properties?.[String(step)]
  return shape === undefined ? "nothing" : inWords(shape)
}

/** The names that may stand below this path. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  let shape: Shape | undefined = root
  for (const step of path) shape = shape?.properties?.[String(step)]
  return Object.keys(shape?.properties ?? {})
}

function inWords(shape: Shape): string {
  if (shape.enum !== undefined) return `one of ${shape.enum.map((value) => JSON.stringify(value)).join(", ")}`
  if (shape.expected !== undefined) return shape.expected
  switch (shape.type) {
    case "object":
      return "a section with settings of its own"
    case "array":
      return `a list${(shape.minItems ?? 0) > 0 ? ", not empty," : ""} in [ ], each ${inWords(shape.items ?? {})}`
    case "boolean":
      return "true or false"
    case "integer":
      return `a whole number${range(shape)}`
    case "number":
      return `a number${range(shape)}`
    case "string":
      return (shape.minLength ?? 0) > 0 ? "a text in quotes, not empty" : "a text in quotes"
    default:
      throw new Error("a setting of a kind that has no words here yet")
  }
}

function range({ minimum, maximum }: Shape): string {
  // zod bounds every integer by what a double holds exactly; nobody needs to read that.
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  if (minimum !== undefined && bounded) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) return ` of at least ${minimum}`
  return bounded ? ` of at most ${maximum}` : ""
}

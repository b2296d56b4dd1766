/**
 * Flags as the model compares them: lower case (RFC 3501 §2.3.2: in any case, the same), sorted, without \Recent,
 * which belongs to a session. A string, so that states can be compared and copied as they are.
 */
export type Flags = string

export function flagsOf(names: Iterable<string>): Flags {
  const distinct = new Set([...names].map((name) => name.toLowerCase()))
  distinct.delete("\\recent")
  return [...distinct].sort().join(" ")
}

export function namesIn(flags: Flags): string[] {
  return flags.split(" ").filter((name) => name !== "")
}

export function has(flags: Flags, name: string): boolean {
  return namesIn(flags).includes(name.toLowerCase())
}

export type Operation = "+" | "-" | ""

/** STORE (RFC 3501 §6.4.6): adds, removes, replaces. */
export function changed(flags: Flags, operation: Operation, names: readonly string[]): Flags {
  const given = flagsOf(names)
  if (operation === "") return given
  if (operation === "+") return flagsOf([...namesIn(flags), ...namesIn(given)])
  return flagsOf(namesIn(flags).filter((name) => !has(given, name)))
}

/**
 * What a reader found in a message: facts by name. A name is the number of a part (or nothing, for the message
 * itself), a blank, and what about it: "1.2 octets", " from", "2 HEADER". What a reader says nothing about is
 * not in it, null is a fact.
 */
export type Seen = Map<string, unknown>

/** How the readers differ about one message, a line per fact. Facts of which one reader does not speak are left out. */
export function differences(ours: Seen, theirs: Seen): string[] {
  return [...theirs].flatMap(([fact, value]) => {
    const [left, right] = [JSON.stringify(ours.get(fact) ?? null), JSON.stringify(value ?? null)]
    return left === right ? [] : [`${fact}: ${shortened(left)} | ${shortened(right)}`]
  })
}

function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 90)} … ${text.slice(-90)} (${text.length})`
}

/** `path` counts inside a message or multipart; "" is the message itself. */
export function numbered(path: string, number: number | "TEXT"): string {
  return path === "" ? String(number) : `${path}.${number}`
}

import type { Response } from "../harness.ts"

/** What the server said, as values. */
export type Heard =
  | { kind: "exists" | "recent" | "expunge"; number: number }
  | { kind: "vanished"; earlier: boolean; uids: number[] }
  | { kind: "fetch"; number: number | null; uid: number | null; items: Map<string, string> }
  | { kind: "search" | "sort"; numbers: number[]; modseq: number | null }
  | { kind: "esearch"; tag: string; uid: boolean; data: Map<string, string> }
  | { kind: "flags"; flags: string[] }
  | { kind: "code"; code: string; value: string }
  | { kind: "status"; mailbox: string; values: Map<string, string> }
  | { kind: "list"; words: string[] }
  | { kind: "enabled"; words: string[] }
  | { kind: "bye" | "continue" }
  | { kind: "tagged"; tag: string; status: string; code: string; value: string }

export type Line = Heard & { text: string }

type Reading = (match: RegExpExecArray, literals: readonly Buffer[]) => Heard

const readings: [RegExp, Reading][] = [
  [/^\* (\d+) (EXISTS|RECENT|EXPUNGE)$/, ([, n, what = ""]) => ({ kind: counted(what), number: Number(n) })],
  [
    /^\* VANISHED (\(EARLIER\) )?([\d:,]+)$/,
    ([, earlier, set = ""]) => ({ kind: "vanished", earlier: earlier !== undefined, uids: numbersIn(set) }),
  ],
  [
    /^\* (\d+) FETCH \((.*)\)$/s,
    ([, number, items = ""], literals) => fetched(Number(number), null, itemsIn(items, literals)),
  ],
  [
    /^\* (\d+) UIDFETCH \((.*)\)$/s,
    ([, uid, items = ""], literals) => fetched(null, Number(uid), itemsIn(items, literals)),
  ],
  [
    /^\* (SEARCH|SORT)((?: \d+)*)(?: \(MODSEQ (\d+)\))?$/,
    ([, what, numbers = "", modseq]) => ({
      kind: what === "SORT" ? "sort" : "search",
      numbers: words(numbers).map(Number),
      modseq: modseq === undefined ? null : Number(modseq),
    }),
  ],
  [
    /^\* ESEARCH \(TAG "([^"]*)"\)( UID)?(.*)$/,
    ([, tag = "", uid, data = ""]) => ({ kind: "esearch", tag, uid: uid !== undefined, data: itemsIn(data, []) }),
  ],
  [/^\* FLAGS \((.*)\)$/, ([, flags = ""]) => ({ kind: "flags", flags: words(flags) })],
  [/^\* OK \[([\w-]+) ?([^\]]*)\]/, ([, code = "", value = ""]) => ({ kind: "code", code, value })],
  [
    /^\* STATUS "?([^" ]+)"? \((.*)\)$/,
    ([, mailbox = "", values = ""]) => ({ kind: "status", mailbox, values: itemsIn(values, []) }),
  ],
  [
    /^\* (LIST|ENABLED)(.*)$/,
    ([, what, rest = ""]) => ({ kind: what === "LIST" ? "list" : "enabled", words: words(rest) }),
  ],
  [/^\* BYE /, () => ({ kind: "bye" })],
  [/^\+ /, () => ({ kind: "continue" })],
  [
    /^(\w+) (OK|NO|BAD) (?:\[([\w-]+) ?([^\]]*)\])?/,
    ([, tag = "", status = "", code = "", value = ""]) => ({ kind: "tagged", tag, status, code, value }),
  ],
]

export function lineOf({ text, literals }: Response): Line {
  for (const [pattern, reading] of readings) {
    const match = pattern.exec(text)
    if (match !== null) return { ...reading(match, literals), text }
  }
  throw new Error(`the model does not know what this is: ${text}`)
}

function counted(what: string): "exists" | "recent" | "expunge" {
  if (what === "EXISTS") return "exists"
  return what === "RECENT" ? "recent" : "expunge"
}

const fetched = (number: number | null, uid: number | null, items: Map<string, string>): Heard => ({
  kind: "fetch",
  number,
  uid,
  items,
})

/** `NAME value NAME (value) NAME {n}`; a literal's value is its octets as latin1, a list's is what is in it. */
function itemsIn(text: string, literals: readonly Buffer[]): Map<string, string> {
  const items = new Map<string, string>()
  let literal = 0
  for (const [, name = "", list, quoted, announced, atom] of text.matchAll(
    /([\w.[\]-]+) (?:\(([^)]*)\)|"([^"]*)"|\{(\d+)\}|(\S+))/g,
  )) {
    const octets = announced === undefined ? undefined : literals[literal++]?.toString("latin1")
    items.set(name, list ?? quoted ?? octets ?? atom ?? "")
  }
  return items
}

export function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "")
}

/** The numbers in a sequence set without "*". */
export function numbersIn(set: string): number[] {
  return set.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split(":").map(Number)
    return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => Math.min(from, to) + index)
  })
}

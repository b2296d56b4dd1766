import type { Pace } from "../pace.ts"

/** Items sorted at one go. */
const runItems = 1024

/**
 * Sorts like Array.sort (stable), giving way to other connections meanwhile: short runs first, then merged.
 *
 * @throws ClientGone
 */
export async function pacedSort<T>(items: readonly T[], compare: (a: T, b: T) => number, pace: Pace): Promise<T[]> {
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += runItems) {
    runs.push(items.slice(at, at + runItems).sort(compare))
    await pace.rest()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let at = 0; at < runs.length; at += 2)
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], compare, pace))
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(a: T[], b: T[], compare: (a: T, b: T) => number, pace: Pace): Promise<T[]> {
  const out: T[] = []
  let at = 0
  for (const item of b) {
    for (let next = a[at]; next !== undefined && compare(next, item) <= 0; next = a[at]) {
      out.push(next)
      at += 1
    }
    out.push(item)
    if (out.length % runItems === 0) await pace.rest()
  }
  for (; at < a.length; at += 1) out.push(a[at] as T)
  return out
}

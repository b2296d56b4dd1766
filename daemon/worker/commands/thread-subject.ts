import { compareKeys } from "../../message/collation.ts"
import type { Pace } from "../pace.ts"
import { pacedSort } from "./paced-sort.ts"
import { bySentDate, compareNodes, type Node, nodeOf, type Threaded } from "./thread-tree.ts"

/**
 * ORDEREDSUBJECT (RFC 5256 §3): messages with the same base subject are one thread; its first is the parent of
 * all the others.
 *
 * @throws ClientGone
 */
export async function threadBySubject(messages: readonly Threaded[], pace: Pace): Promise<Node[]> {
  const compare = (a: Threaded, b: Threaded) => compareKeys(a.subject, b.subject) || bySentDate(a, b)
  const roots: Node[] = []
  for (const message of await pacedSort(messages, compare, pace)) {
    const last = roots.at(-1)
    if (last?.message?.subject === message.subject) last.children.push(nodeOf(message))
    else roots.push(nodeOf(message))
  }
  return pacedSort(roots, compareNodes, pace)
}

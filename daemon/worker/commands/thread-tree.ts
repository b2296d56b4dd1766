import type { Pace } from "../pace.ts"
import { pacedSort } from "./paced-sort.ts"

/** What THREAD knows of a message. `number` is its number or UID, as the command wants it. */
export type Threaded = {
  uid: number
  number: number
  sentAt: number
  /** Base subject as it is compared; empty when there is none. */
  subject: string
  isReply: boolean
  messageId: string | null
  references: readonly string[]
}

/** A message in its thread; without one, a dummy that stands for a message which is not here. */
export type Node = { message: Threaded | null; parent: Node | null; children: Node[] }

export function nodeOf(message: Threaded | null): Node {
  return { message, parent: null, children: [] }
}

/** RFC 5256 §2.2: by sent date, and in mailbox order where that is equal. */
export function bySentDate(a: Threaded, b: Threaded): number {
  return a.sentAt - b.sentAt || a.uid - b.uid
}

/** RFC 5256 §3, steps 4 and 6: a dummy counts as its first child, whose siblings must be sorted already. */
export function compareNodes(a: Node, b: Node): number {
  const [x, y] = [messageOf(a), messageOf(b)]
  return x === null || y === null ? 0 : bySentDate(x, y)
}

/** The message, or that of the first child of a dummy; dummies stand only at the top. */
export function messageOf(node: Node): Threaded | null {
  return node.message ?? node.children[0]?.message ?? null
}

/** All nodes below these and they themselves, parents before children. Without recursion: threads can be deep. */
export function inOrder(roots: readonly Node[]): Node[] {
  const all = [...roots]
  for (let at = 0; at < all.length; at += 1) for (const child of all[at]?.children ?? []) all.push(child)
  return all
}

/** Step 6: each set of siblings by sent date, the deepest first. @throws ClientGone */
export async function sortSiblings(roots: readonly Node[], pace: Pace): Promise<Node[]> {
  for (const node of inOrder(roots).reverse()) {
    if (node.children.length > 1) node.children = await pacedSort(node.children, compareNodes, pace)
    if (pace.due) await pace.rest()
  }
  return pacedSort(roots, compareNodes, pace)
}

/**
 * thread-list    = "(" (thread-members / thread-nested) ")"
 * thread-members = thread-number *(SP thread-number) [SP thread-nested]
 * thread-nested  = 2*thread-list
 *
 * RFC 5256 §5. Each thread by itself, in pieces.
 */
export function* threadWire(root: Node): Generator<string> {
  const open: (Node | string)[] = [")", root, "("]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === "string") yield next
    else {
      const { message, children } = next
      if (message !== null) yield String(message.number)
      for (const child of children.toReversed()) {
        if (children.length === 1) open.push(child)
        else open.push(")", child, "(")
      }
      if (message !== null && children.length > 0) open.push(" ")
    }
  }
}

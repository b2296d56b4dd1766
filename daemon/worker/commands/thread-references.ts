import type { Pace } from "../pace.ts"
import { pacedSort } from "./paced-sort.ts"
import { compareNodes, messageOf, type Node, nodeOf, sortSiblings, type Threaded } from "./thread-tree.ts"

/** REFERENCES (RFC 5256 §3), in the six steps of the RFC; messages in mailbox order. @throws ClientGone */
export async function threadByReferences(messages: readonly Threaded[], pace: Pace): Promise<Node[]> {
  const roots = await prune(await link(messages, pace), pace) // (1) (2) (3)
  for (const root of roots) {
    if (root.message === null) root.children = await pacedSort(root.children, compareNodes, pace)
  }
  const sorted = await pacedSort(roots, compareNodes, pace) // (4)
  return sortSiblings(await mergeSubjects(sorted, pace), pace) // (5) (6)
}

/** Steps 1 and 2: parents and children by Message-ID; returns those that have no parent. */
async function link(messages: readonly Threaded[], pace: Pace): Promise<Node[]> {
  const byId = new Map<string, Node>()
  const all = messages.map((message) => register(byId, message))
  for (const node of all) {
    linkOne(byId, node)
    if (pace.due) await pace.rest()
  }
  return [...new Set([...byId.values(), ...all])].filter(({ parent }) => parent === null)
}

/** A Message-ID belongs to the first message that has it; later ones, and those without, stand for themselves. */
function register(byId: Map<string, Node>, message: Threaded): Node {
  const node = nodeOf(message)
  if (message.messageId !== null && !byId.has(message.messageId)) byId.set(message.messageId, node)
  return node
}

function linkOne(byId: Map<string, Node>, node: Node): void {
  let before: Node | null = null
  for (const id of node.message?.references ?? []) {
    const referenced = byId.get(id) ?? nodeOf(null)
    byId.set(id, referenced)
    // (1)(A): an existing link stays, because lists of references are often cut.
    if (before !== null && referenced.parent === null) adopt(before, referenced)
    before = referenced
  }
  // (1)(B): the last reference is the parent, whatever was thought before.
  if (before !== null && node.parent === before) return
  abandon(node)
  if (before !== null) adopt(before, node)
}

/** Makes a node without parent a child, unless that would close a loop. */
function adopt(parent: Node, child: Node): void {
  if (parent === child || (child.children.length > 0 && isBelow(parent, child))) return
  child.parent = parent
  parent.children.push(child)
}

function isBelow(node: Node, ancestor: Node): boolean {
  for (let at: Node | null = node; at !== null; at = at.parent) if (at === ancestor) return true
  return false
}

function abandon(node: Node): void {
  if (node.parent !== null) node.parent.children = node.parent.children.filter((child) => child !== node)
  node.parent = null
}

/**
 * Step 3: a dummy gives way to its children, and without children goes. At the top it stays when it has more
 * than one. Each message goes to the nearest one above it, in one walk, so that many answers below a long chain
 * of dummies cost no more than there are of both.
 *
 * @throws ClientGone
 */
async function prune(roots: readonly Node[], pace: Pace): Promise<Node[]> {
  for (const root of roots) await hoist(root, pace)
  return roots.flatMap((root) => (root.message === null && root.children.length < 2 ? root.children : [root]))
}

/** Gives `top`, and each message below it, the messages that are nearest below. */
async function hoist(top: Node, pace: Pace): Promise<void> {
  const first: Node[] = []
  const open = top.children.toReversed().map((node) => ({ node, into: first }))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, into } = next
    const below = node.message === null ? into : []
    for (const child of node.children.toReversed()) open.push({ node: child, into: below })
    if (node.message !== null) {
      into.push(node)
      node.children = below
    }
    if (pace.due) await pace.rest()
  }
  top.children = first
}

/** Step 5: threads whose roots have the same base subject become one. */
async function mergeSubjects(roots: readonly Node[], pace: Pace): Promise<Node[]> {
  const table = await subjectTable(roots, pace)
  const replaced = new Map<Node, Node>()
  const merged = new Set<Node>()
  for (const root of roots) {
    if (pace.due) await pace.rest()
    const subject = subjectOf(root)
    const first = table.get(subject)
    if (first === undefined || first === root) continue
    const whole = merge(first, root)
    merged.add(root)
    if (whole === first) continue
    replaced.set(first, whole)
    table.set(subject, whole)
  }
  return roots.filter((root) => !merged.has(root)).map((root) => replaced.get(root) ?? root)
}

/** (5)(A) and (B): of the roots with one subject, preferably a dummy, else one that is no reply. */
async function subjectTable(roots: readonly Node[], pace: Pace): Promise<Map<string, Node>> {
  const table = new Map<string, Node>()
  for (const root of roots) {
    if (pace.due) await pace.rest()
    const subject = subjectOf(root)
    if (subject === "") continue
    const first = table.get(subject)
    if (first === undefined || precedes(root, first)) table.set(subject, root)
  }
  return table
}

function precedes(node: Node, first: Node): boolean {
  if (first.message === null) return false
  return node.message === null || (first.message.isReply && !node.message.isReply)
}

/** (5)(C): what stands for both afterwards. */
function merge(first: Node, current: Node): Node {
  if (first.message === null) {
    for (const child of current.message === null ? current.children : [current]) first.children.push(child)
    return first
  }
  if (current.message?.isReply === true && !first.message.isReply) {
    first.children.push(current)
    return first
  }
  return { message: null, parent: null, children: [first, current] }
}

function subjectOf(root: Node): string {
  return messageOf(root)?.subject ?? ""
}

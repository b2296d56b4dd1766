type Node = { next: Map<number, Node>; levels: number[] }

export type BoundaryMatch = { level: number; closing: boolean }

const DASH = 0x2d

/**
 * The boundaries of all multiparts that are open, as a trie: a line is compared with all of them in one
 * walk, so a thousand nested boundaries cost no more than one.
 *
 * RFC 2046 §5.1.1: "it is sufficient that the boundary appear in its entirety following the CRLF". Where one
 * boundary begins with another, the longest that fits is meant; of two equal ones, the inner.
 */
export class Boundaries {
  /** Longer ones are not boundaries for us; RFC 2046 §5.1.1 allows 70 octets. */
  static readonly longest = 500

  #root: Node = { next: new Map(), levels: [] }
  #open = new Map<number, string>()

  get size(): number {
    return this.#open.size
  }

  /** `level` identifies the multipart; inner ones have higher numbers. */
  add(boundary: string, level: number): void {
    let node = this.#root
    for (let at = 0; at < boundary.length; at++) node = childOf(node, boundary.charCodeAt(at))
    node.levels.push(level)
    this.#open.set(level, boundary)
  }

  remove(level: number): void {
    const boundary = this.#open.get(level)
    if (boundary === undefined) return
    this.#open.delete(level)
    const path = this.#path(boundary)
    const last = path.at(-1)
    if (last !== undefined) last.levels = last.levels.filter((one) => one !== level)
    prune(path, boundary)
  }

  clear(): void {
    this.#open.clear()
    this.#root = { next: new Map(), levels: [] }
  }

  /** Which boundary the line that starts with `head` is, if any. `head` holds the whole line or enough of it. */
  match(head: Uint8Array): BoundaryMatch | null {
    if (head[0] !== DASH || head[1] !== DASH) return null
    let node: Node | undefined = this.#root
    let found: BoundaryMatch | null = null
    for (let at = 2; node !== undefined; at++) {
      const level = node.levels.at(-1)
      if (level !== undefined) found = { level, closing: head[at] === DASH && head[at + 1] === DASH }
      node = node.next.get(head[at] ?? -1)
    }
    return found
  }

  #path(boundary: string): Node[] {
    const path = [this.#root]
    let node: Node | undefined = this.#root
    for (let at = 0; at < boundary.length && node !== undefined; at++) {
      node = node.next.get(boundary.charCodeAt(at))
      if (node !== undefined) path.push(node)
    }
    return path
  }
}

function childOf(node: Node, code: number): Node {
  const known = node.next.get(code)
  if (known !== undefined) return known
  const child: Node = { next: new Map(), levels: [] }
  node.next.set(code, child)
  return child
}

/** Cuts branches that lead to no boundary any more. */
function prune(path: Node[], boundary: string): void {
  for (let depth = path.length - 1; depth > 0; depth--) {
    const node = path[depth]
    if (node === undefined || node.levels.length > 0 || node.next.size > 0) return
    path[depth - 1]?.next.delete(boundary.charCodeAt(depth - 1))
  }
}

import PostalMime, { type Address, addressParser, decodeWords, type Header } from "postal-mime"
import { numbered, type Seen } from "./seen.ts"

/** The tree that postal-mime grows; its types leave it out, so the version is pinned. */
type Node = {
  headers: Header[]
  childNodes: Node[]
  contentType: { parsed: Structured; multipart: string | false }
  contentDisposition: { parsed: Structured }
  contentId?: string
  contentDescription?: string
  contentTransferEncoding: { encoding: string }
  content: ArrayBuffer | null
}
type Structured = { value: string; params: Record<string, string> }

/** A message as postal-mime reads it: it makes every line end LF. */
export async function seenByPostal(bytes: Uint8Array): Promise<Seen> {
  const seen: Seen = new Map()
  await readMessage(bytes, "", seen)
  return seen
}

async function readMessage(bytes: Uint8Array, path: string, seen: Seen): Promise<void> {
  const parser = new PostalMime({ maxNestingDepth: 1000 })
  await parser.parse(bytes)
  const root = Reflect.get(parser, "root") as Node
  readEnvelope(root.headers, path, seen)
  const part = numbered(path, root.contentType.multipart === false ? 1 : "TEXT")
  await readPart(root, part, root.contentType.multipart === false ? part : path, bytes.at(-1) === 0x0a, seen)
}

function readEnvelope(headers: Header[], path: string, seen: Seen): void {
  const values = (name: string) => headers.filter(({ key }) => key === name).map(({ value }) => value)
  const lists = (name: string) => values(name).flatMap((value) => addressParser(value).flatMap(written))
  const from = lists("from")
  for (const [name, fact] of [
    ["from", "from"],
    ["sender", "sender"],
    ["reply-to", "replyTo"],
    ["to", "to"],
    ["cc", "cc"],
    ["bcc", "bcc"],
  ] as const) {
    const found = lists(name)
    seen.set(`${path} ${fact}`, found.length === 0 && /^(sender|replyTo)$/.test(fact) ? from : found)
  }
  const subject = values("subject")[0]
  if (subject !== undefined) seen.set(`${path} readable subject`, decodeWords(subject))
}

function written(address: Address): string[] {
  if (address.group !== undefined) return [`${address.name}:`, ...address.group.flatMap(written), ";"]
  const at = address.address.includes("@") ? address.address : `${address.address}@`
  return [`${address.name} <${at}>`.trim()]
}

async function readPart(node: Node, label: string, path: string, hasLineEnd: boolean, seen: Seen): Promise<void> {
  const type = node.contentType.parsed.value
  seen.set(`${label} type`, type)
  seen.set(`${label} parameters`, parametersOf(node))
  const { value, params } = node.contentDisposition.parsed
  seen.set(`${label} disposition`, value === "" ? null : [value, params])
  if (node.contentType.multipart !== false) {
    seen.set(`${label} parts`, node.childNodes.length)
    for (const [index, child] of node.childNodes.entries()) {
      const inner = numbered(path, index + 1)
      await readPart(child, inner, inner, false, seen)
    }
    return
  }
  seen.set(`${label} id`, node.contentId ?? null)
  seen.set(`${label} description`, node.contentDescription ?? null)
  const content = octetsOf(node, hasLineEnd)
  seen.set(`${label} readable octets`, content.toString("latin1"))
  if (type === "message/rfc822") await readMessage(content, path, seen)
}

/**
 * Every line that it reads gets a line end, also the last one of a part, whose line end belongs to the boundary
 * (RFC 2046 §5.1.1), and one that the message ends in the middle of. Base64 has no lines.
 */
function octetsOf({ content, contentTransferEncoding: { encoding } }: Node, hasLineEnd: boolean): Buffer {
  const octets = Buffer.from(content ?? new ArrayBuffer(0))
  const added = !hasLineEnd && encoding !== "base64" && octets.at(-1) === 0x0a
  return added ? octets.subarray(0, -1) : octets
}

/** RFC 2045 §5.2: a text without Content-Type is in US-ASCII. */
function parametersOf({ headers, contentType }: Node): Record<string, string> {
  const { value, params } = contentType.parsed
  const isDefault = value === "text/plain" && !headers.some(({ key }) => key === "content-type")
  return isDefault ? { charset: "us-ascii" } : params
}

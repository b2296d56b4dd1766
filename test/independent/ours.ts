import assert from "node:assert/strict"
import { decodeUndeclared } from "../../daemon/message/charset.ts"
import { decodeWords } from "../../daemon/message/encoded-words.ts"
import { decodedParameter } from "../../daemon/message/parameters.ts"
import { parseMessage } from "../../daemon/message/parser.ts"
import { readFetch, type Value } from "../imap/wire-reader.ts"
import type { TestClient } from "../worker/harness.ts"
import { numbered, type Seen } from "./seen.ts"

/** Asked of each message and each message inside another. */
const fields = "Subject From Received X-None"

/**
 * A message as an IMAP client sees it: BODYSTRUCTURE and ENVELOPE as they are on the wire, then everything
 * that BODYSTRUCTURE says can be fetched. What the sections of a message have to do with each other is
 * asserted on the way.
 */
export async function seenByClient(client: TestClient, sequence: number, bytes: Buffer): Promise<Seen> {
  const reader = new Client(client, sequence)
  const first = await reader.fetch(["RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[]"])
  assert.equal(first.get("RFC822.SIZE"), bytes.length)
  assert.ok(Buffer.from(String(first.get("BODY[]")), "latin1").equals(bytes), "BODY[] is what was sent")
  await reader.message(listOf(first.get("ENVELOPE")), listOf(first.get("BODYSTRUCTURE")), "", bytes.toString("latin1"))
  const { sentAt } = parseMessage(bytes)
  reader.seen.set(" sent at", sentAt === null ? null : Math.floor(sentAt / 1000))
  return reader.seen
}

class Client {
  readonly seen: Seen = new Map()
  readonly #client: TestClient
  readonly #sequence: number

  constructor(client: TestClient, sequence: number) {
    this.#client = client
    this.#sequence = sequence
  }

  async fetch(items: string[]): Promise<Map<string, Value>> {
    const { untagged, status } = await this.#client.command(`FETCH ${this.#sequence} (${items.join(" ")})`)
    assert.match(status, /^OK/)
    assert.equal(untagged.length, 1)
    return readFetch(untagged[0]?.wire ?? assert.fail())
  }

  /** A message that has these octets; `path` is the number of the part that holds it. */
  async message(envelope: Value[], structure: Value[], path: string, octets: string): Promise<void> {
    this.#envelope(envelope, path)
    await this.#header(path, octets)
    const isMultipart = Array.isArray(structure[0])
    const part = numbered(path, isMultipart ? "TEXT" : 1)
    await this.#part(structure, part, isMultipart ? path : part, octets)
  }

  async #header(path: string, octets: string): Promise<void> {
    const at = path === "" ? "" : `${path}.`
    const names = `(${fields})`
    const found = await this.fetch([
      `BODY.PEEK[${at}HEADER]`,
      `BODY.PEEK[${at}TEXT]`,
      `BODY.PEEK[${at}HEADER.FIELDS ${names}]`,
      `BODY.PEEK[${at}HEADER.FIELDS.NOT ${names}]`,
    ])
    const of = (section: string) => String(found.get(`BODY[${at}${section}]`))
    assert.equal(of("HEADER") + of("TEXT"), octets, "a message is its header and its text")
    this.seen.set(`${path} HEADER`, of("HEADER"))
    this.seen.set(`${path} HEADER.FIELDS`, of(`HEADER.FIELDS ${names}`))
    this.seen.set(`${path} HEADER.FIELDS.NOT`, of(`HEADER.FIELDS.NOT ${names}`))
  }

  #envelope(envelope: Value[], path: string): void {
    assert.equal(envelope.length, 10)
    const names = ["date", "subject", "from", "sender", "replyTo", "to", "cc", "bcc", "inReplyTo", "messageId"]
    for (const [index, name] of names.entries()) {
      const value = envelope[index] ?? null
      this.seen.set(`${path} ${name}`, index >= 2 && index <= 7 ? addresses(value) : value)
    }
    this.seen.set(`${path} readable subject`, decodeWords(String(envelope[1] ?? "")))
  }

  async #part(structure: Value[], label: string, path: string, octets: string): Promise<void> {
    if (Array.isArray(structure[0])) await this.#multipart(structure, label, path, octets)
    else await this.#single(structure, label)
  }

  async #multipart(structure: Value[], label: string, path: string, octets: string): Promise<void> {
    const count = structure.findIndex((value) => !Array.isArray(value))
    const [subtype, parameters, disposition] = structure.slice(count)
    assert.equal(structure.length, count + 5, "all extension data of a multipart")
    this.#describe(label, `multipart/${subtype}`, parameters, disposition)
    this.seen.set(`${label} parts`, count)
    let at = 0
    for (const [index, child] of structure.slice(0, count).entries()) {
      const inner = numbered(path, index + 1)
      const found = await this.fetch([`BODY.PEEK[${inner}.MIME]`, `BODY.PEEK[${inner}]`])
      const [mime, body] = [String(found.get(`BODY[${inner}.MIME]`)), String(found.get(`BODY[${inner}]`))]
      this.seen.set(`${inner} MIME`, mime)
      at = octets.indexOf(mime + body, at)
      assert.notEqual(at, -1, `${inner} is in ${label}, behind the parts before it`)
      at += mime.length + body.length
      await this.#part(listOf(child), inner, inner, body)
    }
  }

  async #single(structure: Value[], label: string): Promise<void> {
    const [type, subtype, parameters, id, description, encoding, size, ...rest] = structure
    const isMessage = rest.length === 7
    const isText = String(type).toLowerCase() === "text"
    assert.equal(rest.length, isMessage ? 7 : isText ? 5 : 4, "all extension data of a part")
    this.#describe(label, `${type}/${subtype}`, parameters, rest.at(-3))
    this.seen.set(`${label} id`, id)
    this.seen.set(`${label} description`, description)
    this.seen.set(`${label} encoding`, String(encoding).toLowerCase())
    this.seen.set(`${label} size`, size)
    if (isText) this.seen.set(`${label} lines`, rest[0])
    const octets = await this.#octets(label)
    assert.equal(octets.length, size, `${label}: BODYSTRUCTURE says how many octets BODY gives`)
    if (isMessage) await this.message(listOf(rest[0]), listOf(rest[1]), label, octets)
  }

  /** BODY, BINARY and their sizes, whole and in part. */
  async #octets(label: string): Promise<string> {
    const found = await this.fetch([`BODY.PEEK[${label}]`, `BINARY.PEEK[${label}]`, `BINARY.SIZE[${label}]`])
    const octets = String(found.get(`BODY[${label}]`))
    const decoded = String(found.get(`BINARY[${label}]`))
    assert.equal(found.get(`BINARY.SIZE[${label}]`), decoded.length)
    for (const [from, count] of [
      [0, 7],
      [3, 1000],
      [octets.length, 5],
    ] as const) {
      const part = await this.fetch([
        `BODY.PEEK[${label}]<${from}.${count}>`,
        `BINARY.PEEK[${label}]<${from}.${count}>`,
      ])
      assert.equal(part.get(`BODY[${label}]<${from}>`), octets.slice(from, from + count))
      assert.equal(part.get(`BINARY[${label}]<${from}>`), decoded.slice(from, from + count))
    }
    this.seen.set(`${label} octets`, octets)
    this.seen.set(`${label} decoded`, decoded)
    const hasLines = this.seen.get(`${label} encoding`) !== "base64"
    this.seen.set(`${label} readable octets`, hasLines ? decoded.replaceAll("\r\n", "\n") : decoded)
    return octets
  }

  #describe(label: string, type: string, parameters: Value | undefined, disposition: Value | undefined): void {
    this.seen.set(`${label} type`, type.toLowerCase())
    this.seen.set(`${label} parameters`, parametersOf(parameters))
    const [kind, given] = disposition === null ? [] : listOf(disposition)
    const found = kind === undefined ? null : [String(kind).toLowerCase(), parametersOf(given)]
    this.seen.set(`${label} disposition`, found)
  }
}

function listOf(value: Value | undefined): Value[] {
  return Array.isArray(value) ? value : assert.fail(`no list: ${JSON.stringify(value)}`)
}

/**
 * `Name <mailbox@host>`, and for a group `Name:` … `;` (RFC 3501 §7.4.2). What stands where there is no mailbox
 * or host, because NIL has another meaning there, is nothing.
 */
function addresses(value: Value): string[] {
  return (value === null ? [] : listOf(value)).map((address) => {
    const [name, , mailbox, host] = listOf(address)
    if (host === null) return mailbox === null ? ";" : `${decodeWords(String(mailbox))}:`
    const given = name === null ? "" : `${decodeWords(String(name))} `
    const spec = `${mailbox === "MISSING_MAILBOX" ? "" : mailbox}@${host === "MISSING_DOMAIN" ? "" : host}`
    return `${given}<${readable(spec)}>`
  })
}

/** By name in lower case; RFC 2231 decoded, where a decoded one is given beside a plain one it counts. */
function parametersOf(value: Value | undefined): Record<string, string> {
  const flat = (value === null || value === undefined ? [] : listOf(value)).map(String)
  const found = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) {
    const [name, text] = [flat[at]?.toLowerCase() ?? "", flat[at + 1] ?? ""]
    const plain = name.replace(/\*$/, "")
    if (plain !== name) found.set(plain, decodedParameter([[name, text]], plain) ?? "")
    else if (!found.has(name)) found.set(name, readable(text))
  }
  return Object.fromEntries(found)
}

/** Octets that no charset is declared for. */
function readable(text: string): string {
  return decodeUndeclared(Buffer.from(text, "latin1"))
}

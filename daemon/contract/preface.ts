/**
 * The preface: the one binary message that the proxy (or the command line) writes to a worker's socket.
 * It is the only place where a credential crosses a process boundary; it never becomes JSON or a string.
 *
 * ```
 * preface  = magic version purpose ticket credential second facts
 * magic    = "MKPF"                    4 bytes
 * version  = %x01                      1 byte
 * purpose  = 1 imap / 2 create / 3 rekey / 4 export      1 byte
 * ticket   = 32 bytes
 * credential, second = length (u16, big-endian) bytes    at most 1,024 bytes each
 * facts    = length (u16, big-endian) UTF-8 JSON         at most 2,048 bytes, no secret
 *
 * answer   = status length (u16, big-endian) UTF-8 JSON text
 * status   = 0 ok / 1 refused          1 byte
 * ```
 *
 * For `imap`, after an answer of `ok` both directions are the IMAP stream; the worker writes the tagged OK.
 * For `create`, `credential` is the new password; for `rekey`, the old one, with `second` the new one.
 * For `export`, the answer of `ok` is followed by the 32 raw bytes of the database key and end of stream.
 * The text of an answer is `{}` after ok, `{"why": RefusalReason}` after refused; at most 256 bytes.
 */

import { z } from "zod"
import { stillCopy } from "../host/still.ts"
import type { Purpose, RefusalReason } from "./worker-link.ts"

export const limits = { credential: 1024, facts: 2048 } as const

/** What the worker is told of the client; nothing here is secret. */
export type ClientFacts = {
  remote: string
  tls: boolean
  /** Tag of the LOGIN or AUTHENTICATE command, latin1, to be answered by the worker. */
  tag: string
  /** What ID (RFC 2971) said before login, if anything. */
  client: Record<string, string> | null
}

export type Preface = {
  purpose: Purpose
  ticket: Uint8Array
  credential: Uint8Array
  second: Uint8Array
  facts: ClientFacts
}

export type PrefaceAnswer = { status: "ok" } | { status: "refused"; why: RefusalReason }

/** Octets that are no preface, or no answer. The text never repeats them. */
export class PrefaceError extends Error {
  constructor(why: string) {
    super(`preface: ${why}`)
    this.name = "PrefaceError"
  }
}

const magic = Buffer.from("MKPF")
const version = 1
const ticketBytes = 32
const purposes: readonly Purpose[] = ["imap", "create", "rekey", "export"]
/** Magic, version, purpose and ticket. */
const headBytes = magic.length + 2 + ticketBytes
const maxBytes = headBytes + 3 * 2 + 2 * limits.credential + limits.facts

const factsSchema = z.strictObject({
  remote: z.string().max(64),
  tls: z.boolean(),
  tag: z.string().max(255),
  client: z.record(z.string().max(64), z.string().max(1024)).nullable(),
})

/**
 * The preface as octets, in a buffer of its own (never Node's shared pool): the caller wipes it as soon as
 * it is written, and wipes its own `credential` and `second`.
 *
 * @throws PrefaceError when a part has the wrong size or the facts do not fit
 */
export function encodePreface(preface: Preface): Buffer {
  const facts = Buffer.from(JSON.stringify(factsSchema.parse(preface.facts)))
  if (preface.ticket.length !== ticketBytes) throw new PrefaceError("a ticket is 32 bytes")
  const fields: [Uint8Array, number][] = [
    [preface.credential, limits.credential],
    [preface.second, limits.credential],
    [facts, limits.facts],
  ]
  for (const [field, most] of fields) if (field.length > most) throw new PrefaceError("a field is too long")
  const wire = Buffer.alloc(headBytes + fields.reduce((sum, [field]) => sum + 2 + field.length, 0))
  let at = magic.copy(wire)
  at = wire.writeUInt8(version, at)
  at = wire.writeUInt8(purposes.indexOf(preface.purpose) + 1, at)
  wire.set(preface.ticket, at)
  at += ticketBytes
  for (const [field] of fields) {
    wire.set(field, wire.writeUInt16BE(field.length, at))
    at += 2 + field.length
  }
  return wire
}

/**
 * Reads a preface from chunks of any size. What it holds is bounded and wiped when the preface is complete,
 * refused, or given up (`wipe`). Chunks are copied and stay the caller's, who wipes them.
 */
export class PrefaceReader {
  readonly #held = Buffer.alloc(maxBytes)
  #length = 0
  #done = false
  #rest = new Uint8Array(0)

  /** Octets that came after the preface: the beginning of the IMAP stream. */
  get rest(): Uint8Array {
    return this.#rest
  }

  /**
   * The preface once it is complete, else null. Its credentials are copies that belong to the caller.
   * @throws PrefaceError at the first octet that cannot belong to a preface
   */
  push(chunk: Uint8Array): Preface | null {
    if (this.#done) throw new PrefaceError("came after the end")
    const taken = Math.min(chunk.length, maxBytes - this.#length)
    this.#held.set(chunk.subarray(0, taken), this.#length)
    this.#length += taken
    try {
      const layout = this.#layout()
      if (layout === null) return null
      const preface = this.#decode(layout)
      const extra = this.#length - layout.end
      this.#rest = Uint8Array.from(chunk.subarray(taken - extra))
      this.wipe()
      return preface
    } catch (error) {
      this.wipe()
      throw error
    }
  }

  /** Zeroes what is held; the reader takes nothing more. */
  wipe(): void {
    this.#held.fill(0)
    this.#length = 0
    this.#done = true
  }

  /** Where the three fields lie, or null while octets are missing. Checks each octet as soon as it is there. */
  #layout(): { fields: [start: number, end: number][]; end: number } | null {
    this.#checkHead()
    const fields: [number, number][] = []
    let at = headBytes
    for (const most of [limits.credential, limits.credential, limits.facts]) {
      if (this.#length < at + 2) return null
      const size = this.#held.readUInt16BE(at)
      if (size > most) throw new PrefaceError("a field is too long")
      fields.push([at + 2, at + 2 + size])
      at += 2 + size
    }
    return this.#length < at ? null : { fields, end: at }
  }

  #checkHead(): void {
    const held = this.#held.subarray(0, this.#length)
    const seen = Math.min(held.length, magic.length)
    if (!held.subarray(0, seen).equals(magic.subarray(0, seen))) throw new PrefaceError("not a preface")
    if (held.length > 4 && held[4] !== version) throw new PrefaceError("unknown version")
    if (held.length > 5 && purposes[(held[5] ?? 0) - 1] === undefined) throw new PrefaceError("unknown purpose")
  }

  #decode({ fields }: { fields: [start: number, end: number][] }): Preface {
    const copy = (start: number, end: number) => stillCopy(this.#held.subarray(start, end))
    const [credential, second, facts] = fields
    const purpose = purposes[(this.#held[5] ?? 0) - 1]
    if (credential === undefined || second === undefined || facts === undefined || purpose === undefined) {
      throw new PrefaceError("incomplete")
    }
    // Facts first: what follows copies secrets, and must not fail after it did.
    const known = decodeFacts(this.#held.subarray(...facts))
    return {
      purpose,
      ticket: copy(6, headBytes),
      credential: copy(...credential),
      second: copy(...second),
      facts: known,
    }
  }
}

function decodeFacts(bytes: Uint8Array): ClientFacts {
  const facts = factsSchema.safeParse(parseJson(bytes))
  if (!facts.success) throw new PrefaceError("facts do not fit")
  return facts.data
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    throw new PrefaceError("not JSON in UTF-8")
  }
}

const maxAnswerBytes = 256

/** Complete by type: a new reason does not compile until it is listed. */
const reasons: Record<RefusalReason, true> = {
  credential: true,
  busy: true,
  "damaged-slot": true,
  "damaged-database": true,
  "newer-database": true,
  "unusable-password": true,
  closing: true,
  fault: true,
}
const refusedText = z.strictObject({ why: z.enum(Object.keys(reasons) as [RefusalReason, ...RefusalReason[]]) })
const okText = z.strictObject({})

/** The worker's answer as octets. */
export function encodeAnswer(answer: PrefaceAnswer): Buffer {
  const text = JSON.stringify(answer.status === "ok" ? {} : { why: answer.why })
  const wire = Buffer.alloc(3 + text.length)
  wire.writeUInt8(answer.status === "ok" ? 0 : 1, 0)
  wire.writeUInt16BE(text.length, 1)
  wire.write(text, 3, "latin1")
  return wire
}

/** Reads an answer from chunks of any size. */
export class AnswerReader {
  #held: Buffer = Buffer.alloc(0)
  #rest: Uint8Array = new Uint8Array(0)

  /** Octets that came after the answer: the beginning of the IMAP stream. */
  get rest(): Uint8Array {
    return this.#rest
  }

  /** The answer once it is complete, else null. @throws PrefaceError */
  push(chunk: Uint8Array): PrefaceAnswer | null {
    this.#held = Buffer.concat([this.#held, chunk])
    const status = this.#held[0]
    if (status !== undefined && status > 1) throw new PrefaceError("unknown status")
    if (this.#held.length < 3) return null
    const size = this.#held.readUInt16BE(1)
    if (size > maxAnswerBytes) throw new PrefaceError("the answer is too long")
    if (this.#held.length < 3 + size) return null
    this.#rest = Uint8Array.from(this.#held.subarray(3 + size))
    return decodeAnswer(status === 0, parseJson(this.#held.subarray(3, 3 + size)))
  }
}

function decodeAnswer(ok: boolean, text: unknown): PrefaceAnswer {
  const refused = refusedText.safeParse(text)
  if (!ok && refused.success) return { status: "refused", why: refused.data.why }
  if (ok && okText.safeParse(text).success) return { status: "ok" }
  throw new PrefaceError("unknown answer")
}

import type { Identity } from "age-encryption"
import { z } from "zod"
import { recipientFromString } from "../daemon/keys/sealing.ts"
import { AgeError, AgeWriter, readAge } from "./age.ts"

/**
 * A sealed file, byte by byte. The file is an age v1 file (`age.ts`), which the `age` program opens with the
 * exported identity. Its plaintext is
 *
 * ```
 * plaintext = magic version length envelope message
 * magic     = "MKSP"                     4 octets
 * version   = %x01                       1 octet
 * length    = u32, big-endian            octets of the envelope, at most 16,384
 * envelope  = UTF-8 JSON object          see `Envelope`; trace information that is not written into the message
 * message   = the exact octets that DATA carried (RFC 5321 §4.5.2), to the end of the file
 * ```
 *
 * So `age -d` and "skip 9 octets and the envelope" gives back the message. An envelope always lies within
 * the first chunk of 64 KiB, so that it can be read before anything else of a large file.
 *
 * age authenticates each chunk and the end, not the sender: whoever has the public key can seal. That a file
 * came through our LMTP is what the permissions of the spool directory say.
 */
const magic = Buffer.from("MKSP\x01", "latin1")
const prefixBytes = magic.length + 4
const maxEnvelopeBytes = 16_384

const envelopeSchema = z.object({
  version: z.literal(1),
  /** Return path as the MTA gave it; "" for <>. */
  sender: z.string(),
  /** Envelope recipient as the MTA gave it. */
  recipient: z.string(),
  /** ms since the epoch. */
  arrivedAt: z.number(),
  /** Address of the MTA, null on a Unix socket. */
  client: z.string().nullable(),
  /** What it said in LHLO. */
  helo: z.string().nullable(),
  /** BODY=8BITMIME (RFC 6152). */
  eightBit: z.boolean(),
  /** SMTPUTF8 (RFC 6531). */
  utf8: z.boolean(),
})

/** What is known of a message besides its octets. Readers ignore members that they do not know. */
export type Envelope = z.infer<typeof envelopeSchema>

export type SealedFault = "not-sealed" | "wrong-key" | "altered" | "truncated" | "bad-envelope"

/** Why a sealed file cannot be opened; none of its content is in the text. */
export class SealedError extends Error {
  readonly fault: SealedFault

  constructor(fault: SealedFault, detail: string, options?: ErrorOptions) {
    super(`${fault}: ${detail}`, options)
    this.name = "SealedError"
    this.fault = fault
  }
}

/** One message on its way into one sealed file. `push` and `finish` give octets that are ready for the disk. */
export class Sealer {
  readonly #age: AgeWriter

  private constructor(age: AgeWriter) {
    this.#age = age
  }

  /**
   * @param recipients "age1…", one at least
   * @throws TypeError when one of them is not a recipient
   */
  static async start(recipients: string[], envelope: Envelope): Promise<Sealer> {
    if (recipients.length === 0) throw new TypeError("nobody to seal to")
    const sealer = new Sealer(await AgeWriter.to(recipients.map(recipientFromString)))
    sealer.#age.push(encodeEnvelope(envelope))
    return sealer
  }

  /** Octets to be written, often none: up to 64 KiB wait for the rest of their chunk. */
  push(chunk: Uint8Array): Uint8Array[] {
    return this.#age.push(chunk)
  }

  /** The last octets; afterwards the key is gone. */
  finish(): Uint8Array[] {
    return this.#age.finish()
  }

  /** Gives the message up: key and buffered plaintext are overwritten. */
  wipe(): void {
    this.#age.wipe()
  }
}

/** The octets of a sealed file, as the message comes. */
export async function* seal(
  recipients: string[],
  envelope: Envelope,
  message: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const sealer = await Sealer.start(recipients, envelope)
  try {
    for await (const chunk of message) yield* sealer.push(chunk)
    yield* sealer.finish()
  } finally {
    sealer.wipe()
  }
}

/**
 * The envelope, then the message in chunks. Each chunk was authenticated before it is given out, but the
 * message is whole only when the iteration has ended without an error: a file cut between two chunks shows
 * itself at its end. Leaving the iteration early closes `sealed`.
 *
 * @throws SealedError, also while iterating
 */
export async function open(
  identities: Identity[],
  sealed: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<{ envelope: Envelope; message: AsyncGenerator<Uint8Array> }> {
  const plaintext = readAge(identities, sealed instanceof Uint8Array ? once(sealed) : sealed)
  try {
    const first = await plaintext.next()
    const { envelope, rest } = decodeEnvelope(first.done ? Buffer.alloc(0) : first.value)
    return { envelope, message: messageFrom(rest, plaintext) }
  } catch (error) {
    await plaintext.return(undefined)
    throw sealedError(error)
  }
}

async function* messageFrom(rest: Uint8Array, plaintext: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (rest.length > 0) yield rest
    yield* plaintext
  } catch (error) {
    throw sealedError(error)
  } finally {
    await plaintext.return(undefined)
  }
}

function encodeEnvelope(envelope: Envelope): Buffer {
  const json = Buffer.from(JSON.stringify(envelope), "utf8")
  if (json.length > maxEnvelopeBytes) throw new TypeError("the envelope is too large")
  const prefix = Buffer.alloc(prefixBytes)
  magic.copy(prefix)
  prefix.writeUInt32BE(json.length, magic.length)
  return Buffer.concat([prefix, json])
}

function decodeEnvelope(first: Buffer): { envelope: Envelope; rest: Buffer } {
  if (first.length < prefixBytes || !first.subarray(0, magic.length).equals(magic)) {
    throw new SealedError("bad-envelope", "no mailkeep message of version 1")
  }
  const length = first.readUInt32BE(magic.length)
  const end = prefixBytes + length
  if (length > maxEnvelopeBytes || end > first.length) throw new SealedError("bad-envelope", "its length is wrong")
  return { envelope: parseEnvelope(first.subarray(prefixBytes, end)), rest: first.subarray(end) }
}

function parseEnvelope(json: Buffer): Envelope {
  try {
    return envelopeSchema.parse(JSON.parse(json.toString("utf8")))
  } catch {
    // The cause would quote addresses; that it does not parse is all that a log may say.
    throw new SealedError("bad-envelope", "not the JSON that was expected")
  }
}

function sealedError(error: unknown): unknown {
  return error instanceof AgeError ? new SealedError(error.fault, error.message.slice(error.fault.length + 2)) : error
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

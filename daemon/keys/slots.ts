import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import sodium from "sodium-native"
import type { KdfParameters } from "../contract/worker-link.ts"
import { fsyncDirectory, writeFileDurably } from "../host/durable.ts"
import { normalisationVersion } from "./password.ts"
import { rootKeyBytes } from "./root.ts"
import { allocateSecret, wipe } from "./secret.ts"

/*
 * A key slot: the mailbox root key, wrapped under a key that one password gives. As in LUKS, changing the
 * password replaces this record and nothing else. The file is named by the slot id, which is itself an
 * output of the KDF: neither the name nor the content tells whose slot it is.
 *
 *   slot       = magic version kind kdf time memory lanes profile nonce sealed       (147 octets)
 *   magic      = "MKSL"        4
 *   version    = %x01          1
 *   kind       = 1 password    1
 *   kdf        = 1 Argon2id 1.3                      1
 *   time       = passes, u32 big-endian              4
 *   memory     = KiB, u32 big-endian                 4
 *   lanes      = 1                                   1
 *   profile    = version of password normalisation   1
 *   nonce      = random       24
 *   sealed     = XChaCha20-Poly1305(slot key, nonce, payload, additional data = all octets before `nonce`)
 *   payload    = root key (32)  mailbox id (26, US-ASCII)  slot id (32)                                     + tag 16
 *
 * The slot id inside the payload binds the record to its file name.
 */
const magic = Buffer.from("MKSL")
const headBytes = 17
const nonceBytes = 24
const mailboxIdBytes = 26
const payloadBytes = rootKeyBytes + mailboxIdBytes + 32
const slotBytes = headBytes + nonceBytes + payloadBytes + 16

/** The record exists but is not what was written: tampering or a failing disk, never a wrong password. */
export class DamagedSlot extends Error {
  override name = "DamagedSlot"
}

/** The disk refused. Without path and cause, which would carry the slot id into a log. */
export class SlotFileError extends Error {
  override name = "SlotFileError"
  /** As the system calls it, "EIO" for instance. */
  readonly code: string

  constructor(doing: string, code: string) {
    super(`cannot ${doing} a key slot (${code})`)
    this.code = code
  }
}

/** `root` is guarded memory that the caller wipes. */
export type OpenedSlot = { root: Buffer; mailbox: string; parameters: KdfParameters }

/** The record for a root key. */
export function sealSlot(
  slot: { id: Uint8Array; key: Uint8Array },
  root: Uint8Array,
  mailbox: string,
  parameters: KdfParameters,
): Buffer {
  const record = Buffer.alloc(slotBytes)
  writeHead(record, parameters)
  const nonce = record.subarray(headBytes, headBytes + nonceBytes)
  sodium.randombytes_buf(nonce)
  const payload = allocateSecret(payloadBytes)
  try {
    payload.set(root, 0)
    payload.write(mailbox, rootKeyBytes, mailboxIdBytes, "latin1")
    payload.set(slot.id, rootKeyBytes + mailboxIdBytes)
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
      record.subarray(headBytes + nonceBytes),
      payload,
      record.subarray(0, headBytes),
      null,
      nonce,
      slot.key as Buffer,
    )
  } finally {
    wipe(payload)
  }
  return record
}

function writeHead(record: Buffer, parameters: KdfParameters): void {
  magic.copy(record)
  record.writeUInt8(1, 4)
  record.writeUInt8(1, 5)
  record.writeUInt8(1, 6)
  record.writeUInt32BE(parameters.time, 7)
  record.writeUInt32BE(parameters.memoryKib, 11)
  record.writeUInt8(parameters.parallelism, 15)
  record.writeUInt8(normalisationVersion, 16)
}

/** @throws DamagedSlot */
export function openSlot(slot: { id: Uint8Array; key: Uint8Array }, record: Buffer): OpenedSlot {
  if (record.length !== slotBytes || !record.subarray(0, 4).equals(magic)) throw new DamagedSlot("not a key slot")
  if (record[4] !== 1) throw new DamagedSlot(`key slot of version ${record[4]}, newer than this program`)
  const payload = allocateSecret(payloadBytes)
  try {
    unwrap(payload, record, slot.key)
    if (!sodium.sodium_memcmp(payload.subarray(rootKeyBytes + mailboxIdBytes), slot.id as Buffer))
      throw new DamagedSlot("key slot filed under another id")
    const root = allocateSecret(rootKeyBytes)
    root.set(payload.subarray(0, rootKeyBytes))
    return {
      root,
      mailbox: payload.toString("latin1", rootKeyBytes, rootKeyBytes + mailboxIdBytes),
      parameters: {
        algorithm: "argon2id13",
        time: record.readUInt32BE(7),
        memoryKib: record.readUInt32BE(11),
        parallelism: 1,
      },
    }
  } finally {
    wipe(payload)
  }
}

function unwrap(payload: Buffer, record: Buffer, key: Uint8Array): void {
  const nonce = record.subarray(headBytes, headBytes + nonceBytes)
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      payload,
      null,
      record.subarray(headBytes + nonceBytes),
      record.subarray(0, headBytes),
      nonce,
      key as Buffer,
    )
  } catch (cause) {
    throw new DamagedSlot("key slot does not authenticate", { cause })
  }
}

/**
 * The folder of slot files. Every write is durable before it returns. All its errors are `SlotFileError`s.
 */
export class SlotFiles {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The record filed under this id, or null: the same look-up for a wrong password and for an unknown user. */
  read(id: Uint8Array): Buffer | null {
    try {
      return namingNoSlot("read", () => readFileSync(this.#path(id)))
    } catch (error) {
      if (error instanceof SlotFileError && error.code === "ENOENT") return null
      throw error
    }
  }

  write(id: Uint8Array, record: Uint8Array): void {
    namingNoSlot("write", () => writeFileDurably(this.#path(id), record, 0o600))
  }

  /** No error when it is gone already. */
  remove(id: Uint8Array): void {
    namingNoSlot("remove", () => {
      rmSync(this.#path(id), { force: true })
      fsyncDirectory(this.#directory)
    })
  }

  #path(id: Uint8Array): string {
    return join(this.#directory, Buffer.from(id).toString("hex"))
  }
}

function namingNoSlot<T>(doing: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new SlotFileError(doing, (error as NodeJS.ErrnoException).code ?? "unknown")
  }
}

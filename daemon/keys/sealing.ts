import { bech32 } from "@scure/base"
import type { Identity, Recipient, Stanza } from "age-encryption"
import sodium from "sodium-native"
import { stillBuffer } from "../host/still.ts"
import { decryptChunk, encryptChunk } from "./chacha.ts"
import { hkdf } from "./hkdf.ts"
import { secretFrom, wipe } from "./secret.ts"

/**
 * age v1 recipients and identities of type X25519 (C2SP age specification, "The X25519 recipient type"),
 * as age-encryption's `Recipient` and `Identity`, on libsodium. Two reasons not to use that package's own:
 * its identities begin life as a bech32 string, which can never be wiped; and a seal of 8 KB takes it
 * 1.3 ms where libsodium takes 0.2 ms.
 *
 * ```
 * -> X25519 base64(share)           share = X25519(ephemeral, 9)
 * base64(body)                      body  = ChaCha20-Poly1305(key, nonce = 12 zero octets, file key)
 *
 * key = HKDF-SHA-256(secret = X25519(ephemeral, recipient), salt = share || recipient, info = label)
 * ```
 */
const label = "age-encryption.org/v1/X25519"
const stanzaType = "X25519"
const pointBytes = 32
const fileKeyBytes = 16
const zeroNonce = new Uint8Array(12)

/** A stanza of our type that no age program writes; other errors of `unwrapFileKey` say nothing about the stanza. */
export class MalformedStanza extends Error {
  override name = "MalformedStanza"
}

/** An identity made from a secret of ours; `recipient` is its public half, `wipe` ends its use. */
export type SealingIdentity = Identity & { readonly recipient: string; wipe(): void }

/**
 * The public key "age1…" as a recipient.
 *
 * @throws TypeError when it is not an X25519 recipient
 */
export function recipientFromString(text: string): Recipient {
  const publicKey = publicKeyFromString(text)
  return { wrapFileKey: (fileKey) => [wrap(publicKey, fileKey)] }
}

/**
 * "age1…" of a public key, 32 octets.
 *
 * @throws TypeError when it has another length
 */
export function recipientString(publicKey: Uint8Array): string {
  if (publicKey.length !== pointBytes) throw new TypeError("an X25519 public key has 32 octets")
  return bech32.encodeFromBytes("age", publicKey)
}

/**
 * An identity from 32 secret octets, of which it keeps a copy in guarded memory; the caller wipes its own.
 * After `wipe` it opens nothing.
 *
 * @throws TypeError when the secret has another length
 */
export function identityFromSecret(secret: Uint8Array): SealingIdentity {
  if (secret.length !== pointBytes) throw new TypeError("an X25519 secret has 32 octets")
  const kept = secretFrom(secret)
  const publicKey = Buffer.alloc(pointBytes)
  sodium.crypto_scalarmult_base(publicKey, kept)
  let wiped = false
  return {
    recipient: recipientString(publicKey),
    unwrapFileKey(stanzas) {
      if (wiped) throw new Error("this identity was wiped")
      return unwrapFirst(kept, publicKey, stanzas)
    },
    wipe() {
      wiped = true
      wipe(kept)
    },
  }
}

function publicKeyFromString(text: string): Buffer {
  const decoded = text.length <= 90 ? bech32.decodeUnsafe(text as `${string}1${string}`) : undefined
  const bytes = decoded?.prefix === "age" ? bech32.fromWordsUnsafe(decoded.words) : undefined
  if (!bytes || bytes.length !== pointBytes) throw new TypeError("not an age X25519 recipient")
  return Buffer.from(bytes)
}

function wrap(publicKey: Buffer, fileKey: Uint8Array): Stanza {
  const ephemeral = allocateEphemeral()
  const shared = stillBuffer(pointBytes)
  const share = Buffer.alloc(pointBytes)
  try {
    sodium.crypto_scalarmult_base(share, ephemeral)
    agree(shared, ephemeral, publicKey)
    return {
      args: [stanzaType, unpadded(share)],
      body: withWrapKey(shared, share, publicKey, (key) => encryptChunk(key, zeroNonce, fileKey)),
    }
  } finally {
    wipe(ephemeral, shared)
  }
}

/** Not from `sodium_malloc`: that is four system calls, for a secret that lives 0.1 ms. */
function allocateEphemeral(): Buffer {
  const ephemeral = stillBuffer(pointBytes)
  sodium.randombytes_buf(ephemeral)
  return ephemeral
}

/** The rules of `Identity`: null when no stanza is ours, an error when one is malformed. */
function unwrapFirst(secret: Buffer, publicKey: Buffer, stanzas: Stanza[]): Uint8Array | null {
  for (const stanza of stanzas) {
    if (stanza.args[0] !== stanzaType) continue
    const fileKey = unwrap(secret, publicKey, stanza)
    if (fileKey !== null) return fileKey
  }
  return null
}

function unwrap(secret: Buffer, publicKey: Buffer, stanza: Stanza): Buffer | null {
  const share = shareOf(stanza)
  const shared = stillBuffer(pointBytes)
  try {
    agreeWithShare(shared, secret, share)
    return withWrapKey(shared, share, publicKey, (key) => decryptChunk(key, zeroNonce, stanza.body))
  } finally {
    wipe(shared)
  }
}

function shareOf(stanza: Stanza): Buffer {
  const [, encoded = ""] = stanza.args
  const share = Buffer.from(encoded, "base64")
  const wellFormed = stanza.args.length === 2 && share.length === pointBytes && unpadded(share) === encoded
  if (!wellFormed || stanza.body.length !== fileKeyBytes + 16) throw new MalformedStanza("malformed X25519 stanza")
  return share
}

/** X25519 (RFC 7748 §6.1); libsodium refuses the all-zero result of a low-order point, as age demands. */
function agree(into: Buffer, secret: Buffer, point: Buffer): void {
  sodium.crypto_scalarmult(into, secret, point)
}

/** All lengths are right here, so that the point is all that libsodium can refuse. */
function agreeWithShare(into: Buffer, secret: Buffer, share: Buffer): void {
  try {
    agree(into, secret, share)
  } catch (cause) {
    throw new MalformedStanza("the share of the X25519 stanza is of low order", { cause })
  }
}

function withWrapKey<T>(shared: Buffer, share: Buffer, publicKey: Buffer, use: (key: Uint8Array) => T): T {
  const key = hkdf(shared, Buffer.concat([share, publicKey]), label)
  try {
    return use(key)
  } finally {
    wipe(key)
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "")
}

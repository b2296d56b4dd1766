import sodium from "sodium-native"

/**
 * Guarded memory for keys and passwords: outside the JavaScript heap, between guard pages, locked against
 * swapping and excluded from core dumps where the kernel allows (libsodium `sodium_malloc`). It is never
 * copied by the garbage collector, so wiping it wipes the only copy.
 */
export function allocateSecret(bytes: number): Buffer {
  const secret = sodium.sodium_malloc(bytes)
  secret.fill(0)
  return secret
}

/** A guarded copy; the source is left to its owner. */
export function secretFrom(source: Uint8Array): Buffer {
  const secret = allocateSecret(source.length)
  secret.set(source)
  return secret
}

/** Overwrites with zeros in a way that the compiler may not leave out. */
export function wipe(...secrets: Uint8Array[]): void {
  for (const secret of secrets) {
    if (secret.length > 0) sodium.sodium_memzero(Buffer.from(secret.buffer, secret.byteOffset, secret.length))
  }
}

/** Random octets from the kernel, in guarded memory. */
export function randomSecret(bytes: number): Buffer {
  const secret = allocateSecret(bytes)
  sodium.randombytes_buf(secret)
  return secret
}

/** Constant-time comparison; different lengths are simply different. */
export function sameSecret(left: Uint8Array, right: Uint8Array): boolean {
  return (
    left.length === right.length &&
    sodium.sodium_memcmp(
      Buffer.from(left.buffer, left.byteOffset, left.length),
      Buffer.from(right.buffer, right.byteOffset, right.length),
    )
  )
}

/** Frames enough for some 200 KiB, well below V8's limit of about 1 MiB. */
const frames = 3000

/**
 * Overwrites what earlier calls left on the thread's stack. Node decrypts TLS records into an array there
 * before it copies them to a Buffer, so a password stays below the stack pointer until something else
 * happens to reach as deep. JavaScript frames live on the same stack; these reach deeper, and each slot of
 * theirs is written.
 */
export function overwriteStack(): void {
  descend(frames, 0, 0, 0, 0)
}

function descend(left: number, a: number, b: number, c: number, d: number): number {
  return left === 0 ? a + b + c + d : 1 + descend(left - 1, b, c, d, a)
}

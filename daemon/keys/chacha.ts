import sodium from "sodium-native"

/** The type declarations of sodium-native leave these two out; the functions are there since its version 3. */
declare module "sodium-native" {
  export function crypto_aead_chacha20poly1305_ietf_encrypt(
    ciphertext: Uint8Array,
    message: Uint8Array,
    additional: Uint8Array | null,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
  export function crypto_aead_chacha20poly1305_ietf_decrypt(
    message: Uint8Array,
    secretNonce: null,
    ciphertext: Uint8Array,
    additional: Uint8Array | null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
}

/** Octets that ChaCha20-Poly1305 (RFC 8439) adds to a plaintext. */
export const tagBytes = 16

/** ChaCha20-Poly1305 (RFC 8439 §2.8) without additional data: ciphertext and tag in one new buffer. */
export function encryptChunk(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(plaintext.length + tagBytes)
  sodium.crypto_aead_chacha20poly1305_ietf_encrypt(sealed, plaintext, null, null, nonce, key)
  return sealed
}

/** The plaintext, or null when the tag does not fit (other key, other nonce, altered octets). */
export function decryptChunk(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Buffer | null {
  if (sealed.length < tagBytes) return null
  const plaintext = Buffer.allocUnsafeSlow(sealed.length - tagBytes)
  try {
    sodium.crypto_aead_chacha20poly1305_ietf_decrypt(plaintext, null, sealed, null, nonce, key)
    return plaintext
  } catch {
    // sodium-native reports a tag that does not fit as an exception without a code
    return null
  }
}

import { randomBytes } from "node:crypto"

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

/** A fresh opaque mailbox id: 16 random octets as 26 characters of base32 (RFC 4648 §6), lower case, no padding. */
export function newMailboxId(): string {
  let bits = BigInt(`0x${randomBytes(16).toString("hex")}`) << 2n // 128 bits, filled up to 26 × 5
  let id = ""
  for (let place = 0; place < 26; place++) {
    id = alphabet.charAt(Number(bits & 31n)) + id
    bits >>= 5n
  }
  return id
}

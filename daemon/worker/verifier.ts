import { LRUCache } from "lru-cache"
import { hmac } from "../keys/hkdf.ts"
import { randomSecret, sameSecret, wipe } from "../keys/secret.ts"

/**
 * Remembers, for a short while and under a random key of this process, that a password was right, so that
 * the tenth connection of a phone does not pay for Argon2id again. Nothing here can be turned back into the
 * password, and it dies with the worker.
 */
export class Verifier {
  readonly #key = randomSecret(32)
  readonly #right: LRUCache<string, Buffer>
  readonly #lifeMs: number

  /** @param lifeMs 0 remembers nothing */
  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs
    this.#right = new LRUCache({ max: 8, ttl: Math.max(1, lifeMs) })
  }

  knows(credential: Uint8Array): boolean {
    const mark = this.#mark(credential)
    let known = false
    for (const right of this.#right.values()) known = sameSecret(right, mark) || known
    return known
  }

  remember(credential: Uint8Array): void {
    if (this.#lifeMs === 0) return
    const mark = this.#mark(credential)
    this.#right.set(mark.toString("hex"), mark)
  }

  /** A credential was changed or revoked: everybody proves himself anew. */
  forget(): void {
    this.#right.clear()
  }

  close(): void {
    this.forget()
    wipe(this.#key)
  }

  #mark(credential: Uint8Array): Buffer {
    return hmac(this.#key, credential)
  }
}

import { LRUCache } from "lru-cache"
import type { Settings } from "../host/settings.ts"

type Failures = { count: number; lastAt: number; fingerprints: Set<string> }

/** More wrong passwords than this are not told apart; each then counts as new. */
const rememberedFingerprints = 16
/** Attempts that may wait for one user or address at a time; further ones are turned away at once. */
const waitingPerKey = 16

/**
 * What failed logins cost: the next attempt for the same user, or from the same address, is answered later
 * (2, 4, 8, 15 s by default). One wrong password tried again and again, as a phone with an old password
 * does, counts once. An address from which the user logged in before is not held up by what strangers try
 * on that user.
 */
export class Throttle {
  readonly #delays: number[]
  readonly #failures: LRUCache<string, Failures>
  readonly #trusted: LRUCache<string, true>
  readonly #waiting = new Map<string, number>()

  constructor(settings: Settings["throttle"]) {
    this.#delays = settings.delays_s
    this.#failures = new LRUCache({ max: settings.entries, ttl: settings.forget_s * 1000 })
    this.#trusted = new LRUCache({ max: settings.entries, ttl: 30 * 86_400_000 })
  }

  /** Milliseconds that a login from here must wait before it is looked at. */
  delayMs(user: string, remote: string, now = Date.now()): number {
    const keys = this.#trusted.has(pair(user, remote)) ? [addressKey(remote)] : [userKey(user), addressKey(remote)]
    return Math.max(0, ...keys.map((key) => this.#delayOf(key, now)))
  }

  /**
   * Waits as long as `delayMs` says. False when too many attempts wait already: the caller answers
   * UNAVAILABLE, so that a flood of guesses does not become a flood of timers.
   */
  async pass(user: string, remote: string): Promise<boolean> {
    const delay = this.delayMs(user, remote)
    if (delay === 0) return true
    const keys = [userKey(user), addressKey(remote)]
    if (keys.some((key) => (this.#waiting.get(key) ?? 0) >= waitingPerKey)) return false
    for (const key of keys) this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, delay))
    for (const key of keys) {
      const left = (this.#waiting.get(key) ?? 1) - 1
      if (left === 0) this.#waiting.delete(key)
      else this.#waiting.set(key, left)
    }
    return true
  }

  /** `fingerprint` tells wrong passwords of one user apart; null counts as a new one. */
  failed(user: string, remote: string, fingerprint: string | null, now = Date.now()): void {
    for (const key of [userKey(user), addressKey(remote)]) {
      const known = this.#failures.get(key) ?? { count: 0, lastAt: now, fingerprints: new Set<string>() }
      const mark = fingerprint === null ? null : `${user}\0${fingerprint}`
      const repeated = mark !== null && known.fingerprints.has(mark)
      if (mark !== null && known.fingerprints.size < rememberedFingerprints) known.fingerprints.add(mark)
      this.#failures.set(key, { ...known, count: repeated ? known.count : known.count + 1, lastAt: now })
    }
  }

  succeeded(user: string, remote: string): void {
    this.#failures.delete(userKey(user))
    this.#failures.delete(addressKey(remote))
    this.#trusted.set(pair(user, remote), true)
  }

  #delayOf(key: string, now: number): number {
    const failures = this.#failures.get(key)
    if (failures === undefined || failures.count === 0) return 0
    const seconds = this.#delays[Math.min(failures.count, this.#delays.length) - 1] ?? 0
    return Math.max(0, failures.lastAt + seconds * 1000 - now)
  }
}

const userKey = (user: string) => `user ${user}`
const addressKey = (remote: string) => `address ${remote}`
const pair = (user: string, remote: string) => `${user}\0${remote}`

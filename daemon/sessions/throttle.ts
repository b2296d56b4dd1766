import { LRUCache } from "lru-cache"
import { countedAs } from "../host/addresses.ts"
import type { Settings } from "../host/settings.ts"

type Turn = { user: string; at: number }
/** Failures of one user name under one key. */
type Failed = { count: number; fingerprints: Set<string> }
/** `nextAt`: when the next attempt is looked at (ms since the epoch). `turn`: whose turn came last, and when. */
type History = { byUser: Map<string, Failed>; nextAt: number; turn: Turn | null }

/** More wrong passwords than this are not told apart; each then counts as new. */
const rememberedFingerprints = 16
/** More names than this that one address failed at are not told apart either; it pays the longest delay by then. */
const rememberedUsers = 64
/** Attempts that may wait for one user or address at a time; further ones are turned away at once. */
const waitingPerKey = 16

/**
 * What failed logins cost: the next attempt for the same user, or from the same address (an IPv6 /64), is
 * answered later (2, 4, 8, 15 s by default), and those behind it wait their turn, one delay apart. One wrong
 * password tried again and again, as a phone with an old password does, counts once. A login that succeeds
 * gives its turn back: those behind it do not pay again. An address from which the user logged in before is not
 * held up by what strangers try on that user, nor he there by a few mistakes of others.
 */
export class Throttle {
  readonly #delays: number[]
  readonly #longestMs: number
  readonly #histories: LRUCache<string, History>
  readonly #trusted: LRUCache<string, true>
  readonly #waiting = new Map<string, number>()

  constructor(settings: Settings["throttle"]) {
    this.#delays = settings.delays_s
    this.#longestMs = Math.max(...settings.delays_s) * 1000
    this.#histories = new LRUCache({ max: settings.entries, ttl: settings.forget_s * 1000 })
    this.#trusted = new LRUCache({ max: settings.entries, ttl: 30 * 86_400_000 })
  }

  /** Milliseconds that a login from here must wait before it is looked at. */
  delayMs(user: string, remote: string, now = Date.now()): number {
    return Math.max(0, ...this.#keys(user, remote).map((key) => (this.#histories.get(key)?.nextAt ?? 0) - now))
  }

  /**
   * Waits as long as `delayMs` says, and takes the turn: whoever comes meanwhile waits longer. False when too
   * many wait already: the caller answers UNAVAILABLE, so that a flood of guesses is no flood of timers.
   */
  async pass(user: string, remote: string): Promise<boolean> {
    const now = Date.now()
    const keys = this.#keys(user, remote)
    if (keys.some((key) => (this.#waiting.get(key) ?? 0) >= waitingPerKey)) return false
    const delay = this.delayMs(user, remote, now)
    // A queue in which nobody's client waits to the end is no use to anyone.
    if (delay > this.#longestMs) return false
    for (const key of keys) this.#takeTurn(key, now + delay)
    if (delay > 0) await this.#wait(keys, delay)
    for (const key of keys) this.#turnCame(key, { user, at: now + delay })
    return true
  }

  /** `fingerprint` tells wrong passwords of one user apart; null counts as a new one. */
  failed(user: string, remote: string, fingerprint: string | null, now = Date.now()): void {
    for (const key of [userKey(user), addressKey(remote)]) {
      const history = this.#histories.get(key) ?? { byUser: new Map<string, Failed>(), nextAt: 0, turn: null }
      const name = history.byUser.has(user) || history.byUser.size < rememberedUsers ? user : ""
      const failed = history.byUser.get(name) ?? { count: 0, fingerprints: new Set<string>() }
      if (fingerprint === null || !failed.fingerprints.has(fingerprint)) failed.count += 1
      if (fingerprint !== null && failed.fingerprints.size < rememberedFingerprints)
        failed.fingerprints.add(fingerprint)
      history.byUser.set(name, failed)
      const owed = now + this.#delayOf(history)
      // What a failure costs is no turn, and nobody gives it back.
      if (owed >= history.nextAt) {
        history.nextAt = owed
        history.turn = null
      }
      this.#histories.set(key, history)
    }
  }

  /** Forgets what was failed at this user; what the address failed at others it still pays for. */
  succeeded(user: string, remote: string): void {
    this.#histories.delete(userKey(user))
    this.#trusted.set(pair(user, remote), true)
    const address = this.#histories.get(addressKey(remote))
    if (address === undefined) return
    const { turn } = address
    // It waited for its turn itself, so nobody gets more turns by logging in between his guesses.
    if (turn?.user === user && address.nextAt === turn.at + this.#delayOf(address)) {
      address.nextAt = turn.at
      address.turn = null
    }
    if (address.byUser.delete(user) && address.byUser.size === 0) this.#histories.delete(addressKey(remote))
  }

  #keys(user: string, remote: string): string[] {
    if (!this.#trusted.has(pair(user, remote))) return [userKey(user), addressKey(remote)]
    const address = this.#histories.get(addressKey(remote))
    // As many failures as there are delays are no mistakes, but guesses at everybody who is known there.
    const isHeldUp = address !== undefined && (address.byUser.has(user) || failures(address) >= this.#delays.length)
    return isHeldUp ? [addressKey(remote)] : []
  }

  #takeTurn(key: string, at: number): void {
    const history = this.#histories.get(key)
    if (history !== undefined) history.nextAt = at + this.#delayOf(history)
  }

  /** Not before: a login that succeeds meanwhile would give back the turn of a guess at the same user that still waits. */
  #turnCame(key: string, turn: Turn): void {
    const history = this.#histories.get(key)
    if (history !== undefined) history.turn = turn
  }

  async #wait(keys: string[], delay: number): Promise<void> {
    for (const key of keys) this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, delay))
    for (const key of keys) {
      const left = (this.#waiting.get(key) ?? 1) - 1
      if (left === 0) this.#waiting.delete(key)
      else this.#waiting.set(key, left)
    }
  }

  #delayOf(history: History): number {
    const count = failures(history)
    return count === 0 ? 0 : (this.#delays[Math.min(count, this.#delays.length) - 1] ?? 0) * 1000
  }
}

function failures({ byUser }: History): number {
  let count = 0
  for (const failed of byUser.values()) count += failed.count
  return count
}

const userKey = (user: string) => `user ${user}`
const addressKey = (remote: string) => `address ${countedAs(remote)}`
const pair = (user: string, remote: string) => `${user}\0${countedAs(remote)}`

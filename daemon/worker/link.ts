import type { FromWorker, KdfParameters, ToWorker } from "../contract/worker-link.ts"
import { type KdfTurn, Refused } from "./unlock.ts"

type Waiting<T> = { resolve: (value: T) => void; reject: (error: Refused) => void }

/** The worker's end of the channel to the daemon that forked it. */
export class DaemonLink {
  readonly #turns = new Map<number, Waiting<boolean>>()
  readonly #storing: Waiting<void>[] = []
  #nextRequest = 1

  send(message: FromWorker): void {
    // A daemon that went away, also while this is written, is noticed by "disconnect", which closes this worker.
    if (process.connected) process.send?.(message, undefined, undefined, noticedByDisconnect)
  }

  /**
   * Waits for a place among all derivations of this machine, then runs one.
   *
   * @throws Refused `busy`, or `closing` when the daemon is gone
   */
  readonly kdfTurn: KdfTurn = async (derive) => {
    const request = this.#nextRequest++
    const granted = await this.#asked<boolean>({ kind: "kdf-wanted", request }, (waiting) =>
      this.#turns.set(request, waiting),
    )
    if (!granted) throw new Refused("busy")
    try {
      return await derive()
    } finally {
      this.send({ kind: "kdf-done", request })
    }
  }

  /**
   * Resolves when the user directory has them on disk.
   *
   * @throws Refused `fault` when it cannot, `closing` when the daemon is gone
   */
  readonly storeCredentials = (recipients: string[], kdf: KdfParameters[]): Promise<void> =>
    this.#asked<void>({ kind: "credentials", recipients, kdf }, (waiting) => this.#storing.push(waiting))

  /** Answers to what was asked above; false when the message is something else. */
  answered(message: ToWorker): boolean {
    if (message.kind === "kdf") {
      this.#turns.get(message.request)?.resolve(message.granted)
      return this.#turns.delete(message.request)
    }
    if (message.kind !== "credentials-stored") return false
    const waiting = this.#storing.shift()
    if (message.stored) waiting?.resolve()
    else waiting?.reject(new Refused("fault"))
    return true
  }

  /** The daemon is gone: nobody will answer what is still asked. */
  lost(): void {
    const gone = new Refused("closing")
    for (const waiting of this.#turns.values()) waiting.reject(gone)
    for (const waiting of this.#storing.splice(0)) waiting.reject(gone)
    this.#turns.clear()
  }

  #asked<T>(message: FromWorker, keep: (waiting: Waiting<T>) => void): Promise<T> {
    if (!process.connected) return Promise.reject(new Refused("closing"))
    return new Promise((resolve, reject) => {
      keep({ resolve, reject })
      this.send(message)
    })
  }
}

function noticedByDisconnect(): void {}

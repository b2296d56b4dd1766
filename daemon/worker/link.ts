import type { FromWorker, KdfParameters, ToWorker } from "../contract/worker-link.ts"
import { type KdfTurn, Refused } from "./unlock.ts"

/** The worker's end of the channel to the daemon that forked it. */
export class DaemonLink {
  readonly #turns = new Map<number, (granted: boolean) => void>()
  #stored: (() => void)[] = []
  #nextRequest = 1

  send(message: FromWorker): void {
    // A daemon that went away is noticed by "disconnect", which closes this worker.
    if (process.connected) process.send?.(message)
  }

  /** Waits for a place among all derivations of this machine, then runs one. @throws Refused `busy` */
  readonly kdfTurn: KdfTurn = async (derive) => {
    const request = this.#nextRequest++
    const granted = await new Promise<boolean>((resolve) => {
      this.#turns.set(request, resolve)
      this.send({ kind: "kdf-wanted", request })
    })
    if (!granted) throw new Refused("busy")
    try {
      return await derive()
    } finally {
      this.send({ kind: "kdf-done", request })
    }
  }

  /** Resolves when the user directory has them on disk. */
  readonly storeCredentials = (recipients: string[], kdf: KdfParameters[]): Promise<void> =>
    new Promise((resolve) => {
      this.#stored.push(resolve)
      this.send({ kind: "credentials", recipients, kdf })
    })

  /** Answers to what was asked above; false when the message is something else. */
  answered(message: ToWorker): boolean {
    if (message.kind === "kdf") {
      this.#turns.get(message.request)?.(message.granted)
      return this.#turns.delete(message.request)
    }
    if (message.kind === "credentials-stored") {
      this.#stored.shift()?.()
      return true
    }
    return false
  }
}

import { chmodSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { type Preface, PrefaceReader } from "../contract/preface.ts"
import type { Purpose } from "../contract/worker-link.ts"
import { sameSecret, wipe } from "../keys/secret.ts"

/** How long a ticket is good for, and how long a connection may take to show it. */
const ticketLifeMs = 10_000

type Ticket = { secret: Buffer; session: number; purpose: Purpose; expiresAt: number }

/** A connection that showed a good ticket. `rest` are octets that came after the preface. */
export type Visitor = { socket: Socket; preface: Preface; session: number; rest: Uint8Array }

/**
 * The worker's socket: whoever connects must show, within ten seconds, a ticket that the daemon issued for
 * this very purpose and that nobody showed before. Anything else is closed without an answer.
 */
export class Door {
  readonly #server: Server
  readonly #visit: (visitor: Visitor) => void
  #tickets: Ticket[] = []

  constructor(visit: (visitor: Visitor) => void) {
    this.#visit = visit
    this.#server = createServer((socket) => this.#knock(socket))
  }

  /** Listens with a mode that admits the owner and the group (the proxy runs as another Unix user). */
  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(path, () => {
        chmodSync(path, 0o660)
        resolve()
      })
    })
  }

  expect(secret: Uint8Array, session: number, purpose: Purpose): void {
    const now = Date.now()
    this.#tickets = this.#tickets.filter((ticket) => ticket.expiresAt > now)
    this.#tickets.push({ secret: Buffer.from(secret), session, purpose, expiresAt: now + ticketLifeMs })
  }

  close(): void {
    this.#server.close()
    this.#tickets = []
  }

  #knock(socket: Socket): void {
    const reader = new PrefaceReader()
    const timer = setTimeout(() => socket.destroy(), ticketLifeMs)
    const gone = () => {
      clearTimeout(timer)
      reader.wipe()
      socket.destroy()
    }
    socket.once("error", gone)
    socket.once("close", gone)
    const onData = (chunk: Buffer) => {
      let preface: Preface | null
      try {
        preface = reader.push(chunk)
      } catch {
        // Not a preface: somebody who does not speak for the proxy. There is nothing to answer.
        return gone()
      } finally {
        wipe(chunk)
      }
      if (preface === null) return
      socket.off("data", onData).off("error", gone).off("close", gone)
      socket.pause()
      clearTimeout(timer)
      this.#redeem(socket, preface, reader.rest)
    }
    socket.on("data", onData)
  }

  #redeem(socket: Socket, preface: Preface, rest: Uint8Array): void {
    const now = Date.now()
    const ticket = this.#tickets.find((known) => sameSecret(known.secret, preface.ticket))
    this.#tickets = this.#tickets.filter((known) => known !== ticket)
    if (ticket === undefined || ticket.expiresAt <= now || ticket.purpose !== preface.purpose) {
      wipe(preface.credential, preface.second)
      socket.destroy()
      return
    }
    this.#visit({ socket, preface, session: ticket.session, rest })
  }
}

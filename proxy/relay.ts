import type { Socket } from "node:net"
import type { Duplex } from "node:stream"

/** How long a connection of which one direction has ended may go without a byte in the other. */
const stallMs = 30_000

/**
 * Copies both ways until both directions have ended; resolves then, and never rejects. `early` is what the
 * client sent behind its login command; it goes to the worker first.
 *
 * Back-pressure is that of `pipe`: neither side is read while the other is full, so a slow reader costs its
 * two stream buffers and nothing more. An end of one side is passed on and leaves the other direction open
 * (a client may close its half and still read). A side that breaks is an end for the other, which still gets
 * what was received. There is no timer while both directions are open.
 */
export async function relay(client: Duplex, worker: Socket, early: Uint8Array): Promise<void> {
  if (early.length > 0) worker.write(early)
  const closed = Promise.all([relayedInto(client, worker), relayedInto(worker, client)])
  let stall: NodeJS.Timeout | undefined
  const halfEnded = () => {
    stall ??= watchForStall(client, worker)
  }
  for (const side of [client, worker]) side.once("end", halfEnded).once("close", halfEnded)
  client.pipe(worker)
  worker.pipe(client)
  await closed
  clearInterval(stall)
}

/** Resolves when `from` is closed, having ended `to`. */
function relayedInto(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const onClose = () => {
      // Without an "end" (reset, TLS failure) pipe does not end the other side.
      to.end()
      // Nobody takes what it still sends; reading on lets it come to its end.
      to.unpipe(from)
      to.resume()
      resolve()
    }
    if (from.closed) onClose()
    else from.once("close", onClose)
  })
}

function watchForStall(client: Duplex, worker: Socket): NodeJS.Timeout {
  const moved = () => worker.bytesRead + worker.bytesWritten + client.readableLength - client.writableLength
  let before = moved()
  return setInterval(() => {
    const now = moved()
    if (now === before) for (const side of [client, worker]) side.destroy()
    before = now
  }, stallMs)
}

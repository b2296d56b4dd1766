import type { Duplex } from "node:stream"
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib"

/** Where octets for the client go, and where those of the client come from. */
export type Compressed = { output: DeflateRaw; input: InflateRaw }

/** Octets that are inflated at a time: what is held is this much, whatever the client packed into a few octets. */
const inflatedBytes = 16_384

/**
 * COMPRESS=DEFLATE over a connection (RFC 4978 §3): raw deflate in both directions, from the next octet on.
 *
 * Each piece that is written leaves the compressor whole (sync flush), because the client waits for the end of
 * a response; pieces are as large as the writer makes them, so it costs few octets. Both directions keep
 * back-pressure: a client that sends a bomb is inflated no faster than its commands are read, and one that
 * does not read stops what is compressed for it. Octets that are no deflate stream cut the connection.
 */
export function compress(socket: Duplex): Compressed {
  // Mail::IMAPClient takes the two octets of a last deflate block behind LOGOUT's OK for a read that failed.
  const output = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH })
  const input = createInflateRaw({ chunkSize: inflatedBytes, finishFlush: constants.Z_SYNC_FLUSH })
  output.pipe(socket)
  socket.pipe(input)
  output.on("error", () => socket.destroy())
  input.on("error", () => socket.destroy())
  socket.once("close", () => {
    output.destroy()
    input.destroy()
  })
  return { output, input }
}

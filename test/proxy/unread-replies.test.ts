import assert from "node:assert/strict"
import { Duplex } from "node:stream"
import { test } from "node:test"
import { Preauth } from "../../proxy/preauth.ts"

/* Before a login: a client that sends commands and does not read the replies must not make the proxy grow. */

/** A socket whose client sends all that is taken of it, and reads nothing until `read`. */
function unreadSocket(input: Buffer) {
  const state = { sent: 0, text: "" }
  let unread: (() => void) | null = null
  let reads = false
  const socket = new Duplex({
    highWaterMark: 4096,
    read(size) {
      const piece = input.subarray(state.sent, state.sent + size)
      state.sent += piece.length
      this.push(piece.length > 0 ? piece : null)
    },
    write(chunk: Buffer, _encoding, done) {
      state.text += chunk.toString("latin1")
      if (reads) done()
      else unread = done
    },
  })
  const read = () => {
    reads = true
    unread?.()
  }
  return { socket, state, read }
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await new Promise((resolve) => setImmediate(resolve))
}

const unreadOptions = {
  remote: "192.0.2.9",
  secure: true,
  mayLogIn: true,
  hostName: "h",
  limits: { max_line_bytes: 8192, max_literal_bytes: 4096, max_bad_commands: 20 },
  login: async () => ({ kind: "refused", reply: "NO" }) as const,
}

/** Each makes the proxy say more than it is told, or as much. */
const pipelined = [
  "a CAPABILITY",
  "a NOOP",
  "a ID NIL",
  "a CAPABILITY\r\nb FETCH",
  "a AUTHENTICATE PLAIN =",
  "a ID ({0}",
]

test("who sends and does not read is not read either, and gets every reply once he reads", async (t) => {
  for (const line of pipelined) {
    await t.test(JSON.stringify(line), async () => {
      const input = Buffer.from(`${line}\r\n`.repeat(8000))
      const { socket, state, read } = unreadSocket(input)
      const faults = { inARow: 0, ...(line.endsWith("FETCH") ? {} : { inARow: Number.NEGATIVE_INFINITY }) }
      const preauth = new Preauth(socket, { ...unreadOptions, faults })
      preauth.greet()
      const ended = preauth.run()
      await turns(1000)
      assert.ok(socket.writableLength <= 2 * socket.writableHighWaterMark, `${socket.writableLength} octets are kept`)
      assert.ok(state.sent < 48_000, `${state.sent} octets were read`)
      read()
      assert.deepEqual(await ended, { kind: "closed" })
      assert.equal(state.sent, input.length)
      assert.ok(state.text.split("\r\n").length > 8000)
    })
  }
})

test("the time to log in and the end of the server also end the waiting for a client that does not read", async () => {
  for (const end of [
    (preauth: Preauth) => preauth.expire(),
    (preauth: Preauth) => preauth.bye("Server is going down"),
  ]) {
    const { socket, state } = unreadSocket(Buffer.from("a CAPABILITY\r\n".repeat(8000)))
    const preauth = new Preauth(socket, { ...unreadOptions, faults: { inARow: 0 } })
    const ended = preauth.run()
    await turns(500)
    assert.ok(state.sent < 48_000)
    end(preauth)
    assert.deepEqual(await ended, { kind: "closed" })
  }
})

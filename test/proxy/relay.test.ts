import assert from "node:assert/strict"
import { generateKeyPairSync, randomBytes } from "node:crypto"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import type { Socket } from "node:net"
import { PassThrough } from "node:stream"
import { test } from "node:test"
import { connect as connectTls, type TLSSocket } from "node:tls"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import fc from "fast-check"
import { ensureCertificate } from "../../daemon/setup/certificate.ts"
import { Preauth } from "../../proxy/preauth.ts"
import { type Client, house, plainClient, tlsClient } from "./harness.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

const until = async (what: () => boolean) => {
  for (let left = 400; !what(); left--) {
    assert.ok(left > 0, "waited too long")
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function loggedIn(client: Client): Promise<void> {
  await client.line()
  await client.send("a1 LOGIN ann tr0ub4dor\r\n")
  assert.equal(await client.line(), "a1 OK Logged in")
}

test("100 MB to a slow reader do not pile up in the proxy", async (t) => {
  const block = randomBytes(1 << 20)
  let produced = 0
  const at = await house(t, {
    serve: (socket, preface) => {
      socket.write(`${preface.facts.tag} OK Logged in\r\n`)
      const more = () => {
        while (produced < 100 && !socket.destroyed) {
          produced++
          if (!socket.write(block)) return void socket.once("drain", more)
        }
        socket.end()
      }
      more()
    },
  })
  const client = await tlsClient(t, at.port.imaps)
  await client.line()
  client.socket.removeAllListeners("data")
  await client.send("a1 LOGIN ann tr0ub4dor\r\n")
  client.socket.pause()
  await new Promise((resolve) => setTimeout(resolve, 200))
  // The kernel's socket buffers and the blocks this process made itself are all there is.
  assert.ok(produced < 20, `${produced} MB were taken from the worker while the client read nothing`)
  let received = 0
  let most = 0
  // What is held, not what lies dead; buffers are freed in the background, so some of it still counts.
  const held = () => {
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  const before = held()
  client.socket.on("data", (chunk) => {
    const tens = (received / 10e6) | 0
    received += chunk.length
    if (((received / 10e6) | 0) > tens) most = Math.max(most, held())
  })
  client.socket.resume()
  await until(() => received >= 100 << 20)
  assert.ok(most - before < 40 << 20, `array buffers grew by ${(most - before) >> 20} MB`)
})

test("uploads have back-pressure too, and arrive whole", async (t) => {
  let taken: Socket | undefined
  let received = 0
  const at = await house(t, {
    serve: (socket, preface) => {
      taken = socket
      socket.write(`${preface.facts.tag} OK Logged in\r\n`)
      socket.pause()
    },
  })
  const client = await plainClient(t, at.port.imap)
  await loggedIn(client)
  for (let block = 0; block < 40; block++) client.socket.write(Buffer.alloc(1 << 20))
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(client.socket.writableLength > 20 << 20, "the proxy took more than it could pass on")
  taken?.on("data", (chunk) => {
    received += chunk.length
  })
  taken?.resume()
  await until(() => received === 40 << 20)
})

test("an end of the client reaches the worker, whose last words reach the client; and the other way round", async (t) => {
  const at = await house(t, {
    serve: (socket, preface) => {
      socket.write(`${preface.facts.tag} OK Logged in\r\n`)
      socket.on("data", (chunk) => chunk.includes("LOGOUT") && socket.end("* BYE from the worker\r\n"))
      socket.on("end", () => socket.end("* the worker saw the end\r\n")).resume()
    },
  })
  const first = await tlsClient(t, at.port.imaps)
  await loggedIn(first)
  first.socket.end()
  assert.deepEqual(await first.rest(), ["* the worker saw the end"])
  const second = await plainClient(t, at.port.imap)
  await loggedIn(second)
  await second.send("a2 LOGOUT\r\n")
  assert.deepEqual(await second.rest(), ["* BYE from the worker"])
})

test("a client that is reset closes the worker's side; a worker that is killed closes the client's", async (t) => {
  const sides: Socket[] = []
  let ended = 0
  const at = await house(t, {
    serve: (socket, preface) => {
      sides.push(socket)
      socket.write(`${preface.facts.tag} OK Logged in\r\n`)
      socket.resume().on("end", () => {
        ended++
        socket.end()
      })
    },
  })
  const first = await plainClient(t, at.port.imap)
  await loggedIn(first)
  first.socket.resetAndDestroy()
  await until(() => ended === 1)
  const second = await tlsClient(t, at.port.imaps)
  await loggedIn(second)
  sides[1]?.destroy()
  assert.deepEqual(await second.rest(), [])
})

const fingerprint = (port: number) =>
  new Promise<string>((resolve, reject) => {
    const socket: TLSSocket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on("error", reject)
  })

test("a new certificate is used after reload, a bad one is not, and connections live on", async (t) => {
  const at = await house(t)
  const client = await tlsClient(t, at.port.imaps)
  await loggedIn(client)
  const old = await fingerprint(at.port.imaps)
  writeFileSync(at.paths.certificate, "no certificate")
  await at.proxy.reload()
  assert.equal(await fingerprint(at.port.imaps), old)
  assert.match(at.logged.join("\n"), /the old one is kept/)
  rmSync(at.paths.certificate)
  rmSync(at.paths.certificateKey)
  await ensureCertificate(at.paths, "localhost")
  const good = readFileSync(at.paths.certificateKey)
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  writeFileSync(at.paths.certificateKey, privateKey.export({ type: "pkcs8", format: "pem" }))
  await at.proxy.reload()
  assert.equal(await fingerprint(at.port.imaps), old, "a key that does not belong to the certificate")
  writeFileSync(at.paths.certificateKey, good)
  await at.proxy.reload()
  assert.notEqual(await fingerprint(at.port.imaps), old)
  await client.send("a2 NOOP\r\n")
  assert.equal(await client.line(), "a2 NOOP")
})

test("TLS below 1.2, and a peer that speaks another protocol, get no connection", async (t) => {
  const at = await house(t)
  const attempt = (options: object) =>
    new Promise<string>((resolve) => {
      const socket = connectTls(
        { port: at.port.imaps, host: "127.0.0.1", rejectUnauthorized: false, ...options },
        () => {
          resolve(`${socket.getProtocol()} ${socket.getCipher().name}`)
          socket.destroy()
        },
      )
      socket.on("error", () => resolve("refused"))
    })
  assert.equal(
    await attempt({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    "refused",
  )
  assert.equal(await attempt({ maxVersion: "TLSv1.2", ciphers: "AES256-SHA" }), "refused")
  assert.equal(await attempt({ ALPNProtocols: ["http/1.1"] }), "refused")
  assert.match(await attempt({ ALPNProtocols: ["imap"] }), /^TLSv1.3 /)
  assert.match(await attempt({ maxVersion: "TLSv1.2" }), /^TLSv1.2 ECDHE-ECDSA-.*(GCM|POLY1305)/)
  const silent = await plainClient(t, at.port.imaps)
  silent.socket.end()
  assert.deepEqual(await silent.rest(), [], "a client that leaves in the middle of the handshake is let go at once")
  const plain = await plainClient(t, at.port.imaps)
  await plain.send("a1 CAPABILITY\r\n")
  for (const line of await plain.rest()) assert.doesNotMatch(line, /\* OK/)
})

test("chunks that held a password are zero once they were read", async () => {
  const seen: string[] = []
  const socket = new PassThrough()
  const options = {
    remote: "127.0.0.1",
    secure: true,
    mayLogIn: true,
    hostName: "h",
    limits: { max_line_bytes: 8192, max_literal_bytes: 4096, max_bad_commands: 10 },
    faults: { inARow: 0 },
    login: async ({ credential }: { credential: Uint8Array }) => {
      seen.push(Buffer.from(credential).toString())
      return { kind: "refused", reply: "NO" } as const
    },
  }
  const preauth = new Preauth(socket as unknown as Socket, options)
  const done = preauth.run()
  const chunks = [
    "a LOGIN ann tr0ub4dor\r\n",
    "b LOGIN ann {9}\r\n",
    "tr0ub4dor\r\n",
    "c AUTHENTICATE PLAIN ",
    "AGFubgB0cjB1YjRkb3I=\r\n",
  ].map((text) => {
    const chunk = Buffer.alloc(text.length)
    chunk.write(text)
    return chunk
  })
  for (const chunk of chunks) socket.emit("data", chunk)
  await until(() => seen.length === 3)
  socket.emit("end")
  assert.deepEqual(await done, { kind: "closed" })
  assert.deepEqual(seen, ["tr0ub4dor", "tr0ub4dor", "tr0ub4dor"])
  for (const chunk of chunks) assert.ok(chunk.every((byte) => byte === 0))
})

test("any octets before login are answered or end the connection; the proxy lives on", async (t) => {
  const at = await house(t, { proxy: { max_connections_per_address: 1000 } })
  const words = [
    "a1 ",
    "LOGIN ",
    "AUTHENTICATE PLAIN",
    "{3+}\r\n",
    "{9}\r\n",
    '"',
    "\\",
    "\r\n",
    "\n",
    "\0",
    "ID (",
    "NIL",
    "*",
    "=",
    "STARTTLS\r\n",
    "\x16\x03\x01",
  ]
  const piece = fc.oneof(
    fc.constantFrom(...words).map((word) => Buffer.from(word, "latin1")),
    fc.uint8Array({ maxLength: 40 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const client = await plainClient(t, at.port.imap)
      client.socket.end(Buffer.concat(pieces))
      const lines = await client.rest()
      assert.match(lines[0] ?? "", /^\* OK/)
    }),
    { numRuns: 150 },
  )
  const client = await plainClient(t, at.port.imap)
  await loggedIn(client)
})

import assert from "node:assert/strict"
import { Writable } from "node:stream"
import { test } from "node:test"
import { type ByteSink, LiteralMismatch, PeerGone, ResponseWriter } from "../../daemon/imap/response.ts"
import { latin1Of } from "./cursor-of.ts"

/** A connection that takes its time; `most` is the largest number of octets it ever had to hold. */
function slowSink(highWaterMark = 1024) {
  const seen = { text: "", writes: 0, most: 0, octets: 0 }
  const sink = new Writable({
    highWaterMark,
    write(chunk: Buffer, _encoding, done) {
      seen.writes += 1
      seen.octets += chunk.length
      seen.most = Math.max(seen.most, sink.writableLength)
      if (seen.text.length < 1000) seen.text += latin1Of(chunk)
      setImmediate(done)
    },
  })
  return { sink, seen }
}

const finished = (sink: Writable) => new Promise<void>((resolve) => sink.end(resolve))

test("many parts are one write", async () => {
  const { sink, seen } = slowSink()
  const writer = new ResponseWriter(sink)
  writer.text("* 1 FETCH (").text("UID ").text("5").bytes(Buffer.from(" FLAGS ()")).text(")\r\n")
  assert.equal(seen.writes, 0)
  writer.flush()
  writer.flush()
  await finished(sink)
  assert.deepEqual([seen.text, seen.writes], ["* 1 FETCH (UID 5 FLAGS ())\r\n", 1])
})

test("a literal from a generator, from an async one, and literal8", async () => {
  const { sink, seen } = slowSink()
  const writer = new ResponseWriter(sink)
  await writer.text("* 1 FETCH (BODY[] ").literal(4, [Buffer.from("ab"), Buffer.from("cd")])
  writer.text(" BINARY[1] ")
  await writer.literal(
    3,
    (async function* () {
      yield Buffer.from("e\0")
      yield Buffer.from("g")
    })(),
    true,
  )
  writer.text(")\r\n").flush()
  await finished(sink)
  assert.equal(seen.text, "* 1 FETCH (BODY[] {4}\r\nabcd BINARY[1] ~{3}\r\ne\0g)\r\n")
})

test("a slow reader: 20 MB pass, and never more than a few pieces are held", async () => {
  const { sink, seen } = slowSink(16_384)
  const writer = new ResponseWriter(sink)
  const size = 20 * 1024 * 1024
  let ahead = 0
  function* source() {
    for (let given = 0; given < size; given += 65_536) {
      ahead = Math.max(ahead, given - seen.octets)
      yield Buffer.alloc(65_536, 0x61)
    }
  }
  await writer.literal(size, source())
  await writer.drained()
  await finished(sink)
  assert.equal(seen.octets, size + `{${size}}\r\n`.length)
  assert.ok(seen.most <= 3 * 65_536, `held ${seen.most}`)
  assert.ok(ahead <= 3 * 65_536, `ahead by ${ahead}`)
})

test("congested tells when to wait; drained waits", async () => {
  const { sink, seen } = slowSink(64)
  const writer = new ResponseWriter(sink, { pieceBytes: 32 })
  for (let count = 0; count < 500; count += 1) {
    writer.text(`* ${count} EXISTS and so on\r\n`)
    if (writer.congested) await writer.drained()
    assert.ok(sink.writableLength < 512)
  }
  await writer.drained()
  await finished(sink)
  assert.ok(seen.writes > 100)
})

test("a source of another size than announced is an error", async () => {
  for (const [size, chunks] of [
    [5, ["abc"]],
    [2, ["abc"]],
    [0, ["a"]],
    [1, []],
  ] as [number, string[]][]) {
    const writer = new ResponseWriter(slowSink().sink)
    await assert.rejects(
      writer.literal(
        size,
        chunks.map((chunk) => Buffer.from(chunk)),
      ),
      LiteralMismatch,
    )
  }
})

test("an error of the source comes through", async () => {
  const failing = (function* (): Generator<Uint8Array> {
    yield Buffer.from("a")
    throw new Error("damaged")
  })()
  await assert.rejects(new ResponseWriter(slowSink().sink).literal(2, failing), /damaged/)
})

test("a client that goes away in the middle of a literal: PeerGone, the source is closed, no listener stays", async () => {
  const stuck = new Writable({ highWaterMark: 10, write() {} })
  const writer = new ResponseWriter(stuck, { pieceBytes: 8 })
  let closed = false
  const source = (function* () {
    try {
      for (;;) yield Buffer.alloc(64)
    } finally {
      closed = true
    }
  })()
  const writing = writer.literal(1_000_000, source)
  await new Promise(setImmediate)
  stuck.destroy()
  await assert.rejects(writing, PeerGone)
  assert.ok(closed)
  assert.deepEqual([stuck.listenerCount("drain"), stuck.listenerCount("error")], [0, 0])
  await assert.rejects(writer.text("x").drained(), PeerGone)
})

test("drained does not wait for a drain that has been", async () => {
  const events: string[] = []
  const sink: ByteSink = {
    write: () => false,
    once: (event) => events.push(event),
    off: () => {},
    destroyed: false,
    writableNeedDrain: false,
  }
  const writer = new ResponseWriter(sink)
  writer.text("a").flush()
  assert.equal(writer.congested, true)
  await writer.drained()
  assert.deepEqual([writer.congested, events], [false, []])
})

test("parts of all sizes, in any order, are what comes out, in pieces of a useful size", async () => {
  const sizes = [1, 0, 4_095, 4_096, 4_097, 16_383, 16_384, 2, 70_000, 3, 32_768, 9_000, 9_000, 9_000, 9_000, 1]
  const chunks: Buffer[] = []
  const sink = new Writable({
    highWaterMark: 1_000_000,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  const writer = new ResponseWriter(sink)
  const expected: Buffer[] = []
  for (const [index, size] of [...sizes, ...sizes].entries()) {
    const part = Buffer.alloc(size, 0x41 + index)
    expected.push(part)
    if (index % 2 === 0) writer.bytes(part)
    else writer.text(part.toString("latin1"))
    if (index % 5 === 0) writer.flush()
  }
  writer.flush()
  await finished(sink)
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat(expected))
  assert.ok(chunks.every((chunk) => chunk.length <= 70_000))
})

test("a short literal, and one of another size than announced", async () => {
  const { sink, seen } = slowSink()
  const writer = new ResponseWriter(sink)
  writer.shortLiteral(3, [Buffer.from("a"), Buffer.from("bc")])
  writer.shortLiteral(1, [Buffer.from("\0")], true)
  writer.flush()
  await finished(sink)
  assert.equal(seen.text, "{3}\r\nabc~{1}\r\n\0")
  assert.throws(() => writer.shortLiteral(2, [Buffer.from("abc")]), LiteralMismatch)
  assert.throws(() => writer.shortLiteral(2, [Buffer.from("a")]), LiteralMismatch)
})

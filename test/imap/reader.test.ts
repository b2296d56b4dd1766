import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { appendHead } from "../../daemon/imap/append.ts"
import { defaultContext, latin1 } from "../../daemon/imap/cursor.ts"
import { parseCommand } from "../../daemon/imap/parse.ts"
import {
  CommandReader,
  type Input,
  type LiteralDecision,
  type LiteralSink,
  type ReaderOptions,
} from "../../daemon/imap/reader.ts"

type Limits = Partial<ReaderOptions>

const limits = { maxLineBytes: 64, maxLiteralBytes: 16, maxCommandBytes: 90, maxSkipBytes: 1000 }

/** Feeds `sent` in chunks of this size and tells everything that came out, one line per event. */
async function play(sent: string, chunk: number, options: Limits = {}): Promise<string[]> {
  const events: string[] = []
  const reader = new CommandReader({ ...limits, sendContinuation: () => void events.push("+"), ...options })
  const bytes = Buffer.from(sent, "latin1")
  for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk))
  reader.end()
  for (;;) {
    const input = await reader.next()
    events.push(told(input))
    if (input.kind === "end") return events
  }
}

function told(input: Input): string {
  if (input.kind === "command") {
    const streamed = [...input.streamed].map(([at, { size, handle }]) => ` @${at}:${size}=${handle}`)
    return `command ${latin1(input.bytes)}${streamed.join("")}`
  }
  if (input.kind === "line") return `line ${latin1(input.bytes)}`
  if (input.kind === "refused") {
    const error = input.error instanceof Error ? ` (${input.error.message})` : ""
    return `${input.fatal ? "fatal" : "refused"} ${input.why} ${input.tag}${error}`
  }
  return `end ${input.clean ? "clean" : "cut off"}${input.streamed.map(({ handle }) => ` ${handle}`).join("")}`
}

/** A sink that remembers what it was given. */
function memorySink(log: string[] = [], fail: "write" | "end" | "abort" | null = null): LiteralSink {
  let got = ""
  return {
    async write(piece) {
      await null
      if (fail === "write" || fail === "abort") throw new Error("disk full")
      got += latin1(piece)
    },
    end() {
      if (fail === "end") throw new Error("no commit")
      log.push(`stored ${got}`)
      return `<${got}>`
    },
    abort() {
      log.push("aborted")
      if (fail === "abort") throw new Error("cannot abort")
    },
  }
}

/** The message of an APPEND goes to a sink, all else is buffered; bigger than 50 octets is refused. */
function appendPolicy(sink: LiteralSink): NonNullable<ReaderOptions["literal"]> {
  return (soFar, { size }): LiteralDecision => {
    if (appendHead(soFar, defaultContext) === null) return { kind: "buffer" }
    return size > 50 ? { kind: "refuse", reply: "NO [TOOBIG] Too big" } : { kind: "sink", sink }
  }
}

const x = (count: number) => "x".repeat(count)

type Play = [what: string, sent: string, events: string[], options?: () => Limits]
const plays: Play[] = [
  ["nothing", "", ["end clean"]],
  ["two commands", "a NOOP\r\nb NOOP\r\n", ["command a NOOP", "command b NOOP", "end clean"]],
  ["a lone LF", "a NOOP\nb NOOP\r\n", ["command a NOOP", "command b NOOP", "end clean"]],
  ["an empty line", "\r\na NOOP\r\n", ["command ", "command a NOOP", "end clean"]],
  ["a lone CR stays in the line", "a\rb\r\n", ["command a\rb", "end clean"]],
  ["a line cut off", "a NOO", ["end cut off"]],
  ["8-bit octets", "a \xff\xfe\r\n", ["command a \xff\xfe", "end clean"]],

  ["a literal", "a X {3}\r\nabc y\r\n", ["+", "command a X {3}\r\nabc y", "end clean"]],
  ["a literal that looks like lines", "a {6}\r\nb\r\nc\r\n\r\n", ["+", "command a {6}\r\nb\r\nc\r\n", "end clean"]],
  ["two literals", "a {1}\r\nb {2}\r\ncd\r\n", ["+", "+", "command a {1}\r\nb {2}\r\ncd", "end clean"]],
  ["an empty literal", "a {0}\r\n\r\n", ["+", "command a {0}\r\n", "end clean"]],
  ["a non-synchronising literal gets no +", "a {3+}\r\nabc\r\n", ["command a {3+}\r\nabc", "end clean"]],
  ["literal8", "a ~{3}\r\na\0c\r\n", ["+", "command a ~{3}\r\na\0c", "end clean"]],
  ["a literal behind a lone LF", "a {1}\nb\n", ["+", "command a {1}\nb", "end clean"]],
  [
    "what is no literal",
    "a {}\r\nb {x}\r\nc {1} \r\nd 1}\r\n",
    ["command a {}", "command b {x}", "command c {1} ", "command d 1}", "end clean"],
  ],
  ["a literal cut off", "a {5}\r\nab", ["+", "end cut off"]],

  ["a line of exactly the limit", `${x(62)}\r\na N\r\n`, [`command ${x(62)}`, "command a N", "end clean"]],
  ["a line one octet too long", `a ${x(61)}\r\nb NOOP\r\n`, ["refused line-too-long a", "command b NOOP", "end clean"]],
  ["a line far too long", `a ${x(900)}\r\nb NOOP\r\n`, ["refused line-too-long a", "command b NOOP", "end clean"]],
  ["a tag too long to read", `${x(80)}\r\nb NOOP\r\n`, ["refused line-too-long null", "command b NOOP", "end clean"]],
  ["a line without end", `a ${x(1100)}`, ["fatal skip-too-long a", "end clean"]],
  [
    "the line limit counts all lines of a command",
    `a ${x(30)} {1}\r\nb${x(40)}\r\nb N\r\n`,
    ["+", "refused line-too-long a", "command b N", "end clean"],
  ],
  [
    "a long line that ends in a non-synchronising literal",
    `a ${x(80)} {4+}\r\nb X\n more\r\nc NOOP\r\n`,
    ["refused line-too-long a", "command c NOOP", "end clean"],
  ],
  [
    "a long line that ends in a synchronising literal",
    `a ${x(80)} {4}\r\nc NOOP\r\n`,
    ["refused line-too-long a", "command c NOOP", "end clean"],
  ],

  [
    "a line that becomes too long inside the announcement of a literal",
    `a ${x(59)} {4+}\r\nb X\n\r\nc NOOP\r\n`,
    ["refused line-too-long a", "command c NOOP", "end clean"],
  ],
  ["a literal too big", "a {17}\r\nb NOOP\r\n", ["refused literal-too-big a", "command b NOOP", "end clean"]],
  [
    "a non-synchronising literal too big is skipped",
    `a {17+}\r\n${x(10)}\r\nb {9}\r\nc NOOP\r\n`,
    ["refused literal-too-big a", "command c NOOP", "end clean"],
  ],
  ["one too big to skip", "a {1001+}\r\nxxx", ["fatal skip-too-long a", "end clean"]],
  [
    "LITERAL-: more than 4,096",
    `a {4097+}\r\n${x(4097)}\r\nb NOOP\r\n`,
    ["refused non-sync-too-big a", "command b NOOP", "end clean"],
    () => ({ maxSkipBytes: 5000, maxLiteralBytes: 9999, maxCommandBytes: 9999 }),
  ],
  [
    "LITERAL-: 4,096",
    `a {4096+}\r\n${x(4096)}\r\n`,
    [`command a {4096+}\r\n${x(4096)}`, "end clean"],
    () => ({ maxLiteralBytes: 9999, maxCommandBytes: 9999 }),
  ],
  [
    "a size of more than 32 bits",
    "a {4294967296}\r\nb NOOP\r\n",
    ["refused literal-too-big a", "command b NOOP", "end clean"],
  ],
  [
    "a size of more than 32 bits, non-synchronising",
    "a {99999999999+}\r\nb NOOP\r\n",
    ["fatal skip-too-long a", "end clean"],
  ],
  [
    "literals that add up",
    `a {16}\r\n${x(16)} {16}\r\n${x(16)} {16}\r\n${x(16)} {16}\r\nb NOOP\r\n`,
    ["+", "+", "+", "refused command-too-big a", "command b NOOP", "end clean"],
  ],
  [
    "refused, then a second literal that is skipped",
    `a {17+}\r\n${x(17)} {3+}\r\nb\r\n\r\nc NOOP\r\n`,
    ["refused literal-too-big a", "command c NOOP", "end clean"],
  ],

  ["NUL in a line", "a N\0OP\r\nb NOOP\r\n", ["refused nul a", "command b NOOP", "end clean"]],
  ["NUL right behind what may be a tag", "a\0 NOOP\r\n", ["refused nul null", "end clean"]],
  ["NUL in the tag", "\0\r\nb NOOP\r\n", ["refused nul null", "command b NOOP", "end clean"]],
  ["NUL, then a literal", "a \0 {3+}\r\nb\r\n\r\nc NOOP\r\n", ["refused nul a", "command c NOOP", "end clean"]],

  [
    "APPEND to a sink",
    "a APPEND x {5}\r\nhe\0lo\r\nb NOOP\r\n",
    ["+", "command a APPEND x {5}\r\n @16:5=<he\0lo>", "command b NOOP", "end clean"],
    () => ({ literal: appendPolicy(memorySink()) }),
  ],
  [
    "APPEND whose mailbox is a literal",
    "a APPEND {1}\r\nx (\\Seen) {2}\r\nhi\r\n",
    ["+", "+", "command a APPEND {1}\r\nx (\\Seen) {2}\r\n @29:2=<hi>", "end clean"],
    () => ({ literal: appendPolicy(memorySink()) }),
  ],
  [
    "APPEND of nothing",
    "a APPEND x {0}\r\n\r\n",
    ["+", "command a APPEND x {0}\r\n @16:0=<>", "end clean"],
    () => ({ literal: appendPolicy(memorySink()) }),
  ],
  [
    "APPEND refused before it is sent",
    "a APPEND x {51}\r\nb NOOP\r\n",
    ["refused policy a", "command b NOOP", "end clean"],
    () => ({ literal: appendPolicy(memorySink()) }),
  ],
  [
    "APPEND refused while it is sent",
    `a APPEND x {51+}\r\n${x(51)}\r\nb NOOP\r\n`,
    ["refused policy a", "command b NOOP", "end clean"],
    () => ({ literal: appendPolicy(memorySink()) }),
  ],
  [
    "a sink that cannot write",
    "a APPEND x {5}\r\nhello\r\nb NOOP\r\n",
    ["+", "refused sink-failed a (disk full)", "command b NOOP", "end clean"],
    () => ({ literal: appendPolicy(memorySink([], "write")) }),
  ],
  [
    "a sink that cannot end",
    "a APPEND x {5}\r\nhello\r\nb NOOP\r\n",
    ["+", "refused sink-failed a (no commit)", "command b NOOP", "end clean"],
    () => ({ literal: appendPolicy(memorySink([], "end")) }),
  ],
  [
    "a sink that cannot even abort",
    "a APPEND x {5}\r\nhello\r\n",
    ["+", "refused sink-failed a (sink failed and abort failed)", "end clean"],
    () => ({ literal: appendPolicy(memorySink([], "abort")) }),
  ],
  [
    "cut off behind a stored message",
    "a APPEND x {2}\r\nhi",
    ["+", "end cut off <hi>"],
    () => ({ literal: appendPolicy(memorySink()) }),
  ],
  [
    "a policy that throws",
    "a X {2}\r\nb NOOP\r\n",
    ["refused sink-failed a (oops)", "command b NOOP", "end clean"],
    () => ({
      literal: () => {
        throw new Error("oops")
      },
    }),
  ],
]

for (const [what, sent, events, options] of plays) {
  for (const chunk of [Number.POSITIVE_INFINITY, 1, 7]) {
    test(`${what}, ${chunk === Number.POSITIVE_INFINITY ? "whole" : `${chunk} octets at a time`}`, async () => {
      assert.deepEqual(await play(sent, Math.min(chunk, sent.length + 1), options?.()), events)
    })
  }
}

test("a literal that is never finished aborts its sink", async () => {
  const log: string[] = []
  assert.deepEqual(await play("a APPEND x {5}\r\nhel", 2, { literal: appendPolicy(memorySink(log)) }), [
    "+",
    "end cut off",
  ])
  assert.deepEqual(log, ["aborted"])
})

test("what was stored of a command that is refused later is handed back", async () => {
  const reader = new CommandReader({ ...limits, sendContinuation: () => {}, literal: appendPolicy(memorySink()) })
  reader.push(Buffer.from(`a APPEND x {2}\r\nhi${x(99)}\r\n`))
  const input = await reader.next()
  assert.equal(input.kind === "refused" && input.why, "line-too-long")
  assert.deepEqual(input.kind === "refused" && input.streamed, [{ size: 2, binary: false, handle: "<hi>" }])
})

test("the reply of a policy is passed on, the reader's own begin with BAD or BYE", async () => {
  const replies: string[] = []
  const reader = new CommandReader({ ...limits, sendContinuation: () => {}, literal: appendPolicy(memorySink()) })
  reader.push(Buffer.from(`a APPEND x {51}\r\nb ${x(99)}\r\nc {2000+}\r\n`))
  for (let count = 0; count < 3; count += 1) {
    const input = await reader.next()
    if (input.kind === "refused") replies.push(input.reply)
  }
  assert.equal(replies[0], "NO [TOOBIG] Too big")
  assert.match(replies[1] ?? "", /^BAD \[TOOBIG\] /)
  assert.match(replies[2] ?? "", /^BYE \[TOOBIG\] /)
})

test("the continuation is asked for only when the literal is due, and not before earlier commands are taken", async () => {
  const events: string[] = []
  const reader = new CommandReader({ ...limits, sendContinuation: () => void events.push("+") })
  reader.push(Buffer.from("a NOOP\r\nb {1}\r\n"))
  events.push(told(await reader.next()))
  assert.deepEqual(events, ["command a NOOP"])
  const waiting = reader.next()
  await new Promise(setImmediate)
  assert.deepEqual(events, ["command a NOOP", "+"])
  reader.push(Buffer.from("x\r\n"))
  assert.equal(told(await waiting), "command b {1}\r\nx")
})

test("raw lines: no literals, no tag in a refusal", async () => {
  const reader = new CommandReader({ ...limits, sendContinuation: () => assert.fail("no + for a raw line") })
  reader.push(Buffer.from(`DONE {3}\r\n${x(99)}\r\na NOOP\r\n`))
  assert.equal(told(await reader.next("line")), "line DONE {3}")
  assert.equal(told(await reader.next("line")), "refused line-too-long null")
  assert.equal(told(await reader.next()), "command a NOOP")
})

test("back-pressure: push says stop at the high-water mark, onDrain says go", async () => {
  let drained = 0
  const reader = new CommandReader({
    ...limits,
    sendContinuation: () => {},
    highWaterBytes: 16,
    onDrain: () => {
      drained += 1
    },
  })
  assert.equal(reader.push(Buffer.from("a NOOP\r\n")), true)
  assert.equal(reader.push(Buffer.from("b NOOP\r\n")), false)
  assert.equal(reader.queuedBytes, 16)
  await reader.next()
  assert.equal(drained, 1)
  await reader.next()
  assert.deepEqual([drained, reader.queuedBytes], [1, 0])
})

test("single octets that have to wait are put together", async () => {
  const reader = new CommandReader({ ...limits, sendContinuation: () => {} })
  const sent = Array.from({ length: 3000 }, (_, index) => `${index} NOOP\r\n`).join("")
  for (const octet of Buffer.from(sent)) reader.push(Uint8Array.of(octet))
  assert.equal(reader.queuedBytes, sent.length)
  let taken = ""
  while (reader.queuedBytes > 0) {
    const input = await reader.next()
    if (input.kind === "command") taken += `${latin1(input.bytes)}\r\n`
  }
  assert.equal(taken, sent)
})

test("only one next at a time", async () => {
  const reader = new CommandReader({ ...limits, sendContinuation: () => {} })
  const first = reader.next()
  await assert.rejects(reader.next(), /waiting already/)
  assert.throws(() => reader.takeQueued(), /waiting/)
  reader.end()
  assert.equal((await first).kind, "end")
})

test("sensitive: chunks are zeroed when read, the command when its owner wipes it, the rest by wipe()", async () => {
  const chunks = ["a LOGIN {3}\r\n", "bob {6}\r\nsec", "ret\r\nb NOOP\r\n"].map((text) => Buffer.from(text))
  const reader = new CommandReader({ ...limits, sendContinuation: () => {}, sensitive: true })
  for (const chunk of chunks) reader.push(chunk)
  const input = await reader.next()
  assert.ok(input.kind === "command")
  assert.equal(latin1(input.bytes), "a LOGIN {3}\r\nbob {6}\r\nsecret")
  assert.ok(Buffer.concat(chunks).every((octet) => octet === 0))
  assert.equal(reader.queuedBytes, 8)
  input.bytes.fill(0)
  assert.ok(Buffer.from(input.bytes.buffer).every((octet) => octet === 0))
  reader.wipe()
  assert.ok(Buffer.concat(chunks).every((octet) => octet === 0))
  assert.equal(reader.queuedBytes, 0)
})

test("hand-over: the unread rest, and nothing of it stays", async () => {
  const chunk = Buffer.from("a LOGIN b c\r\nd SELECT x\r\ne")
  const reader = new CommandReader({ ...limits, sendContinuation: () => {}, sensitive: true })
  reader.push(chunk)
  await reader.next()
  assert.equal(latin1(reader.takeQueued()), "d SELECT x\r\ne")
  assert.equal(reader.queuedBytes, 0)
  assert.ok(chunk.every((octet) => octet === 0))
})

test("a streamed APPEND is parsed with its handle", async () => {
  const reader = new CommandReader({ ...limits, sendContinuation: () => {}, literal: appendPolicy(memorySink()) })
  reader.push(Buffer.from("a APPEND Sent {5+}\r\nhello\r\n"))
  const input = await reader.next()
  assert.ok(input.kind === "command")
  const command = parseCommand({ bytes: input.bytes, at: 0, streamed: input.streamed }, defaultContext)
  assert.deepEqual(command.name === "APPEND" && command.messages[0]?.parts, [
    { part: "text", literal: { size: 5, binary: false, handle: "<hello>" } },
  ])
})

test("30 MB through a sink: never more than one chunk is held", async () => {
  const reader = new CommandReader({
    ...limits,
    sendContinuation: () => {},
    literal: () => ({ kind: "sink", sink: counting }),
  })
  let written = 0
  const counting: LiteralSink = {
    write: (piece) => {
      written += piece.length
    },
    end: () => written,
    abort: () => {},
  }
  const chunk = Buffer.alloc(65_536, 0x61)
  const size = chunk.length * 480
  reader.push(Buffer.from(`a APPEND x {${size}}\r\n`))
  const waiting = reader.next()
  for (let sent = 0; sent < size; sent += chunk.length) {
    reader.push(chunk)
    await new Promise(setImmediate)
    assert.equal(reader.queuedBytes, 0)
  }
  reader.push(Buffer.from("\r\n"))
  assert.equal(
    told(await waiting),
    `command a APPEND x {${size}}\r\n @${`a APPEND x {${size}}\r\n`.length}:${size}=${size}`,
  )
})

test("any octets in any chunks: the same events, no exception, and it ends", async () => {
  const token = fc.constantFrom(
    "a ",
    "NOOP",
    "\r\n",
    "\n",
    "\r",
    "{3}\r\n",
    "{2+}\r\n",
    "~{1}\r\n",
    "{20}\r\n",
    "{40+}\r\n",
    "\0",
    "\xff",
    x(30),
    "APPEND x ",
    "(",
    '"',
  )
  const input = fc
    .array(fc.oneof(token, fc.string({ unit: "binary-ascii", maxLength: 5 })), { maxLength: 25 })
    .map((parts) => parts.join(""))
  await fc.assert(
    fc.asyncProperty(input, fc.integer({ min: 1, max: 20 }), async (sent, chunk) => {
      const options = () => ({ literal: appendPolicy(memorySink()), maxSkipBytes: 100 })
      const whole = await play(sent, Math.max(1, sent.length), options())
      assert.deepEqual(await play(sent, 1, options()), whole)
      assert.deepEqual(await play(sent, chunk, options()), whole)
      assert.match(whole.at(-1) ?? "", /^end /)
    }),
    { numRuns: 400 },
  )
})

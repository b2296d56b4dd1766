import assert from "node:assert/strict"
import { createHash, randomBytes } from "node:crypto"
import { test } from "node:test"
import fc from "fast-check"
import { foldForSearch } from "../../daemon/message/normalize.ts"
import { openKeyed } from "../../daemon/store/cipher.ts"
import type { Store } from "../../daemon/store/store.ts"
import { closeSound, faulty, house, id, plainly, put } from "./harness.ts"
import { corpus, type Mail, mail, mailOf } from "./mail.ts"

const pieceBytes = 262_144

function bytesOf(store: Store, content: number, offset = 0, length = Number.MAX_SAFE_INTEGER): Buffer {
  return Buffer.concat([...store.contents.read(content, offset, length)])
}

/** As APPEND does it: pushed in chunks, finished, linked. */
function stream(store: Store, { bytes, meta }: Mail, chunkBytes: number): number {
  const writer = store.contents.begin()
  for (let at = 0; at < bytes.length; at += chunkBytes) writer.push(bytes.subarray(at, at + chunkBytes))
  assert.equal(writer.size, bytes.length)
  const content = writer.finish(meta)
  assert.ok(store.messages.add(id(store, "INBOX"), content, plainly))
  return content
}

test("what the parser said is given back as it was", (t) => {
  const { store } = house(t)
  const { bytes, meta } = mail("Grüße", "text ".repeat(500), {
    sentAt: 5,
    messageId: "<a@b>",
    references: ["<c>", "<d>"],
  })
  for (const content of [stream(store, { bytes, meta }, 100), store.contents.insert(bytes, meta)]) {
    const { contents } = store
    assert.deepEqual(Buffer.from(contents.envelope(content)), meta.envelope)
    assert.deepEqual(Buffer.from(contents.structures.body(content)), meta.body)
    assert.deepEqual(Buffer.from(contents.structures.bodyStructure(content)), meta.bodyStructure)
    assert.deepEqual(contents.structures.root(content), meta.root)
    assert.deepEqual(Buffer.from(contents.header(content)), meta.header)
    assert.equal(contents.preview(content), meta.preview)
    assert.deepEqual([contents.words.header(content), contents.sentDay(content)], [meta.headerText, meta.sentDay])
    assert.deepEqual(contents.words.body(content), { text: meta.bodyText, complete: true })
    const { sentAt, sentDay, subject, baseSubject, messageId, references } = meta
    assert.deepEqual(contents.summary(content), { sentAt, sentDay, subject, baseSubject, messageId, references })
    assert.deepEqual(bytesOf(store, content), bytes)
    if (store.usage().messages < 2) put(store, "Sent")
  }
  store.contents.unlinked([2, 3, 4])
  while (store.contents.clear());
})

const bodies: [what: string, bytes: Buffer][] = [
  ["nothing at all", Buffer.alloc(0)],
  ["a header without a body", Buffer.from("Subject: x\r\n\r\n")],
  ["a body without a header", Buffer.from("\r\n\r\nhello\0\xff\r bare\n", "latin1")],
  ["exactly one piece", randomBytes(pieceBytes)],
  ["one octet more than a piece", randomBytes(pieceBytes + 1)],
  ["a header of more than a piece", Buffer.from(`X: ${"y".repeat(pieceBytes)}\r\n\r\nhello\r\n`)],
  [
    "a header, and a body of two pieces",
    Buffer.concat([Buffer.from("Subject: x\r\n\r\n"), randomBytes(2 * pieceBytes)]),
  ],
  ["text that compresses well", Buffer.from(`Subject: x\r\n\r\n${"all work and no play\r\n".repeat(30_000)}`)],
]
for (const [what, bytes] of bodies) {
  test(`octets are exact: ${what}`, (t) => {
    const { store } = house(t)
    const message = mailOf(bytes)
    const uid = put(store, "INBOX", message)
    const whole = store.messages.one(id(store, "INBOX"), uid)?.content ?? 0
    for (const content of [whole, stream(store, message, 70_001)]) {
      assert.ok(bytesOf(store, content).equals(bytes))
      assert.ok(Buffer.from(store.contents.header(content)).equals(message.meta.header))
      for (const [offset, length] of [
        [0, 10],
        [5, 0],
        [pieceBytes - 3, 6],
        [bytes.length - 1, 50],
        [bytes.length, 1],
        [13, pieceBytes],
      ] as const) {
        if (offset < 0) continue
        assert.ok(
          bytesOf(store, content, offset, length).equals(bytes.subarray(offset, offset + length)),
          `${offset}+${length}`,
        )
      }
      assert.equal(store.contents.words.body(content).text, message.meta.bodyText)
      assert.equal(store.contents.words.header(content), message.meta.headerText)
    }
  })
}

test("30 MB arrive in chunks and leave in pieces, in flat memory", (t) => {
  const { store } = house(t)
  const chunk = randomBytes(65_536)
  const chunks = 480
  const sent = createHash("sha256")
  const writer = store.contents.begin()
  global.gc?.()
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  for (let index = 0; index < chunks; index++) {
    chunk.writeUInt32BE(index)
    sent.update(chunk)
    writer.push(chunk)
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  const { meta } = mail("large", "", { size: writer.size, header: new Uint8Array(0) })
  const content = writer.finish(meta)
  store.messages.add(id(store, "INBOX"), content, plainly)
  const received = createHash("sha256")
  for (const piece of store.contents.read(content, 0, writer.size)) {
    assert.ok(piece.length <= pieceBytes)
    received.update(piece)
  }
  assert.equal(received.digest("hex"), sent.digest("hex"))
  assert.equal(store.usage().bytes, chunks * chunk.length)
})

test("real messages come back byte for byte", (t) => {
  const { store, reopen } = house(t)
  const messages = corpus(100)
  const uids = store.transaction(() => messages.map((message) => put(store, "INBOX", message)))
  const again = reopen()
  for (const [index, uid] of uids.entries()) {
    const content = again.messages.one(id(again, "INBOX"), uid)?.content ?? 0
    assert.ok(bytesOf(again, content).equals(messages[index]?.bytes ?? Buffer.alloc(0)))
  }
})

test("a content that is discarded, or never linked, goes away", (t) => {
  const { store, reopen } = house(t)
  const discarded = store.contents.begin()
  discarded.push(randomBytes(600_000))
  discarded.discard()
  discarded.discard()
  assert.throws(() => discarded.push(Buffer.from("x")), /discarded/)
  const finished = store.contents.begin()
  const { bytes, meta } = mail("finished")
  finished.push(bytes)
  const unlinked = finished.finish(meta)
  finished.discard() // after finish, when linking was refused
  while (store.contents.clear());
  assert.throws(() => store.contents.envelope(unlinked), faulty("no-such-message"))
  const cutOff = store.contents.begin()
  cutOff.push(randomBytes(600_000))
  const again = reopen()
  while (again.tidy());
  for (const content of [1, 2, 3])
    assert.throws(() => [...again.contents.read(content, 0, 10)], faulty("no-such-message"))
})

test("discard after the message was added does nothing", (t) => {
  const { store } = house(t)
  const writer = store.contents.begin()
  const message = mailOf(Buffer.concat([Buffer.from("Subject: x\r\n\r\n"), randomBytes(500_000)]))
  writer.push(message.bytes)
  const content = store.transaction(() => {
    const finished = writer.finish(message.meta)
    store.messages.add(id(store, "INBOX"), finished, plainly)
    return finished
  })
  writer.discard()
  assert.ok(bytesOf(store, content).equals(message.bytes))
})

test("a stream is refused where it goes over the quota, or over what IMAP can say", (t) => {
  const { store } = house(t, { quotaBytes: 300_000 })
  const writer = store.contents.begin()
  writer.push(randomBytes(290_000))
  assert.throws(() => writer.push(randomBytes(20_000)), faulty("over-quota"))
  writer.discard()
  const large = house(t).store.contents.begin()
  assert.throws(() => large.push({ length: 2 ** 31 } as Uint8Array), faulty("too-big"))
})

test("a reader whose message is expunged meanwhile is told so", (t) => {
  const { store } = house(t)
  put(store, "INBOX", mailOf(randomBytes(600_000)), { flags: 8 })
  const content = store.messages.one(id(store, "INBOX"), 1)?.content ?? 0
  const pieces = store.contents.read(content, 0, 600_000)
  assert.ok(!pieces.next().done)
  store.messages.expunge(id(store, "INBOX"), null)
  while (store.contents.clear());
  assert.throws(() => pieces.next(), faulty("no-such-message"))
})

test("a large content is removed in slices, what describes it first; it cannot be read any more", async (t) => {
  const { store, path, key } = house(t)
  put(store, "INBOX", mailOf(randomBytes(4_000_000), { bodyText: "" }), { flags: 8 })
  const content = store.messages.one(id(store, "INBOX"), 1)?.content ?? 0
  store.messages.expunge(id(store, "INBOX"), null)
  let slices = 0
  for (; store.contents.clear(); slices++) {
    assert.deepEqual(store.check(), [])
    await assert.rejects(
      store.contents.holding(content, () => assert.fail("it is gone")),
      faulty("no-such-message"),
    )
  }
  assert.ok(slices > 3, String(slices))
  closeSound(store)
  const db = openKeyed(path, key, "sqlcipher")
  assert.equal(db.prepare("SELECT index_gone FROM account").pluck().get(), 1, "it left the index once")
  db.close()
})

test("a content that is held is there until the last reader has done", async (t) => {
  const { store } = house(t)
  const bytes = randomBytes(600_000)
  put(store, "INBOX", mailOf(bytes), { flags: 8 })
  const content = store.messages.one(id(store, "INBOX"), 1)?.content ?? 0
  const others = Promise.withResolvers<void>()
  const first = store.contents.holding(content, async () => {
    await store.contents.holding(content, async () => void store.messages.expunge(id(store, "INBOX"), null))
    while (store.contents.clear());
    assert.ok(bytesOf(store, content).equals(bytes))
    await others.promise
    assert.ok(bytesOf(store, content).equals(bytes))
  })
  others.resolve()
  await first
  await assert.rejects(
    store.contents.holding(content, () => assert.fail("it is gone")),
    faulty("no-such-message"),
  )
  while (store.contents.clear());
  assert.throws(() => bytesOf(store, content), faulty("no-such-message"))
})

test("what is expunged while it is read counts against quota until it was read", async (t) => {
  const { bytes, meta } = mail("hello", "x".repeat(1000))
  const { store } = house(t, { quotaBytes: bytes.length + 100 })
  put(store, "INBOX", { bytes, meta }, { flags: 8 })
  const content = store.messages.one(id(store, "INBOX"), 1)?.content ?? 0
  await store.contents.holding(content, async () => {
    store.messages.expunge(id(store, "INBOX"), null)
    assert.throws(() => put(store, "INBOX", { bytes, meta }), faulty("over-quota"))
    store.contents.unlinked([content])
  })
  put(store, "INBOX", { bytes, meta })
})

test("a content that was held when the store was closed goes after the next open", async (t) => {
  const { store, reopen } = house(t)
  put(store, "INBOX", "hello", { flags: 8 })
  const content = store.messages.one(id(store, "INBOX"), 1)?.content ?? 0
  const forever = new Promise<void>(() => {})
  void store.contents.holding(content, () => forever)
  store.messages.expunge(id(store, "INBOX"), null)
  assert.ok(bytesOf(store, content).length > 0)
  const again = reopen()
  const { bytes, meta } = mail("arriving", "x".repeat(300_000))
  const arriving = again.contents.begin()
  arriving.push(bytes)
  while (again.tidy());
  assert.throws(() => bytesOf(again, content), faulty("no-such-message"))
  const finished = arriving.finish(meta)
  assert.ok(bytesOf(again, finished).equals(bytes), "what began to arrive since is not what a crash left")
})

const searched: [text: string, found: boolean | null][] = [
  ["grosse", true],
  ["GRÖSSE", true],
  ["größe des", true],
  ['"quoted" (x)', true],
  ["tab\there", true],
  ["日本語", true],
  ["本語", null],
  ["xy", null],
  ["", null],
  ["absent", false],
  ["subject: find", true],
]
for (const [text, found] of searched) {
  test(`the index about ${JSON.stringify(text)}: ${found === null ? "cannot say" : found}`, (t) => {
    const { store } = house(t)
    put(
      store,
      "INBOX",
      mail("find", 'Die Größe des "quoted" (x) tab\there', {
        bodyText: 'Die Größe des "quoted" (x) tab\there 日本語 \0 after',
      }),
    )
    put(store, "Sent", "other mailbox grosse")
    assert.equal(store.contents.words.mayContain(text)?.has(1) ?? null, found)
  })
}

test("a content whose text was cut, or is too long for the index, is always a candidate", (t) => {
  const { store } = house(t)
  put(store, "INBOX", mail("cut", "", { bodyText: "some", bodyTextComplete: false }))
  put(store, "INBOX", mail("long", "", { bodyText: "words ".repeat(40_000) }))
  put(store, "INBOX", mail("short", "", { bodyText: "words" }))
  const candidates = store.contents.words.mayContain("absent")
  assert.deepEqual([candidates?.has(1), candidates?.has(2), candidates?.has(3)], [true, true, false])
})

test("any substring of any text finds it", (t) => {
  const { store } = house(t)
  const inbox = id(store, "INBOX")
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({ unit: "binary", maxLength: 40 }),
  )
  fc.assert(
    fc.property(text, text, fc.nat(), fc.nat(30), (headerText, bodyText, at, length) => {
      const uid = put(store, "INBOX", mail("x", "", { headerText, bodyText }))
      const content = store.messages.one(inbox, uid)?.content ?? 0
      const whole = foldForSearch(`${headerText}\n${bodyText}`)
      const start = at % (whole.length + 1)
      const found = store.contents.words.mayContain(whole.slice(start, start + length))
      return found === null || found.has(content)
    }),
    { numRuns: 150 },
  )
})

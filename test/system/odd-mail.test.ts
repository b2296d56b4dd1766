import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import test from "node:test"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"
import { forgetPeak, memoryOf } from "../harness/memory.ts"
import { readValue, type Value } from "../imap/wire-reader.ts"

const password = "correct horse battery"

/** Mail as it must not be and as it comes: octet by octet what is kept and given back. */
const odd: Record<string, Buffer> = {
  "bare LF": latin1("Subject: bare\nTo: a@b.example\n\nfirst\nsecond\n\n.\n..\nlast\r\n"),
  "bare LF, then CRLF": latin1("Subject: mixed\nFrom: a@b.example\r\n\nbody\r\nbody\nbody\r\n"),
  "lone CR": latin1("Subject: lone\rTo: hidden@b.example\r\n\r\none\rtwo\r\rthree\r\n\r"),
  "8-bit headers": latin1(
    'Subject: Gr\xfc\xdfe \xff\r\nFrom: "J\xf6rg" <j\xf6rg@b\xfccher.example>\r\n\r\n\x80\xfe\xff\r\n',
  ),
  "UTF-8 headers": Buffer.from("Subject: 日本語 🐎\r\nTo: jörg@bücher.example\r\nTo\u00a0X: y\r\n\r\nüöä\r\n"),
  NUL: latin1('Subject: a\0b\r\nFrom: \0@\0\r\nContent-Type: text/plain; name="\0"\r\n\r\n\0\0one\0\r\n'),
  "no headers, only an empty line": latin1("\r\nnothing but a body\r\n"),
  "no headers at all": latin1("just some words\r\nand some more\r\n"),
  "no body": latin1("Subject: no body\r\nFrom: a@b.example\r\n"),
  "no body, last line not ended": latin1("Subject: no body\r\nFrom: a@b.example"),
  "empty body": latin1("Subject: empty\r\n\r\n"),
  "only CRLF": latin1("\r\n"),
  "one octet": latin1("x"),
  "only a dot": latin1(".\r\n"),
  'first line "From "': latin1("From alice@example.org Sat Jan  3 01:05:34 1996\r\nSubject: mbox\r\n\r\nFrom here\r\n"),
  'first line ">From "': latin1(">From alice@example.org Sat Jan  3 01:05:34 1996\r\nSubject: mbox\r\n\r\n>From\r\n"),
  "leading dots": latin1(".Subject: dots\r\nX: y\r\n\r\n.\r\n..\r\n...\r\n.a\r\n\n.\n\n..\r.\r\n \r\n.\r\n"),
  "field without a colon, and without a name": latin1(
    "Subject: a\r\nnonsense\r\n: b\r\nTo: c@d.example\r\n\r\nbody\r\n",
  ),
  "quotes and parentheses never closed": latin1(
    'From: "open (comment <a@b\r\nTo: (((((\r\nCc: <<<>>>,,,;;;:\r\n\r\nx\r\n',
  ),
  "multipart without a boundary": latin1("Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n--x--\r\n"),
  "multipart never closed": latin1('Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\none\r\n--b\r\nX: y'),
  "boundary in a part's header": latin1(
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n--b\r\n\r\nx\r\n--b--\r\n",
  ),
  "octets of all kinds": Buffer.concat([latin1("Content-Transfer-Encoding: binary\r\n\r\n"), everyOctet(256)]),
  "a line of 1,000,000 octets": latin1(`Subject: long\r\n\r\n${"x".repeat(1_000_000)}\r\n`),
  "a field of 300,000 octets": latin1(`Subject: ${"s".repeat(300_000)}\r\n\r\nx\r\n`),
  "10,000 recipients": latin1(`To: ${"A B <a@b.example>, ".repeat(10_000)}\r\n\r\nx\r\n`),
  "10,000 parameters": latin1(`Content-Type: text/plain${'; a="b"'.repeat(10_000)}\r\n\r\nx\r\n`),
  "100,000 header lines": latin1(`${"X-Filler: some value\r\n".repeat(100_000)}Subject: last\r\n\r\nx\r\n`),
  "a field of 100,000 lines": latin1(`Subject: a\r\n${" b\r\n".repeat(100_000)}\r\nx\r\n`),
  "1,000 levels of multipart": nested(1000),
  "1,000 levels of message/rfc822": latin1(
    `${"Content-Type: message/rfc822\r\n\r\n".repeat(1000)}Subject: deepest\r\n\r\nx\r\n`,
  ),
  "20,000 parts": latin1(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(20_000)}--b--\r\n`,
  ),
}

test("odd mail is given back octet for octet, and described in a form that clients can read", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })

  await t.test("as LMTP delivered it while the user was away", async () => {
    const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
    for (const [what, octets] of Object.entries(odd))
      assert.match((await mta.deliver(octets, ["alice@localhost"]))[0] ?? "", /^250 /, what)
    mta.close()
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0)
    await client.command("SELECT INBOX")
    // LMTP cannot carry a message whose last line is not ended (RFC 5321 §4.1.1.4).
    for (const [uid, [what, octets]] of numbered(odd))
      await examine(client, uid, what, octets.subarray(-2).equals(latin1("\r\n")) ? octets : crlfEnded(octets))
    client.close()
  })

  await t.test("as APPEND brought it", async () => {
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    await client.command("CREATE Odd")
    for (const [what, octets] of Object.entries(odd))
      assert.match((await client.command(`APPEND Odd {${octets.length}}`, octets)).status, /^OK \[APPENDUID/, what)
    await client.command("SELECT Odd")
    for (const [uid, [what, octets]] of numbered(odd)) await examine(client, uid, what, octets)
    client.close()
  })

  await t.test("as APPEND brought it in a literal that does not wait (LITERAL-)", async () => {
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    const small = Object.fromEntries(Object.entries(odd).filter(([, octets]) => octets.length <= 4096))
    await client.command("CREATE Small")
    for (const [what, octets] of Object.entries(small)) {
      client.write(`a APPEND Small {${octets.length}+}\r\n`)
      client.write(octets)
      client.write("\r\n")
      assert.match((await client.until("a")).status, /^OK \[APPENDUID/, what)
    }
    await client.command("SELECT Small")
    for (const [uid, [what, octets]] of numbered(small)) await examine(client, uid, what, octets)

    const tooBig = latin1(`Subject: a\r\n\r\n${"x".repeat(5000)}`)
    client.write(`b APPEND Small {${tooBig.length}+}\r\n`)
    client.write(tooBig)
    client.write("\r\n")
    assert.match((await client.until("b")).status, /^BAD \[TOOBIG\]/)
    assert.match((await client.command("NOOP")).status, /^OK/)
    client.close()
  })
})

test("an attachment of 30 MB passes through the worker without staying in its memory", async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const large = withAttachment(30_000_000)
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  assert.match((await mta.deliver(latin1("Subject: first\r\n\r\n"), ["alice@localhost"]))[0] ?? "", /^250 /)
  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  await client.command("SELECT INBOX")
  const worker = (await mailkeep.workerPid("alice")) ?? 0
  const before = memoryOf(worker).now
  const watch = async (what: string, work: () => Promise<void>) => {
    forgetPeak(worker)
    await work()
    const { peak } = memoryOf(worker)
    t.diagnostic(`${what}: ${before.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB at most`)
    // The two messages of a FETCH, as octets and as text, would be over 200 MiB more; 50 MB show the same peak as 30.
    assert.ok(peak < before + 120, `${what}: ${before} MiB before, ${peak} MiB at most`)
  }
  await watch("flush", async () => {
    assert.match((await mta.deliver(large, ["alice@localhost"]))[0] ?? "", /^250 /)
    await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0)
    assert.ok((await client.command("NOOP")).untagged.includes("* 2 EXISTS"))
  })
  await watch("APPEND", async () => {
    assert.match((await client.command(`APPEND INBOX {${large.length}}`, large)).status, /^OK \[APPENDUID/)
  })
  await watch("FETCH", async () => {
    for (const uid of [2, 3]) {
      const { untagged } = await client.command(`UID FETCH ${uid} (RFC822.SIZE BODY.PEEK[])`)
      assert.match(untagged[0] ?? "", new RegExp(`RFC822\\.SIZE ${large.length} BODY\\[\\] \\{${large.length}\\}`))
      assert.ok(literalOf(untagged[0] ?? "").equals(large))
    }
  })
  await watch("partial FETCH", async () => {
    for (const at of [0, 1, 262_143, 262_144, 15_000_000, large.length - 10])
      assert.ok((await octets(client, 2, `BODY.PEEK[]<${at}.70000>`)).equals(large.subarray(at, at + 70_000)), `${at}`)
    assert.equal((await octets(client, 2, "BODY.PEEK[2]<1000000.50>")).length, 50)
  })
  await watch("SEARCH", async () => {
    assert.deepEqual((await client.command("SEARCH BODY attached")).untagged, ["* SEARCH 2 3"])
  })
  const described = await value(client, 2, "BODYSTRUCTURE")
  assert.deepEqual(structureFaults(described), [])
  client.close()
  mta.close()
})

/** Everything that a client can ask about one message, against its octets. */
async function examine(client: ImapClient, uid: number, what: string, expected: Buffer): Promise<void> {
  const { untagged } = await client.command(`UID FETCH ${uid} (RFC822.SIZE)`)
  assert.deepEqual(untagged, [`* ${uid} FETCH (UID ${uid} RFC822.SIZE ${expected.length})`], what)
  assert.ok((await octets(client, uid, "BODY.PEEK[]")).equals(expected), `${what}: BODY[]`)
  const parts = [await octets(client, uid, "BODY.PEEK[HEADER]"), await octets(client, uid, "BODY.PEEK[TEXT]")]
  assert.ok(Buffer.concat(parts).equals(expected), `${what}: HEADER and TEXT`)
  for (const [at, length] of ranges(expected.length)) {
    const partial = await octets(client, uid, `BODY.PEEK[]<${at}.${length}>`)
    assert.ok(partial.equals(expected.subarray(at, at + length)), `${what}: <${at}.${length}>`)
  }
  assert.deepEqual(envelopeFaults(await value(client, uid, "ENVELOPE")), [], what)
  assert.deepEqual(structureFaults(await value(client, uid, "BODY"), false), [], what)
  const structure = await value(client, uid, "BODYSTRUCTURE")
  assert.deepEqual(structureFaults(structure), [], what)
  for (const { numbers, size } of leavesOf(structure).slice(0, 5))
    assert.equal((await octets(client, uid, `BODY.PEEK[${numbers}]`)).length, size, `${what}: part ${numbers}`)
}

function ranges(size: number): [number, number][] {
  return [
    [0, 1],
    [1, 70_000],
    [Math.floor(size / 2), 100],
    [Math.max(0, size - 1), 10],
    [size, 10],
    [size + 1000, 1],
  ]
}

async function octets(client: ImapClient, uid: number, item: string): Promise<Buffer> {
  const { untagged } = await client.command(`UID FETCH ${uid} ${item}`)
  assert.equal(untagged.length, 1, item)
  const [answer = ""] = untagged
  return / ""\)$/.test(answer) ? Buffer.alloc(0) : literalOf(answer)
}

async function value(client: ImapClient, uid: number, item: string): Promise<Value> {
  const { untagged } = await client.command(`UID FETCH ${uid} ${item}`)
  const prefix = `* ${uid} FETCH (UID ${uid} ${item} `
  const [answer = ""] = untagged
  assert.ok(answer.startsWith(prefix) && answer.endsWith(")"), answer.slice(0, 100))
  return readValue(latin1(answer.slice(prefix.length, -1)))
}

const isText = (given: Value | undefined) => given === null || typeof given === "string"

/** RFC 3501 §7.4.2: ten fields; the addresses are NIL or lists of four. */
function envelopeFaults(given: Value): string[] {
  if (!Array.isArray(given) || given.length !== 10) return ["not ten fields"]
  const texts = [0, 1, 8, 9].filter((at) => !isText(given[at])).map((at) => `field ${at} is no text`)
  const lists = [2, 3, 4, 5, 6, 7].filter((at) => !isAddressList(given[at] ?? null)).map((at) => `field ${at}`)
  return [...texts, ...lists]
}

function isAddressList(given: Value): boolean {
  if (given === null) return true
  return Array.isArray(given) && given.length > 0 && given.every((one) => Array.isArray(one) && isAddress(one))
}

function isAddress(given: Value[]): boolean {
  return given.length === 4 && given.every(isText)
}

/** RFC 3501 §9, body: what is wrong with it, and where. */
function structureFaults(given: Value, extended = true, where = "body"): string[] {
  if (!Array.isArray(given)) return [`${where} is no list`]
  const children = given.findIndex((each) => !Array.isArray(each))
  if (children > 0) {
    const [subtype, ...more] = given.slice(children)
    const faults = given.slice(0, children).flatMap((one, at) => structureFaults(one, extended, `${where}.${at + 1}`))
    if (typeof subtype !== "string") faults.push(`${where}: no subtype`)
    return faults.concat(extended ? extensionFaults(more, where) : more.length > 0 ? [`${where}: extended`] : [])
  }
  const [type, subtype, parameters = null, id, description, encoding, size, ...rest] = given
  const faults: string[] = []
  if (typeof type !== "string" || typeof subtype !== "string") faults.push(`${where}: type`)
  if (!isParameters(parameters)) faults.push(`${where}: parameters`)
  if (!isText(id) || !isText(description) || typeof encoding !== "string") faults.push(`${where}: fields`)
  if (typeof size !== "number") faults.push(`${where}: size`)
  const media = `${String(type)}/${String(subtype)}`.toLowerCase()
  if (media === "message/rfc822") {
    const [envelope = null, body = null] = rest.splice(0, 2)
    faults.push(...envelopeFaults(envelope), ...structureFaults(body, extended, `${where}.message`))
  }
  if (media === "message/rfc822" || media.startsWith("text/"))
    if (typeof rest.shift() !== "number") faults.push(`${where}: lines`)
  if (!extended) return rest.length === 0 ? faults : [...faults, `${where}: extended`]
  if (!isText(rest.shift())) faults.push(`${where}: md5`)
  return faults.concat(extensionFaults([[], ...rest], where))
}

/** Parameters (of a multipart), disposition, language, location. */
function extensionFaults(
  [parameters = null, disposition = null, language, location]: Value[],
  where: string,
): string[] {
  const faults: string[] = []
  if (!(Array.isArray(parameters) && parameters.length === 0) && !isParameters(parameters)) faults.push("parameters")
  if (disposition !== null && !(Array.isArray(disposition) && isParameters(disposition[1] ?? null)))
    faults.push("disposition")
  if (!isText(language) && !(Array.isArray(language) && language.every(isText))) faults.push("language")
  if (!isText(location)) faults.push("location")
  return faults.map((fault) => `${where}: ${fault}`)
}

function isParameters(given: Value): boolean {
  if (given === null) return true
  return (
    Array.isArray(given) && given.length > 0 && given.length % 2 === 0 && given.every((one) => typeof one === "string")
  )
}

/** The parts that have octets of their own, with their section numbers. */
function leavesOf(given: Value, numbers: number[] = []): { numbers: string; size: number }[] {
  if (!Array.isArray(given)) return []
  const children = given.findIndex((each) => !Array.isArray(each))
  if (children > 0) return given.slice(0, children).flatMap((one, at) => leavesOf(one, [...numbers, at + 1]))
  return [{ numbers: (numbers.length === 0 ? [1] : numbers).join("."), size: Number(given[6]) }]
}

function numbered(mail: Record<string, Buffer>): [uid: number, [what: string, octets: Buffer]][] {
  return Object.entries(mail).map((entry, index) => [index + 1, entry])
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1")
}

function crlfEnded(octets: Buffer): Buffer {
  return Buffer.concat([octets, latin1("\r\n")])
}

function everyOctet(times: number): Buffer {
  return Buffer.from(Array.from({ length: 256 * times }, (_, at) => (at + Math.floor(at / 256)) % 256))
}

function nested(levels: number): Buffer {
  const open = (level: number) => `Content-Type: multipart/mixed; boundary="level-${level}"\r\n\r\n--level-${level}\r\n`
  const close = (level: number) => `\r\n--level-${level}--\r\n`
  const all = Array.from({ length: levels }, (_, level) => level)
  return latin1(`${all.map(open).join("")}\r\ninnermost\r\n${all.reverse().map(close).join("")}`)
}

function withAttachment(size: number): Buffer {
  const data = randomBytes(Math.floor((size / 78) * 57))
    .toString("base64")
    .replace(/.{76}/g, "$&\r\n")
  return latin1(
    [
      'Subject: large\r\nContent-Type: multipart/mixed; boundary="x"\r\n',
      "--x\r\nContent-Type: text/plain\r\n\r\nSee what is attached.\r\n--x",
      `Content-Type: application/octet-stream; name="a.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n${data}`,
      "--x--\r\n",
    ].join("\r\n"),
  )
}

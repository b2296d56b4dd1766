import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type Client, type House, house, plainClient, tlsClient } from "./harness.ts"

const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64")
const plain = base64("\0ann\0tr0ub4dor")
const capabilities = "IMAP4rev1 IMAP4rev2 LITERAL- ID SASL-IR ENABLE IDLE AUTH=PLAIN AUTH=LOGIN"
const plainCapabilities = "IMAP4rev1 IMAP4rev2 LITERAL- ID SASL-IR ENABLE IDLE STARTTLS AUTH=PLAIN AUTH=LOGIN"

/** A `...` stands for any text. "C~" lines have no CRLF added. */
type Conversation = { what: string; tls?: boolean; lines: string[] }

const conversations: Conversation[] = [
  {
    what: "greeting, CAPABILITY, NOOP, ID, LOGOUT",
    tls: true,
    lines: [
      `S: * OK [CAPABILITY ${capabilities}] localhost ready`,
      "C: a1 CAPABILITY",
      `S: * CAPABILITY ${capabilities}`,
      "S: a1 OK ...",
      "C: a2 noop",
      "S: a2 OK ...",
      'C: a3 ID ("name" "K-9 Mail" "version" NIL)',
      'S: * ID ("name" "mailkeep")',
      "S: a3 OK ...",
      "C: a4 ID NIL",
      'S: * ID ("name" "mailkeep")',
      "S: a4 OK ...",
      "C: a5 LOGOUT",
      "S: * BYE ...",
      "S: a5 OK ...",
      "S: (end)",
    ],
  },
  {
    what: "LOGIN with atoms; the worker has the stream",
    lines: [
      `S: * OK [CAPABILITY ${plainCapabilities}] localhost ready`,
      "C: a1 LOGIN ann tr0ub4dor",
      "S: a1 OK Logged in",
      "C: a2 SELECT INBOX",
      "S: a2 SELECT INBOX",
    ],
  },
  {
    what: "LOGIN with quoted strings and escapes, refused and then right",
    tls: true,
    lines: [
      "S: * OK ...",
      String.raw`C: a1 LOGIN "ann" "tr0ub\"4\\dor"`,
      "S: a1 NO [AUTHENTICATIONFAILED] Authentication failed",
      'C: a2 LOGIN "ann" "tr0ub4dor"',
      "S: a2 OK Logged in",
    ],
  },
  {
    what: "LOGIN with synchronising literals",
    lines: ["S: * OK ...", "C: a1 LOGIN {3}", "S: + OK", "C: ann {9}", "S: + OK", "C: tr0ub4dor", "S: a1 OK Logged in"],
  },
  {
    what: "LOGIN with non-synchronising literals (RFC 7888) and pipelined commands",
    tls: true,
    lines: [
      "S: * OK ...",
      "C: a1 LOGIN {3+}\r\nann {9+}\r\ntr0ub4dor\r\na2 NOOP\r\na3 IDLE",
      "S: a1 OK Logged in",
      "S: a2 NOOP",
      "S: a3 IDLE",
    ],
  },
  {
    what: "AUTHENTICATE PLAIN",
    tls: true,
    lines: ["S: * OK ...", "C: a1 AUTHENTICATE PLAIN", "S: + ", `C: ${plain}`, "S: a1 OK Logged in"],
  },
  {
    what: "AUTHENTICATE PLAIN with an initial response (RFC 4959), and with the same authorization identity",
    tls: true,
    lines: [
      "S: * OK ...",
      `C: a1 authenticate plain ${base64("\0ann\0wrong")}`,
      "S: a1 NO [AUTHENTICATIONFAILED] Authentication failed",
      `C: a2 AUTHENTICATE PLAIN ${base64("bob\0ann\0tr0ub4dor")}`,
      "S: a2 NO [AUTHENTICATIONFAILED] Authentication failed",
      `C: a3 AUTHENTICATE PLAIN ${base64("ann\0ann\0tr0ub4dor")}`,
      "S: a3 OK Logged in",
    ],
  },
  {
    what: "AUTHENTICATE with an empty initial response, cancelled, and not base64",
    tls: true,
    lines: [
      "S: * OK ...",
      "C: a1 AUTHENTICATE PLAIN =",
      "S: a1 NO [AUTHENTICATIONFAILED] Authentication failed",
      "C: a2 AUTHENTICATE PLAIN",
      "S: + ",
      "C: *",
      "S: a2 BAD Authentication cancelled",
      "C: a3 AUTHENTICATE PLAIN",
      "S: + ",
      "C: AGFu bg==",
      "S: a3 BAD ...",
      "S: * BYE Too many bad commands",
      "S: (end)",
    ],
  },
  {
    what: "AUTHENTICATE LOGIN",
    tls: true,
    lines: [
      "S: * OK ...",
      "C: a1 AUTHENTICATE LOGIN",
      "S: + VXNlcm5hbWU6",
      `C: ${base64("ann")}`,
      "S: + UGFzc3dvcmQ6",
      `C: ${base64("tr0ub4dor")}`,
      "S: a1 OK Logged in",
    ],
  },
  {
    what: "AUTHENTICATE LOGIN with the name at once",
    tls: true,
    lines: [
      "S: * OK ...",
      `C: a1 AUTHENTICATE LOGIN ${base64("ann")}`,
      "S: + UGFzc3dvcmQ6",
      `C: ${base64("tr0ub4dor")}`,
      "S: a1 OK Logged in",
    ],
  },
  {
    what: "commands of other states and unknown mechanisms, until it is enough",
    tls: true,
    lines: [
      "S: * OK ...",
      "C: a1 SELECT INBOX",
      "S: a1 BAD ...",
      "C: a2 AUTHENTICATE GSSAPI",
      "S: a2 NO Unsupported authentication mechanism",
      "C: a3 STARTTLS",
      "S: a3 BAD TLS is on already",
      "S: * BYE Too many bad commands",
      "S: (end)",
    ],
  },
  {
    what: "a good command in between, and the patience begins anew",
    tls: true,
    lines: [
      "S: * OK ...",
      "C: a1 SELECT INBOX",
      "S: a1 BAD ...",
      "C: a2 NOOP x",
      "S: a2 BAD ...",
      "C: a3 NOOP",
      "S: a3 OK ...",
      "C: a4 IDLE",
      "S: a4 BAD ...",
      "C: DONE",
      "S: DONE BAD ...",
      "C: a5 CAPABILITY",
      `S: * CAPABILITY ${capabilities}`,
      "S: a5 OK ...",
      "C: a6 LOGIN ann tr0ub4dor",
      "S: a6 OK Logged in",
    ],
  },
  {
    what: "noise is answered without repeating it",
    lines: [
      "S: * OK ...",
      "C: gets / HTTP/1.1",
      "S: gets BAD Expected command name at byte 5",
      "C: ",
      "S: * BAD ...",
      "C: a1 LOGIN ann",
      "S: a1 BAD ...",
      "S: * BYE ...",
      "S: (end)",
    ],
  },
  {
    what: "a literal that is too large is refused before it is sent",
    lines: ["S: * OK ...", "C: a1 LOGIN ann {5000}", "S: a1 BAD [TOOBIG] ...", "C: a2 NOOP", "S: a2 OK ..."],
  },
  {
    what: "a literal of a command that is not for this state is refused before it is sent",
    lines: [
      "S: * OK ...",
      "C: a1 APPEND INBOX {5}",
      "S: a1 BAD ...",
      "C: a2 FOO {3+}\r\nabc",
      "S: a2 BAD ...",
      "C: a3 ID ({4}",
      "S: + OK",
      'C: name "x")',
      'S: * ID ("name" "mailkeep")',
      "S: a3 OK ...",
    ],
  },
  {
    what: "a user name with NUL, one that is not UTF-8, and one that is too long are nobody's",
    tls: true,
    lines: [
      "S: * OK ...",
      `C: a1 AUTHENTICATE PLAIN ${base64("\0a\0b\0c")}`,
      "S: a1 NO [AUTHENTICATIONFAILED] Authentication failed",
      `C: a2 AUTHENTICATE PLAIN ${base64("\0\xff\xfe\0c")}`,
      "S: a2 NO [AUTHENTICATIONFAILED] Authentication failed",
      `C: a3 AUTHENTICATE PLAIN ${base64(`\0${"u".repeat(256)}\0c`)}`,
      "S: a3 NO [AUTHENTICATIONFAILED] Authentication failed",
      "S: * BYE ...",
      "S: (end)",
    ],
  },
]

function pattern(expected: string): RegExp {
  return new RegExp(
    `^${expected
      .split("...")
      .map((part) => part.replace(/[^\w\s]/g, "\\$&"))
      .join(".*")}$`,
  )
}

async function play(client: Client, lines: string[], bytewise: boolean): Promise<void> {
  for (const [index, step] of lines.entries()) {
    const text = step.slice(3)
    if (step.startsWith("C: ")) await client.send(`${text}\r\n`, bytewise)
    else if (text === "(end)") assert.equal(await client.line(), null, `line ${index}`)
    else assert.match((await client.line()) ?? "(end)", pattern(text), `line ${index}`)
  }
}

const clientOf = (t: TestContext, { port }: House, tls = false) =>
  tls ? tlsClient(t, port.imaps) : plainClient(t, port.imap)

test("conversations, whole and byte by byte", async (t) => {
  for (const { what, tls, lines } of conversations) {
    for (const bytewise of [false, true]) {
      await t.test(`${what}${bytewise ? ", byte by byte" : ""}`, async (t) => {
        const at = await house(t, { proxy: { max_bad_commands: 3 } })
        await play(await clientOf(t, at, tls), lines, bytewise)
      })
    }
  }
})

test("the daemon is asked without a secret, the worker is shown ticket, credential and facts", async (t) => {
  const at = await house(t)
  const client = await tlsClient(t, at.port.imaps)
  await client.line()
  await client.send('i ID ("name" "Mail" "os" "iOS" "secret-thing" "x")\r\na1 LOGIN "Ann@Example.org" "tr0ub4dor"\r\n')
  while ((await client.line()) !== "a1 OK Logged in");
  assert.deepEqual(at.asked, [{ user: "Ann@Example.org", remote: "127.0.0.1", protocol: "imap", tls: true }])
  const [preface] = at.prefaces
  assert.equal(Buffer.from(preface?.ticket ?? []).toString("hex"), "07".repeat(32))
  assert.equal(preface?.purpose, "imap")
  assert.deepEqual(preface?.facts, { remote: "127.0.0.1", tls: true, tag: "a1", client: { name: "Mail", os: "iOS" } })
  assert.doesNotMatch(at.logged.join("\n"), /tr0ub4dor/)
})

test("STARTTLS; ID is asked for again, and there is no second greeting", async (t) => {
  const at = await house(t)
  const first = await plainClient(t, at.port.imap)
  await play(
    first,
    ["S: * OK ...", 'C: a1 ID ("name" "x")', "S: * ID ...", "S: a1 OK ...", "C: a2 STARTTLS", "S: a2 OK Begin ..."],
    false,
  )
  const client = await tlsClient(t, 0, first.socket)
  await play(
    client,
    [
      "C: a3 CAPABILITY",
      `S: * CAPABILITY ${capabilities}`,
      "S: a3 OK ...",
      "C: a4 LOGIN ann tr0ub4dor",
      "S: a4 OK ...",
    ],
    true,
  )
  assert.deepEqual(at.prefaces[0]?.facts, { remote: "127.0.0.1", tls: true, tag: "a4", client: null })
})

test("what is sent in plaintext behind STARTTLS is never executed", async (t) => {
  const at = await house(t)
  const first = await plainClient(t, at.port.imap)
  await first.line()
  await first.send("a1 STARTTLS\r\na2 LOGIN ann tr0ub4dor\r\na3 NOOP\r\n")
  assert.match((await first.line()) ?? "", /^a1 OK/)
  const client = await tlsClient(t, 0, first.socket)
  await play(client, ["C: a4 NOOP", "S: a4 OK ..."], false)
  assert.deepEqual(at.asked, [])
})

test("passwords are not taken in plaintext from elsewhere", async (t) => {
  // The client's address comes from a PROXY header, so that it is not loopback.
  const from = { proxy_protocol_from: ["127.0.0.0/8"] }
  const at = await house(t, { proxy: from })
  const client = await plainClient(t, at.port.imap)
  await client.send("PROXY TCP4 192.0.2.9 192.0.2.1 5000 143\r\n")
  await play(
    client,
    [
      "S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- ID SASL-IR ENABLE IDLE STARTTLS LOGINDISABLED] ...",
      "C: a1 LOGIN ann tr0ub4dor",
      "S: a1 NO [PRIVACYREQUIRED] ...",
      `C: a2 AUTHENTICATE PLAIN ${plain}`,
      "S: a2 NO [PRIVACYREQUIRED] ...",
    ],
    false,
  )
  assert.deepEqual(at.asked, [])
  const allowed = await house(t, { proxy: { ...from, allow_plaintext_login: true } })
  const second = await plainClient(t, allowed.port.imap)
  await second.send("PROXY TCP4 192.0.2.9 192.0.2.1 5000 143\r\n")
  await play(
    second,
    [`S: * OK [CAPABILITY ${plainCapabilities}] ...`, "C: a1 LOGIN ann tr0ub4dor", "S: a1 OK ..."],
    false,
  )
})

test("lines and literals have limits, and the connection survives within its patience", async (t) => {
  const at = await house(t, { proxy: { max_line_bytes: 512, max_literal_bytes: 64, max_bad_commands: 10 } })
  const client = await plainClient(t, at.port.imap)
  await play(
    client,
    [
      "S: * OK ...",
      `C: a1 NOOP ${"x".repeat(600)}`,
      "S: a1 BAD [TOOBIG] ...",
      "C: a2 LOGIN ann {65}",
      "S: a2 BAD [TOOBIG] ...",
      `C: a3 LOGIN ann {65+}\r\n${"p".repeat(65)}`,
      "S: a3 BAD [TOOBIG] ...",
      "C: a4 LOGIN ann {99999999999999999999}",
      "S: a4 BAD ...",
      "C: a5 LOGIN a\0n x",
      "S: a5 BAD ...",
      "C: a6 AUTHENTICATE PLAIN",
      "S: + ",
      `C: ${"A".repeat(600)}`,
      "S: a6 BAD ...",
      "C: a7 NOOP",
      "S: a7 OK ...",
    ],
    false,
  )
})

test("endless input without a line end is cut off", async (t) => {
  const at = await house(t)
  const client = await plainClient(t, at.port.imap)
  await client.line()
  const block = Buffer.alloc(16_384, 0x61)
  const timer = setInterval(() => client.socket.writable && client.socket.write(block), 1)
  t.after(() => clearInterval(timer))
  assert.match((await client.line()) ?? "", /^\* BYE \[TOOBIG\]/)
  clearInterval(timer)
})

test("who does not log in in time is told, before a command and in the middle of one", async (t) => {
  const at = await house(t, { proxy: { login_timeout_s: 1 } })
  const idle = await plainClient(t, at.port.imap)
  const half = await tlsClient(t, at.port.imaps)
  await half.line()
  await half.send("a1 LOGIN ann {9}\r\n")
  assert.equal((await idle.rest()).at(-1), "* BYE [UNAVAILABLE] Too slow to log in")
  assert.equal((await half.rest()).at(-1), "* BYE [UNAVAILABLE] Too slow to log in")
})

test("a login that runs when the time is over may succeed; a refused one ends the connection", async (t) => {
  const slow = async (preface: { credential: Uint8Array }) => {
    await new Promise((resolve) => setTimeout(resolve, 1300))
    return preface.credential.length === 9
      ? ({ status: "ok" } as const)
      : ({ status: "refused", why: "credential" } as const)
  }
  const at = await house(t, { proxy: { login_timeout_s: 1 }, answer: slow })
  const good = await plainClient(t, at.port.imap)
  const bad = await plainClient(t, at.port.imap)
  await good.send("a1 LOGIN ann tr0ub4dor\r\n")
  await bad.send("a1 LOGIN ann no\r\n")
  await play(good, ["S: * OK ...", "S: a1 OK Logged in"], false)
  await play(bad, ["S: * OK ...", "S: a1 NO [AUTHENTICATIONFAILED] ...", "S: * BYE ...", "S: (end)"], false)
})

test("connections per address and in all are limited with a reason", async (t) => {
  const one = await house(t, { proxy: { max_connections_per_address: 1 } })
  const first = await plainClient(t, one.port.imap)
  await first.line()
  assert.deepEqual(await (await plainClient(t, one.port.imap)).rest(), [
    "* BYE [UNAVAILABLE] Too many connections from your address",
  ])
  assert.deepEqual(await (await tlsClient(t, one.port.imaps)).rest(), [
    "* BYE [UNAVAILABLE] Too many connections from your address",
  ])
  await first.send("a LOGOUT\r\n")
  await first.rest()
  first.socket.end()
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.match((await (await plainClient(t, one.port.imap)).line()) ?? "", /^\* OK/)
  const all = await house(t, { proxy: { max_connections: 1 } })
  await (await plainClient(t, all.port.imap)).line()
  assert.deepEqual(await (await plainClient(t, all.port.imap)).rest(), [
    "* BYE [UNAVAILABLE] Too many connections here",
  ])
})

test("a client that closes its half after the login still gets everything", async (t) => {
  const at = await house(t)
  const client = await plainClient(t, at.port.imap)
  client.socket.end("a1 LOGIN ann tr0ub4dor\r\na2 LOGOUT\r\n")
  assert.deepEqual((await client.rest()).slice(1), ["a1 OK Logged in", "a2 LOGOUT"])
})

test("closing the proxy says BYE to those before login", async (t) => {
  const at = await house(t)
  const client = await tlsClient(t, at.port.imaps)
  await client.line()
  await at.proxy.close()
  assert.deepEqual(await client.rest(), ["* BYE Server is going down"])
})

const foreign = [
  "GET / HTTP/1.1",
  "POST /a1/LOGIN HTTP/1.1",
  "PUT /x HTTP/1.1",
  "HEAD * HTTP/1.0",
  "PATCH /x HTTP/1.1",
  "DELETE http://x/ HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "CONNECT x:143 HTTP/1.1",
  "TRACE / HTTP/1.1",
  "PRI * HTTP/2.0",
  `POST /${"x".repeat(9000)} HTTP/1.1`,
  "POST",
  "EHLO [192.0.2.1]",
  "HELO mail.example.net",
  "ehlo x",
  "LHLO x",
  "MAIL FROM:<a@example.net>",
  "RCPT TO:<a@example.net>",
]

test("a client that opens with another protocol is sent away, and nothing behind its first line is read", async (t) => {
  const at = await house(t)
  for (const line of foreign) {
    await t.test(line.slice(0, 40), async (t) => {
      const client = await plainClient(t, at.port.imap)
      await client.send(`${line}\r\nHost: x\r\n\r\na1 LOGIN ann tr0ub4dor\r\n`)
      assert.deepEqual((await client.rest()).slice(1), ["* BYE This is IMAP, not HTTP or SMTP"])
    })
  }
  assert.deepEqual(at.asked, [])
})

test("a tag may be any word, and a later line as well", async (t) => {
  const at = await house(t)
  await play(
    await plainClient(t, at.port.imap),
    [
      "S: * OK ...",
      "C: GET NOOP",
      "S: GET OK ...",
      "C: POST /x HTTP/1.1",
      "S: POST BAD ...",
      "C: PUT LOGIN ann tr0ub4dor",
      "S: PUT OK ...",
    ],
    false,
  )
})

import assert from "node:assert/strict"
import { connect as connectPlain } from "node:net"
import test, { type TestContext } from "node:test"
import { connect as connectTls } from "node:tls"
import { ImapClient } from "../harness/imap-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"
import { memoryOf } from "../harness/memory.ts"

const password = "correct horse battery"

/**
 * What is sent, and what comes back: a pattern for each response in turn. "goes on": a NOOP is answered
 * afterwards; "closed": the server ends the connection.
 */
type Case = [what: string, sent: string, answers: RegExp[], after: "goes on" | "closed"]

const beforeLogin: Case[] = [
  ["a line of 20,000 octets", `a LOGIN alice "${"x".repeat(20_000)}"\r\n`, [/^a BAD \[TOOBIG\]/], "goes on"],
  ["a literal of 5,000 octets", "a LOGIN alice {5000}\r\n", [/^a BAD \[TOOBIG\]/], "goes on"],
  ["a literal of 5,000 octets, sent unasked", `a LOGIN {5000+}\r\n${"x".repeat(5000)} b\r\n`, [/^a BAD/], "goes on"],
  ["a literal of 10^30 octets", `a LOGIN alice {1${"0".repeat(30)}}\r\n`, [/^a BAD/], "goes on"],
  ["a literal of 10^19 octets, unasked", `a LOGIN alice {1${"0".repeat(19)}+}\r\n`, [/^\* BYE \[TOOBIG\]/], "closed"],
  ["a literal of 10^30 octets, unasked", `a LOGIN alice {1${"0".repeat(30)}+}\r\n`, [/^a BAD/], "goes on"],
  ["a literal of -1 octets", "a LOGIN alice {-1}\r\n", [/^a BAD/], "goes on"],
  ["NUL", "a LOGIN alice \0\r\n", [/^a BAD NUL/], "goes on"],
  ["NUL in a literal", "a LOGIN alice {3}\r\n\0\0\0\r\n", [/^\+/, /^a (BAD|NO)/], "goes on"],
  ["parentheses not closed", 'a ID ("name" "x"\r\n', [/^a BAD/], "goes on"],
  ["parentheses not opened", 'a ID "name" "x")\r\n', [/^a BAD/], "goes on"],
  ["10,000 nested parentheses", `a ID ${"(".repeat(10_000)}\r\n`, [/^a BAD/], "goes on"],
  ["5,000 nested parentheses", `a ID ${"(".repeat(5000)}${")".repeat(3000)}\r\n`, [/^a BAD/], "goes on"],
  ["no tag", " NOOP\r\n", [/^\* BAD/], "goes on"],
  ["an empty line", "\r\n", [/^\* BAD/], "goes on"],
  ["only line ends", "\r\n".repeat(20), [...Array<RegExp>(20).fill(/^\* BAD/), /^\* BYE Too many bad/], "closed"],
  ["base64 that is none", "a AUTHENTICATE PLAIN !!!!\r\n", [/^a BAD/], "goes on"],
  ["base64 that is too long", `a AUTHENTICATE PLAIN\r\n${"A".repeat(9000)}\r\n`, [/^\+/, /^a BAD/], "goes on"],
  ["commands of later states", "a SELECT INBOX\r\nb FETCH 1 ALL\r\n", [/^a BAD/, /^b BAD/], "goes on"],
  ["octets of all kinds", `${garbage(600)}\r\n`, [/^\* BAD/], "goes on"],
  [
    "an HTTP request",
    "GET / HTTP/1.1\r\nHost: mail.example\r\nUser-Agent: x\r\n\r\n",
    [/^\* BYE This is IMAP, not HTTP/],
    "closed",
  ],
  ["1 MB without a line end", "x".repeat(1_000_000), [/^\* BYE \[TOOBIG\]/], "closed"],
]

const afterLogin: Case[] = [
  ["a line of 100,000 octets", `a NOOP ${"x".repeat(100_000)}\r\n`, [/^a BAD \[TOOBIG\]/], "goes on"],
  ["1 MB without a line end, then one", `a ${"x".repeat(1_000_000)}\r\n`, [/^\S+ BAD \[TOOBIG\]/], "goes on"],
  ["a literal of 2 MB that is no message", "a SELECT {2000000}\r\n", [/^a BAD \[TOOBIG\]/], "goes on"],
  ["a message of 10^19 octets", `a APPEND INBOX {1${"0".repeat(19)}}\r\n`, [/^a BAD \[TOOBIG\]/], "goes on"],
  ["a message of 10^30 octets", `a APPEND INBOX {1${"0".repeat(30)}}\r\n`, [/^a BAD/], "goes on"],
  ["a message of 4 GB", "a APPEND INBOX {4294967295}\r\n", [/^a NO \[TOOBIG\]/], "goes on"],
  ["a message of no octets", "a APPEND INBOX {0}\r\n", [/^a NO/], "goes on"],
  ["a literal of 5,000 octets, unasked", `a SELECT {5000+}\r\n${"x".repeat(5000)}\r\n`, [/^a BAD/], "goes on"],
  ["a literal of 10^19 octets, unasked", `a SELECT {1${"0".repeat(19)}+}\r\n`, [/^\* BYE \[TOOBIG\]/], "closed"],
  ["a literal of 10^30 octets, unasked", `a SELECT {1${"0".repeat(30)}+}\r\n`, [/^a BAD/], "goes on"],
  ["NUL", "a SELECT IN\0BOX\r\n", [/^a BAD NUL/], "goes on"],
  ["NUL in a literal", "a SELECT {7}\r\nIN\0BOX1\r\n", [/^\+/, /^a (BAD|NO)/], "goes on"],
  ["parentheses not closed", "a FETCH 1 (FLAGS\r\n", [/^a BAD/], "goes on"],
  ["parentheses not opened", "a FETCH 1 FLAGS)\r\n", [/^a BAD/], "goes on"],
  ["a quoted string not closed", 'a SELECT "INBOX\r\n', [/^a BAD/], "goes on"],
  ["10,000 nested parentheses", `a SEARCH ${"(".repeat(10_000)}ALL${")".repeat(10_000)}\r\n`, [/^a BAD/], "goes on"],
  ["10,000 times NOT", `a SEARCH ${"NOT ".repeat(10_000)}ALL\r\n`, [/^a (BAD|NO)/], "goes on"],
  ["10,000 times OR", `a SEARCH ${"OR ALL ".repeat(9000)}ALL\r\n`, [/^a (BAD|NO)/], "goes on"],
  ["UTF-7 not ended", "a SELECT &AGE\r\n", [/^a (BAD|NO)/], "goes on"],
  ["UTF-7 of what is ASCII", "a CREATE &AGE-\r\n", [/^a (BAD|NO)/], "goes on"],
  ["UTF-7 of half a character", "a CREATE &2D0-\r\n", [/^a (BAD|NO)/], "goes on"],
  ["UTF-7 of a control character", "a CREATE &AAE-\r\n", [/^a (BAD|NO)/], "goes on"],
  ["UTF-7 with bits left over", "a RENAME INBOX &AOR-\r\n", [/^a (BAD|NO)/], "goes on"],
  ["8-bit name", "a CREATE \xff\xfe\r\n", [/^a (BAD|NO)/], "goes on"],
  ["100,000 ranges", `a FETCH ${ranges(100_000)} FLAGS\r\n`, [/^a BAD \[TOOBIG\]/], "goes on"],
  ["30,000 ranges in a short line", `a FETCH 1${",1".repeat(30_000)} FLAGS\r\n`, [/^a BAD/], "goes on"],
  ["the number 10^30", `a FETCH 1:1${"0".repeat(30)} FLAGS\r\n`, [/^a BAD/], "goes on"],
  ["message 0", "a FETCH 0 FLAGS\r\n", [/^a BAD/], "goes on"],
  ["a message that is not there", "a FETCH 99 FLAGS\r\n", [/^a (BAD|NO)/], "goes on"],
  ["a partial FETCH of nothing", "a FETCH 1 BODY[]<0.0>\r\n", [/^a BAD/], "goes on"],
  ["an unknown command", "a EXECUTE rm -rf\r\n", [/^a BAD/], "goes on"],
  ["a charset nobody has", "a SEARCH CHARSET X-NONE TEXT x\r\n", [/^a NO \[BADCHARSET/], "goes on"],
  ["LOGIN again", `a LOGIN alice "${password}"\r\n`, [/^a BAD/], "goes on"],
  ["octets of all kinds", `${garbage(600)}\r\n`, [/^\S+ BAD/], "goes on"],
  ["an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", [/^GET BAD/, /^Host: BAD/, /^\* BAD/], "goes on"],
  ["60 empty lines", "\r\n".repeat(60), [...Array(50).fill(/^\* BAD/), /^\* BYE Too many bad/], "closed"],
]

test("bad input before login gets a reason, and nobody else notices", async (t) => {
  const { mailkeep, flat } = await watched(t)
  for (const [what, sent, answers, after] of beforeLogin) {
    await t.test(what, async () => {
      const client = ImapClient.tls(mailkeep.ports.imaps)
      assert.match(await client.response(), /^\* OK/)
      await converse(client, sent, answers, after)
    })
  }
  await t.test("a literal that is never finished: the client goes away", async () => {
    for (let n = 0; n < 20; n++) {
      const client = ImapClient.tls(mailkeep.ports.imaps)
      await client.response()
      client.write("a LOGIN alice {100}\r\n")
      assert.match(await client.response(), /^\+/)
      client.write("half of")
      client.close()
    }
  })
  await t.test("a literal that is never finished, or nothing at all: the time to log in is bounded", async () => {
    const clients = [ImapClient.tls(mailkeep.ports.imaps), ImapClient.tls(mailkeep.ports.imaps)]
    for (const client of clients) await client.response()
    clients[0]?.write("a LOGIN alice {100}\r\nhalf of")
    assert.match((await clients[0]?.response()) ?? "", /^\+/)
    for (const client of clients) {
      assert.match(await client.response(), /^\* BYE \[UNAVAILABLE\] Too slow/)
      await client.gone()
    }
  })
  await t.test("TLS to the plaintext port", async () => {
    const error = await failureOf(
      connectTls({ host: "127.0.0.1", port: mailkeep.ports.imap, rejectUnauthorized: false }),
    )
    assert.match(error, /SSL|TLS|wrong version|disconnected/i)
  })
  await t.test("plaintext to the TLS port", async () => {
    const socket = connectPlain(mailkeep.ports.imaps, "127.0.0.1")
    socket.write("a LOGIN alice secret\r\n")
    const answer = await readAll(socket)
    assert.ok(answer.length < 50 && !answer.includes("OK"), "an alert at most")
  })
  await flat()
})

test("bad input after login gets a reason, and nobody else notices", async (t) => {
  const { mailkeep, flat } = await watched(t)
  const seed = Buffer.from("Subject: a\r\n\r\nb\r\n")
  const first = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  await first.command(`APPEND INBOX {${seed.length}}`, seed)
  first.close()
  for (const [what, sent, answers, after] of afterLogin) {
    await t.test(what, async () => {
      const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
      await client.command("SELECT INBOX")
      await converse(client, sent, answers, after)
    })
  }
  await t.test("a message that is never finished: the client goes away, nothing is left of it", async () => {
    for (let n = 0; n < 10; n++) {
      const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
      client.write("a APPEND INBOX {10000000}\r\n")
      assert.match(await client.response(), /^\+/)
      client.write(Buffer.alloc(1_000_000, "x"))
      client.close()
    }
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    assert.deepEqual((await client.command("STATUS INBOX (MESSAGES UIDNEXT)")).untagged, [
      "* STATUS INBOX (MESSAGES 1 UIDNEXT 2)",
    ])
    client.close()
  })
  await t.test("a message that is never finished: the client stalls, the user's other connections go on", async () => {
    const stalled = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    stalled.write("a APPEND INBOX {10000000}\r\n")
    await stalled.response()
    stalled.write(Buffer.alloc(300_000, "x"))
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    assert.match((await client.command(`APPEND INBOX {${seed.length}}`, seed)).status, /^OK/)
    await flat()
    await mailkeep.admin("sessions.kick", { name: "alice" })
    assert.match(await client.response(), /^\* BYE/)
    await stalled.gone()
  })
})

/** A mailkeep with a second user who must not notice anything, and with the memory of all processes measured. */
async function watched(t: TestContext): Promise<{ mailkeep: Mailkeep; flat(): Promise<void> }> {
  const mailkeep = await Mailkeep.start(
    t,
    { alice: password, bob: password },
    { throttle: { delays_s: [0] }, proxy: { login_timeout_s: 3 }, log: { level: "error" } },
  )
  const alice = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const bob = await ImapClient.login(mailkeep.ports.imaps, "bob", password)
  await bob.command("SELECT INBOX")
  const processes = {
    proxy: mailkeep.pid("proxy"),
    daemon: mailkeep.pid("daemon"),
    worker: (await mailkeep.workerPid("alice")) ?? 0,
  }
  const before = Object.entries(processes).map(([name, pid]) => ({ name, pid, atFirst: memoryOf(pid).peak }))
  return {
    mailkeep,
    async flat() {
      for (const client of [alice, bob]) assert.match((await client.command("NOOP")).status, /^OK/)
      for (const { name, pid, atFirst } of before) {
        const { peak } = memoryOf(pid)
        t.diagnostic(`${name}: at most ${atFirst.toFixed(0)} MiB before, ${peak.toFixed(0)} MiB after`)
        assert.ok(peak < atFirst + 60, `${name} grew from ${atFirst} to ${peak} MiB`)
      }
      const again = await ImapClient.login(mailkeep.ports.imaps, "bob", password)
      for (const client of [alice, bob, again]) client.close()
      assert.deepEqual(mailkeep.log, [], "nothing of this is an error of ours")
    },
  }
}

async function converse(client: ImapClient, sent: string, answers: RegExp[], after: Case[3]): Promise<void> {
  client.write(sent)
  for (const answer of answers) assert.match((await client.response()).slice(0, 200), answer)
  if (after === "goes on") assert.match((await client.command("NOOP")).status, /^OK/)
  else await client.gone()
  client.close()
}

function garbage(size: number): string {
  let seed = 1
  return Array.from({ length: size }, () => {
    seed = (seed * 48_271) % 0x7fff_ffff
    return String.fromCharCode(1 + (seed % 255))
  })
    .join("")
    .replace(/[\r\n{}+]/g, "\xff")
}

function ranges(count: number): string {
  return Array.from({ length: count }, (_, at) => `${at * 3 + 1}:${at * 3 + 2}`).join(",")
}

function failureOf(socket: ReturnType<typeof connectTls>): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => resolve(error.message))
    socket.once("secureConnect", () => reject(new Error("there was a handshake")))
  })
}

async function readAll(socket: ReturnType<typeof connectPlain>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString("latin1")
}

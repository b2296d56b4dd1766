import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import test from "node:test"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
/** 50 by hand, a few in every run. */
const rounds = Number(process.env.MAILKEEP_CRASH_ROUNDS ?? 4)
const senders = 4

/** Every message that got its 250, in all rounds. */
type Ledger = { accepted: Map<string, number>; unanswered: Set<string>; next: number }

for (const victim of ["worker", "daemon", "spool"] as const) {
  test(`kill -9 of the ${victim} during delivery and during flush, ${rounds} times: nothing lost, nothing doubled`, {
    timeout: 600_000,
  }, async (t) => {
    const mailkeep = await Mailkeep.start(
      t,
      { alice: password },
      { throttle: { delays_s: [0] }, log: { level: "fatal" } },
    )
    const ledger: Ledger = { accepted: new Map(), unanswered: new Set(), next: 1 }
    for (let round = 0; round < rounds; round++) {
      const duringFlush = round % 2 === 1
      if (duringFlush) await send(mailkeep, ledger, 25)
      const client = await login(mailkeep)
      const delivering = send(mailkeep, ledger, 25)
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 120))
      await strike(mailkeep, victim)
      await delivering
      client.close()
    }
    await compare(mailkeep, ledger)
  })
}

async function strike(mailkeep: Mailkeep, victim: "worker" | "daemon" | "spool"): Promise<void> {
  if (victim === "worker") {
    const pid = await mailkeep.workerPid("alice")
    if (pid !== null) process.kill(pid, "SIGKILL")
    return
  }
  await mailkeep.kill(victim, "SIGKILL")
  await mailkeep.startComponent(victim)
}

/** Delivers by several senders at a time; a connection that breaks before its reply leaves the message unanswered, as an MTA sees it. */
async function send(mailkeep: Mailkeep, ledger: Ledger, each: number): Promise<void> {
  await Promise.all(
    Array.from({ length: senders }, async () => {
      let mta: LmtpClient | null = null
      for (let n = 0; n < each; n++) {
        const { mark, message } = numbered(ledger)
        try {
          mta ??= await LmtpClient.open({ port: mailkeep.ports.lmtp })
          const [reply] = await mta.deliver(message, ["alice@localhost"])
          if (reply?.startsWith("250")) ledger.accepted.set(mark, message.length)
          else if (!reply?.startsWith("4")) throw new Error(`refused for good: ${reply}`)
        } catch (error) {
          if ((error as Error).message.startsWith("refused")) throw error
          ledger.unanswered.add(mark)
          mta?.close()
          mta = null
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      mta?.close()
    }),
  )
}

function numbered(ledger: Ledger): { mark: string; message: Buffer } {
  const number = ledger.next++
  const body = createHash("sha256")
    .update(String(number))
    .digest("hex")
    .repeat(1 + (number % 40))
  return { mark: `m${number}`, message: Buffer.from(`Subject: m${number}\r\n\r\n${body}\r\n`) }
}

async function login(mailkeep: Mailkeep): Promise<ImapClient> {
  let client: ImapClient | undefined
  await until("a login works", async () => {
    try {
      client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
      return true
    } catch (error) {
      if (/UNAVAILABLE|SERVERBUG|closed/.test((error as Error).message)) return false
      throw error
    }
  })
  if (client === undefined) throw new Error("unreachable")
  return client
}

/** Each accepted message is in INBOX exactly once; one without an answer at most once (the MTA would send it again). */
async function compare(mailkeep: Mailkeep, ledger: Ledger): Promise<void> {
  const client = await login(mailkeep)
  await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0, 60_000)
  await client.command("SELECT INBOX")
  const { untagged } = await client.command("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)] RFC822.SIZE)")
  const seen = new Map<string, number>()
  for (const response of untagged.filter((line) => line.includes("FETCH"))) {
    const mark = literalOf(response).toString().trim().slice("Subject: ".length)
    seen.set(mark, (seen.get(mark) ?? 0) + 1)
  }
  const doubled = [...seen].filter(([, times]) => times > 1)
  const lost = [...ledger.accepted.keys()].filter((mark) => !seen.has(mark))
  const invented = [...seen.keys()].filter((mark) => !ledger.accepted.has(mark) && !ledger.unanswered.has(mark))
  assert.deepEqual({ doubled, lost, invented }, { doubled: [], lost: [], invented: [] })
  assert.ok(ledger.accepted.size > rounds, `${ledger.accepted.size} were accepted`)
  client.close()
}

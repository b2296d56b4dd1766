import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { messages } from "../harness/corpus.ts"
import { ImapClient } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"
import { compare } from "./beside/compare.ts"
import { between, percentiles, perSecond, print, seconds } from "./figures.ts"
import { latencies, measure } from "./latency.ts"

/*
 * First figures: `npm run bench`, or `npm run bench -- login push` for some of them; beside Dovecot:
 * `npm run bench -- imap --messages 10000`. Absolute figures say little on a shared machine; the ratios between
 * the lines of one run say more. How to read them is in docs/benchmarks.md.
 */
const password = "correct horse battery"
const user = (n: number) => `user${n}`

type Bench = (mailkeep: Mailkeep) => Promise<void>

const benches: Record<string, { users: number; run: Bench }> = {
  lmtp: {
    users: 1,
    run: async (mailkeep) => {
      const given = corpus(2000)
      const one = await seconds(() => deliver(mailkeep, given, 1))
      const eight = await seconds(() => deliver(mailkeep, given, 8))
      print("LMTP, 1 sender", `${perSecond(given.length, one)} messages/s`)
      print("LMTP, 8 senders", `${perSecond(given.length, eight)} messages/s`, `${(one / eight).toFixed(2)} x 1 sender`)
    },
  },
  login: {
    users: 1,
    run: async (mailkeep) => {
      const cold: number[] = []
      for (let n = 0; n < 30; n++) {
        cold.push(await between(async () => (await ImapClient.login(mailkeep.ports.imaps, user(0), password)).close()))
        await mailkeep.admin("sessions.kick", { name: user(0) })
        await until("a worker is warm", async () => (await mailkeep.admin("status", {})).workers.warm > 0)
      }
      const keep = await ImapClient.login(mailkeep.ports.imaps, user(0), password)
      const live: number[] = []
      for (let n = 0; n < 200; n++)
        live.push(await between(async () => (await ImapClient.login(mailkeep.ports.imaps, user(0), password)).close()))
      keep.close()
      print("login, cold (KDF, unlock)", percentiles(cold, 50, 99))
      print("login, session open", percentiles(live, 50, 99))
    },
  },
  refused: {
    users: 2,
    run: async (mailkeep) => {
      await mailkeep.admin("user.disable", { name: user(1) })
      const times: Record<string, number[]> = { "wrong password": [], "unknown user": [], "disabled user": [] }
      const names = { "wrong password": user(0), "unknown user": "nobody", "disabled user": user(1) }
      for (let n = 0; n < 60; n++) {
        for (const [what, name] of Object.entries(names)) times[what]?.push(await refusal(mailkeep, name))
      }
      for (const [what, list] of Object.entries(times)) print(`refused: ${what}`, percentiles(list, 10, 50, 90))
    },
  },
  flush: {
    users: 1,
    run: async (mailkeep) => {
      const given = corpus(5000)
      await deliver(mailkeep, given, 8)
      const client = await ImapClient.login(mailkeep.ports.imaps, user(0), password)
      const took = await seconds(() =>
        until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0, 120_000),
      )
      client.close()
      print("flush", `${perSecond(given.length, took)} messages/s`)
    },
  },
  fetch: {
    users: 1,
    run: async (mailkeep) => {
      await deliver(mailkeep, corpus(10_000), 8)
      const client = await ImapClient.login(mailkeep.ports.imaps, user(0), password)
      await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0, 120_000)
      await client.command("SELECT INBOX")
      for (const item of ["FLAGS", "ENVELOPE", "(ENVELOPE BODYSTRUCTURE)", "BODY.PEEK[]"]) {
        const took = await seconds(() => client.command(`FETCH 1:* ${item}`))
        print(`FETCH 1:* ${item}, 10,000 messages`, `${took.toFixed(2)} s`, `${perSecond(10_000, took)} messages/s`)
      }
      for (const key of ["FROM linux", "BODY xylophone", "TEXT spamassassin"]) {
        const took = await seconds(() => client.command(`SEARCH ${key}`))
        print(`SEARCH ${key}, 10,000 messages`, `${(took * 1000).toFixed(0)} ms`)
      }
      client.close()
    },
  },
  latency: {
    users: 1,
    run: async (mailkeep) => {
      const given = corpus(10_000)
      await deliver(mailkeep, given, 8)
      const other = await ImapClient.login(mailkeep.ports.imaps, user(0), password)
      await measure("flush of 10,000 messages", other, () =>
        until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0, 120_000),
      )
      other.close()
      await latencies(mailkeep, user(0), password, given.slice(0, 1000))
    },
  },
  memory: {
    users: 8,
    run: async (mailkeep) => {
      const clients = await Promise.all(
        Array.from({ length: 8 }, (_, n) => ImapClient.login(mailkeep.ports.imaps, user(n), password)),
      )
      for (const client of clients) await client.command("SELECT INBOX")
      const { sessions } = await mailkeep.admin("sessions.list", {})
      const each = sessions.map(({ pid }) => privateMiB(pid ?? 0))
      print(
        "private memory per logged-in user",
        `${(each.reduce((sum, one) => sum + one, 0) / each.length).toFixed(1)} MiB`,
        `${each.length} users`,
      )
      for (const client of clients) client.close()
    },
  },
  push: {
    users: 1,
    run: async (mailkeep) => {
      const client = await ImapClient.login(mailkeep.ports.imaps, user(0), password)
      await client.command("SELECT INBOX")
      client.write("i1 IDLE\r\n")
      await client.response()
      const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
      const times: number[] = []
      for (const message of corpus(200)) {
        const begun = performance.now()
        const sent = mta.deliver(message, [`${user(0)}@localhost`])
        while (!/ EXISTS$/.test(await client.response()));
        times.push(performance.now() - begun)
        await sent
      }
      mta.close()
      client.close()
      print("push, MAIL FROM to EXISTS in IDLE", percentiles(times, 50, 95))
    },
  },
}

async function main(): Promise<void> {
  const { values, positionals: wanted } = parseArgs({
    allowPositionals: true,
    options: {
      messages: { type: "string", default: "10000" },
      keys: { type: "string", default: "user" },
      only: { type: "string", default: "" },
    },
  })
  if (wanted.includes("imap")) {
    const keys = values.keys === "global" ? "global" : "user"
    return compare({ messages: corpus(Number(values.messages)), keys, only: new RegExp(values.only) })
  }
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const ends: (() => unknown)[] = []
    const users = Object.fromEntries(Array.from({ length: bench.users }, (_, n) => [user(n), password]))
    const mailkeep = await Mailkeep.start({ after: (end) => ends.push(end as () => unknown) }, users, {
      keys: settingsSchema.parse({}).keys,
      throttle: { delays_s: [0] },
      sessions: { linger_s: 1 },
      log: { level: "error" },
    })
    try {
      await bench.run(mailkeep)
    } finally {
      for (const end of ends) await end()
    }
  }
}

/** As many real messages as wanted, from the start again when there are not enough. */
function corpus(count: number): Buffer[] {
  const all = messages()
  return Array.from({ length: count }, (_, n) => all[n % all.length]?.bytes ?? Buffer.alloc(0))
}

async function deliver(mailkeep: Mailkeep, given: Buffer[], senders: number): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: senders }, async () => {
      const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
      for (let message = given[next++]; message !== undefined; message = given[next++]) {
        const [reply] = await mta.deliver(message, [`${user(0)}@localhost`])
        if (!reply?.startsWith("250")) throw new Error(`not delivered: ${reply}`)
      }
      mta.close()
    }),
  )
}

async function refusal(mailkeep: Mailkeep, name: string): Promise<number> {
  const client = ImapClient.tls(mailkeep.ports.imaps)
  await client.response()
  const took = await between(async () => {
    const { status } = await client.command(`LOGIN ${name} "wrong password"`)
    if (!status.startsWith("NO [AUTHENTICATIONFAILED]")) throw new Error(status)
  })
  client.close()
  await until("a worker is warm", async () => (await mailkeep.admin("status", {})).workers.warm > 0)
  return took
}

function privateMiB(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")
  const kib = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  )
  return kib / 1024
}

await main()
process.exit(0)

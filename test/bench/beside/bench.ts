import { LmtpClient } from "../../harness/lmtp-client.ts"
import type { Contender } from "./contender.ts"
import { type Counted, CountingClient } from "./counting-client.ts"

/** A server with an open session, and what the operations leave for each other. */
export type Bench = {
  contender: Contender
  client: CountingClient
  messages: readonly Buffer[]
  /** How many of the messages are in INBOX, and how many mailboxes with copies of them there are. */
  appended: number
  copies: number
  /** What a client that was away remembers of a mailbox. */
  remembered: { validity: string; modseq: string; changes: number }
}

/** Does something, and gives what is compared between the servers. */
export type Step = (bench: Bench) => Promise<string>
export type Preparation = (bench: Bench) => Promise<unknown>

export async function open(contender: Contender, messages: readonly Buffer[]): Promise<Bench> {
  const client = await login(contender)
  return { contender, client, messages, appended: 0, copies: 0, remembered: { validity: "", modseq: "", changes: 0 } }
}

function login({ ports, user, password }: Contender): Promise<CountingClient> {
  return CountingClient.login(ports.imap, user, password)
}

/** A new session, of a process that knows nothing of the mail yet. */
export async function anew(bench: Bench): Promise<void> {
  bench.client.close()
  await bench.contender.forget()
  bench.client = await login(bench.contender)
}

export function anewIn(mailbox: string): Preparation {
  return async (bench) => {
    await anew(bench)
    await bench.client.command(`SELECT ${mailbox}`)
  }
}

export function command(text: string): Preparation {
  return ({ client }) => client.command(text)
}

/** The next `count` messages, `atOnce` in a command (MULTIAPPEND, RFC 3502). */
export function append(count: number, atOnce: number): Step {
  return async (bench) => {
    const end = Math.min(bench.appended + count, bench.messages.length)
    for (; bench.appended < end; bench.appended = Math.min(end, bench.appended + atOnce))
      await bench.client.append("INBOX", bench.messages.slice(bench.appended, Math.min(end, bench.appended + atOnce)))
    return messagesIn(bench.client, "INBOX")
  }
}

/** From the first MAIL FROM until a client sees the last message. */
export function deliver(count: number): Step {
  return async ({ client, contender, messages }) => {
    const before = Number.parseInt(await messagesIn(client, "INBOX"), 10)
    const mta = await LmtpClient.open({ port: contender.ports.lmtp })
    for (const message of messages.slice(0, count)) {
      const [reply] = await mta.deliver(message, [`${contender.user}@localhost`])
      if (!reply?.startsWith("250")) throw new Error(`not delivered: ${reply}`)
    }
    mta.close()
    for (;;) {
      const answer = await messagesIn(client, "INBOX")
      if (Number.parseInt(answer, 10) - before >= Math.min(count, messages.length)) return answer
    }
  }
}

async function messagesIn(client: CountingClient, mailbox: string): Promise<string> {
  const { last } = await client.command(`STATUS ${mailbox} (MESSAGES)`)
  return `${/MESSAGES (\d+)/.exec(last)?.[1]} messages`
}

/** SELECT sends what each server finds worth saying: there is nothing to compare. */
export function select(mailbox: string): Step {
  return async ({ client }) => {
    await client.command(`SELECT ${mailbox}`)
    return ""
  }
}

/** How many untagged answers there were. */
export function answers(text: string): Step {
  return async ({ client }) => `${(await client.command(text)).responses} answers`
}

/** A synchronisation from nothing: every octet of every message. @throws when one is missing */
export const bodies: Step = async ({ client, messages, appended }) => {
  const { responses, literals } = await client.command("FETCH 1:* BODY.PEEK[]")
  const octets = messages.slice(0, appended).reduce((sum, { length }) => sum + length, 0)
  if (literals !== octets) throw new Error(`${literals} octets came of ${octets}`)
  return `${responses} answers, ${literals} octets`
}

/** How many messages were found. */
export function search(key: string): Step {
  return async ({ client }) => `${hits(await client.command(`SEARCH ${key}`))} found`
}

function hits({ last }: Counted): number {
  return last.trim().split(" ").length - 2
}

/** Servers order equal messages, and write threads, differently: compared is how many numbers the answer has. */
export function arrange(text: string): Step {
  return async ({ client }) => `${(await client.command(`${text} UTF-8 ALL`)).last.match(/\d+/g)?.length ?? 0} messages`
}

/** All messages of INBOX into a mailbox of their own. */
export const copyAll: Step = async ({ client, copies }) => {
  await client.command(`COPY 1:* Copy${copies}`)
  return messagesIn(client, `Copy${copies}`)
}

export async function createCopy(bench: Bench): Promise<void> {
  bench.copies += 1
  await bench.client.command(`CREATE Copy${bench.copies}`)
}

/** The mailbox with the newest copies, all of them marked. */
export async function deleteCopies(bench: Bench): Promise<void> {
  await anewIn(`Copy${bench.copies}`)(bench)
  await bench.client.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
}

export const expungeAll: Step = async (bench) => {
  const mailbox = `Copy${bench.copies}`
  bench.copies -= 1
  await bench.client.command("EXPUNGE")
  return messagesIn(bench.client, mailbox)
}

/** Every message of INBOX marked. */
export async function deleteAll(bench: Bench): Promise<void> {
  await anewIn("INBOX")(bench)
  await bench.client.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
}

export const expungeInbox: Step = async ({ client }) => {
  await client.command("EXPUNGE")
  return messagesIn(client, "INBOX")
}

/** 50 messages with a new keyword and 50 expunged, which a client that knew the mailbox before has not seen. */
export async function changeAndLeave(bench: Bench): Promise<void> {
  const { client } = bench
  await client.command("ENABLE QRESYNC")
  await client.command("SELECT Copy1")
  const changes = bench.remembered.changes + 1
  bench.remembered = { ...(await remember(client)), changes }
  await client.command(`STORE 51:100 +FLAGS.SILENT (changed${changes})`)
  await client.command("STORE 1:50 +FLAGS.SILENT (\\Deleted)")
  await client.command("EXPUNGE")
  await client.command("UNSELECT")
}

async function remember(client: CountingClient): Promise<{ validity: string; modseq: string }> {
  const { last } = await client.command("STATUS Copy1 (UIDVALIDITY HIGHESTMODSEQ)")
  const validity = /UIDVALIDITY (\d+)/.exec(last)?.[1]
  const modseq = /HIGHESTMODSEQ (\d+)/.exec(last)?.[1]
  if (validity === undefined || modseq === undefined) throw new Error(`no STATUS in ${last}`)
  return { validity, modseq }
}

/** RFC 7162 §3.2.5. @throws when changes were not told */
export const resync: Step = async ({ client, remembered: { validity, modseq } }) => {
  const { fetched, vanished } = await client.command(`SELECT Copy1 (QRESYNC (${validity} ${modseq}))`)
  return `${fetched} changed, ${vanished} vanished`
}

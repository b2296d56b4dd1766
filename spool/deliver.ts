import { connect, type Socket } from "node:net"
import { pathsOf } from "../daemon/host/paths.ts"
import type { Settings } from "../daemon/host/settings.ts"
import { LmtpClient, LmtpClientError, type ServerReply } from "./lmtp-client.ts"

/**
 * `mailkeep deliver`: the pipe command for MTAs. It is an LMTP client of the running spool, so that the user
 * under which the MTA runs it needs no access to the spool, and so that there is one way in.
 *
 * Exit codes are those of sysexits.h, which MTAs know. With several recipients there is still one code only:
 * a temporary failure of any makes the MTA try all again, and those who have it get it twice. One recipient
 * per run is right (Postfix: `flags=… destination_recipient_limit=1`).
 */
export const exits = {
  OK: 0,
  USAGE: 64,
  /** The message is refused: too large. */
  DATAERR: 65,
  NOUSER: 67,
  /** Refused for good, for another reason: disabled, over quota. */
  UNAVAILABLE: 69,
  /** Try again later: the spool cannot be reached, has no room, or cannot ask the directory. */
  TEMPFAIL: 75,
  NOPERM: 77,
} as const

export type Delivery = {
  recipients: string[]
  /** Return path, "" for <>. */
  sender: string
  input: AsyncIterable<Uint8Array>
  settings: Settings
}

export type Delivered = {
  exitCode: number
  /** One per recipient that was answered. */
  replies: { recipient: string; reply: string }[]
  /** One line for people, empty when all went well. */
  text: string
}

type Answer = { recipient: string; reply: ServerReply }

const timeoutMs = 600_000

/** Delivers one message; never throws for what the MTA can do something about. */
export async function deliver(delivery: Delivery): Promise<Delivered> {
  const refused = malformed(delivery)
  if (refused !== null) return { exitCode: exits.USAGE, replies: [], text: refused }
  let client: LmtpClient | null = null
  try {
    client = new LmtpClient(await connected(delivery.settings))
    const answers = await converse(client, delivery)
    return summary(answers)
  } catch (error) {
    if (!(error instanceof LmtpClientError)) throw error
    return { exitCode: exits.TEMPFAIL, replies: [], text: error.message }
  } finally {
    client?.close()
  }
}

async function converse(client: LmtpClient, delivery: Delivery): Promise<Answer[]> {
  expectOk(await client.reply())
  expectOk(await client.command(`LHLO ${delivery.settings.host_name}`))
  const utf8 = [delivery.sender, ...delivery.recipients].every(isAscii) ? "" : " SMTPUTF8"
  const mail = await client.command(`MAIL FROM:<${delivery.sender}> BODY=8BITMIME${utf8}`)
  if (mail.code >= 400) return delivery.recipients.map((recipient) => ({ recipient, reply: mail }))
  const answers: Answer[] = []
  for (const recipient of delivery.recipients) {
    answers.push({ recipient, reply: await client.command(`RCPT TO:<${recipient}>`) })
  }
  const accepted = answers.filter(({ reply }) => reply.code < 300)
  if (accepted.length > 0) await sendMessage(client, accepted, delivery.input)
  return answers
}

/** Replaces the answers to RCPT by those that count. */
async function sendMessage(client: LmtpClient, accepted: Answer[], input: AsyncIterable<Uint8Array>): Promise<void> {
  const data = await client.command("DATA")
  if (data.code === 354) await client.message(input)
  for (const answer of accepted) answer.reply = data.code === 354 ? await client.reply() : data
}

function expectOk(reply: ServerReply): void {
  if (reply.code >= 300) throw new LmtpClientError(`the spool answered ${reply.code} ${reply.text}`)
}

/** What the whole run comes to: the failure that the MTA can do most about. */
function summary(answers: Answer[]): Delivered {
  const replies = answers.map(({ recipient, reply }) => ({ recipient, reply: `${reply.code} ${reply.text}` }))
  const failed = answers.filter(({ reply }) => reply.code >= 300)
  const worst = failed.find(({ reply }) => exitFor(reply) === exits.TEMPFAIL) ?? failed[0]
  if (worst === undefined) return { exitCode: exits.OK, replies, text: "" }
  return {
    exitCode: exitFor(worst.reply),
    replies,
    text: failed.map(({ recipient, reply }) => `<${recipient}>: ${reply.code} ${reply.text}`).join("; "),
  }
}

/** By the enhanced code (RFC 3463) where there is one. */
function exitFor(reply: ServerReply): number {
  if (reply.code < 500) return exits.TEMPFAIL
  if (reply.text.startsWith("5.1.1")) return exits.NOUSER
  if (reply.text.startsWith("5.3.4")) return exits.DATAERR
  if (reply.text.startsWith("5.7.")) return exits.NOPERM
  if (reply.code === 501) return exits.USAGE
  return exits.UNAVAILABLE
}

function malformed({ recipients, sender }: Delivery): string | null {
  if (recipients.length === 0) return "no recipient was given"
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const bad = [sender, ...recipients].find((address) => /[\x00-\x20\x7f<>]/.test(address))
  return bad === undefined ? null : "an address contains a space, a control character or an angle bracket"
}

/** The Unix socket where there is one: its permissions say who may deliver. */
function connected(settings: Settings): Promise<Socket> {
  const { lmtp } = settings.spool
  const address = lmtp.find((each) => each.includes("/")) ?? lmtp[0]
  if (address === undefined) return Promise.reject(new LmtpClientError("the settings name no LMTP address"))
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = address.includes("/") ? connect(pathsOf(settings).under(address)) : connect(hostAndPort(address))
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error("the spool did not answer in time")))
  socket.once("connect", () => resolve(socket))
  socket.on("error", (cause: NodeJS.ErrnoException) =>
    reject(new LmtpClientError(`cannot reach the spool at ${address}: ${cause.code ?? cause.message}`, { cause })),
  )
  return promise
}

function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) }
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
  return /^[\x00-\x7f]*$/.test(text)
}

import { unlink } from "node:fs/promises"
import { connect } from "node:net"
import type { Logger } from "pino"
import type { SMTPServerAddress, SMTPServerDataStream, SMTPServerSession } from "smtp-server"
import { type ClientCount, LmtpListener } from "./lmtp-connection.ts"
import type { Queue } from "./queue.ts"
import type { Recipients } from "./recipients.ts"
import type { Envelope } from "./sealed.ts"
import { type Accepted, Copy, type Reply, replies, store } from "./transaction.ts"

/**
 * LMTP (RFC 2033): one reply per RCPT after DATA, and 250 only for a message that is durable. No AUTH and no
 * STARTTLS: the socket is local or on a trusted network, and who may connect is decided there.
 *
 * What is stored is exactly what DATA carried, with the dots of RFC 5321 §4.5.2 taken away: bare LF, lone CR,
 * NUL, 8-bit octets and long lines included. The CRLF before the final dot belongs to the message. LMTP itself
 * implies two things only: a message always ends with CRLF (one that is not empty), and CRLF "." CRLF cannot be
 * part of it. No Received or Return-Path is added: what is known of the way is in the sealed envelope.
 */
export type LmtpOptions = {
  hostName: string
  maxMessageBytes: number
  maxRecipients: number
  maxClients: number
  timeoutMs: number
  /** How long `close` waits for running transactions. */
  drainMs: number
  /** For Unix sockets. */
  socketMode: number
}

export type LmtpParts = {
  queue: Queue
  recipients: Recipients
  log: Logger
  /** Called when a message is durable, before the client is told. */
  arrived(mailbox: string): void
}

export type LmtpServer = { close(): Promise<void>; readonly listening: string[] }

/**
 * Listens on all addresses (`host:port`, `[v6]:port`, or the path of a socket).
 *
 * @throws Error with the address in its text, when one of them cannot be had; none is open then
 */
export async function serveLmtp(addresses: string[], options: LmtpOptions, parts: LmtpParts): Promise<LmtpServer> {
  const clients: ClientCount = { now: 0, most: options.maxClients }
  const listeners: LmtpListener[] = []
  const listening: string[] = []
  try {
    for (const address of addresses) {
      const listener = makeListener(options, parts, clients)
      listening.push(await listen(listener, address, options.socketMode))
      listeners.push(listener)
    }
  } catch (error) {
    await closeAll(listeners)
    throw error
  }
  return { listening, close: () => closeAll(listeners) }
}

function makeListener(options: LmtpOptions, parts: LmtpParts, clients: ClientCount): LmtpListener {
  const transactions = new WeakMap<SMTPServerSession, Accepted[]>()
  const listener = new LmtpListener(
    {
      lmtp: true,
      name: options.hostName,
      banner: "mailkeep",
      heloResponse: "%s",
      size: options.maxMessageBytes,
      hideENHANCEDSTATUSCODES: false,
      disabledCommands: ["AUTH", "STARTTLS", "XCLIENT", "XFORWARD", "WIZ", "SHELL", "KILL"],
      disableReverseLookup: true,
      // A real address such as "user.@example.com" must not bounce after the MTA has taken it.
      lenientAddressParsing: true,
      socketTimeout: options.timeoutMs,
      closeTimeout: options.drainMs,
      logger: false,
      onMailFrom(_address, session, callback) {
        transactions.set(session, [])
        callback()
      },
      onRcptTo(address, session, callback) {
        const accepted = transactions.get(session) ?? []
        void rcptTo(address, accepted, options, parts).then((refusal) => callback(refusal && replyError(refusal)))
      },
      onData(stream, session, callback) {
        const accepted = transactions.get(session) ?? []
        transactions.delete(session)
        listener.track(
          data(stream, session, accepted, options, parts).then((answers) => callback(null, answers.map(answerOf))),
        )
      },
    },
    clients,
  )
  listener.on("error", (error: Error) => parts.log.debug({ err: error }, "LMTP connection"))
  return listener
}

/** RCPT: null is 250. Never rejects. */
async function rcptTo(
  address: SMTPServerAddress,
  accepted: Accepted[],
  options: LmtpOptions,
  parts: LmtpParts,
): Promise<Reply | null> {
  if (accepted.length >= options.maxRecipients) return replies.tooMany
  const lookup = await parts.recipients.lookup(address.address)
  if (lookup.kind === "unreachable") return replies.unreachable
  if (lookup.kind === "refused") return replies[lookup.why]
  accepted.push({ address: address.address, found: lookup })
  return null
}

/** DATA: a reply for each accepted RCPT, in their order, also when an address was named twice (RFC 2033 §4.2). Never rejects. */
async function data(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  accepted: Accepted[],
  options: LmtpOptions,
  parts: LmtpParts,
): Promise<Reply[]> {
  // One copy per address: naming it twice does not deliver twice.
  const byAddress = new Map(
    accepted.map((one) => [one.address.toLowerCase(), new Copy(one, parts.recipients, parts.log)]),
  )
  const copies = [...byAddress.values()]
  const arrivedAt = Date.now()
  try {
    await Promise.all(copies.map((copy) => copy.begin(parts.queue, envelopeOf(copy.address, session, arrivedAt))))
    await store(copies, stream, options.maxMessageBytes)
    for (const { reply, mailbox } of copies) if (reply.code === 250) parts.arrived(mailbox)
  } catch (error) {
    parts.log.info({ err: error }, "a message was not received in full")
  }
  return accepted.map((one) => byAddress.get(one.address.toLowerCase())?.reply ?? replies.fault)
}

function envelopeOf(recipient: string, session: SMTPServerSession, arrivedAt: number): Envelope {
  const { mailFrom, bodyType, smtpUtf8 } = session.envelope
  return {
    version: 1,
    sender: mailFrom ? mailFrom.address : "",
    recipient,
    arrivedAt,
    client: session.remoteAddress || null,
    helo: session.hostNameAppearsAs || null,
    eightBit: bodyType === "8bitmime",
    utf8: smtpUtf8 === true,
  }
}

function answerOf(reply: Reply): string | Error {
  return reply.code === 250 ? reply.text : replyError(reply)
}

function replyError(reply: Reply): Error & { responseCode: number } {
  return Object.assign(new Error(reply.text), { responseCode: reply.code })
}

// Listening

/** Gives the address as it came to be (port 0 becomes a number). */
async function listen(listener: LmtpListener, address: string, socketMode: number): Promise<string> {
  if (address.includes("/")) {
    await removeStaleSocket(address)
    await bound(listener, address, () => withUmask(0o777 & ~socketMode, () => listener.listen(address)))
    return address
  }
  const colon = address.lastIndexOf(":")
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "")
  await bound(listener, address, () => listener.listen(Number(address.slice(colon + 1)), host))
  const given = listener.server.address()
  return given !== null && typeof given === "object" ? `${address.slice(0, colon)}:${given.port}` : address
}

/** The socket is bound within the call of `listen`, so that it never exists with other permissions. */
function withUmask(mask: number, work: () => void): void {
  const before = process.umask(mask)
  try {
    work()
  } finally {
    process.umask(before)
  }
}

function bound(listener: LmtpListener, address: string, start: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  listener.server.once("error", (error: NodeJS.ErrnoException) =>
    reject(new Error(`cannot listen for LMTP on ${address}: ${error.code ?? error.message}`, { cause: error })),
  )
  listener.server.once("listening", resolve)
  start()
  return promise
}

/** A socket file of a process that died is removed; one on which somebody listens is left, and `listen` fails. */
async function removeStaleSocket(path: string): Promise<void> {
  if ((await probe(path)) !== "ECONNREFUSED") return
  await unlink(path)
}

function probe(path: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect(path)
  socket.once("connect", () => resolve("listening"))
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"))
  return promise.finally(() => socket.destroy())
}

async function closeAll(listeners: LmtpListener[]): Promise<void> {
  await Promise.all(listeners.map(closeOne))
}

async function closeOne(listener: LmtpListener): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  listener.close(resolve)
  await promise
  await listener.settled()
}

import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import type { Asks, Notice, Replies } from "../daemon/contract/control.ts"
import type { Log } from "../daemon/host/log.ts"
import { pathsOf } from "../daemon/host/paths.ts"
import type { Settings } from "../daemon/host/settings.ts"
import { type LmtpServer, serveLmtp } from "./lmtp.ts"
import { Queue } from "./queue.ts"
import { Recipients } from "./recipients.ts"

/** What the spool needs of the control channel to the daemon. */
export type ControlChannelLike = {
  request(name: "recipient.resolve", asks: Asks<"recipient.resolve">): Promise<Replies<"recipient.resolve">>
  notify(name: "spool.arrived", notice: Notice<"spool.arrived">): unknown
  /** Returns unsubscribe. */
  onNotice(name: "recipient.changed", listener: (notice: Notice<"recipient.changed">) => void): () => void
  /** Called after the channel was down and is up again: notices may have been missed. */
  onReconnect?(listener: () => void): () => void
}

export type Spool = { close(): Promise<void>; readonly listening: string[] }

const sweepEveryMs = 3_600_000

/**
 * The spool process: takes mail by LMTP and keeps it sealed until its reader comes. Runs until `close`,
 * which lets running transactions end. Its caller tells systemd.
 *
 * @throws Error when a socket or the spool directory cannot be had
 */
export async function runSpool(settings: Settings, channel: ControlChannelLike, log: Log): Promise<Spool> {
  const paths = pathsOf(settings)
  const queue = new Queue(paths.spool)
  await queue.prepare()
  await sweep(queue, log)
  const arrived = announcer(channel, log)
  const recipients = new Recipients((address) => channel.request("recipient.resolve", { address }), settings.spool)
  const unsubscribe = [
    channel.onNotice("recipient.changed", ({ address }) => recipients.forget(address)),
    channel.onReconnect?.(() => {
      recipients.doubtAll()
      void announceWaiting(queue, arrived, log)
    }),
  ]
  const addresses = settings.spool.lmtp.map((address) => (address.includes("/") ? paths.under(address) : address))
  const lmtp = await listen(addresses, settings, { queue, recipients, log, arrived })
  void announceWaiting(queue, arrived, log)
  const sweeper = setInterval(() => void sweep(queue, log), sweepEveryMs).unref()
  log.info({ listening: lmtp.listening }, "listening for LMTP")
  return {
    listening: lmtp.listening,
    async close() {
      clearInterval(sweeper)
      await lmtp.close()
      for (const off of unsubscribe) off?.()
      log.info("closed")
    },
  }
}

async function listen(
  addresses: string[],
  settings: Settings,
  parts: Parameters<typeof serveLmtp>[2],
): Promise<LmtpServer> {
  for (const address of addresses) {
    if (address.includes("/")) await mkdir(dirname(address), { recursive: true, mode: 0o750 })
  }
  const { spool } = settings
  const options = {
    hostName: settings.host_name,
    maxMessageBytes: spool.max_message_bytes,
    maxRecipients: spool.max_recipients,
    maxClients: spool.max_clients,
    timeoutMs: spool.timeout_s * 1000,
    drainMs: settings.sessions.drain_s * 1000,
    socketMode: Number.parseInt(spool.lmtp_socket_mode, 8),
  }
  return await serveLmtp(addresses, options, parts)
}

/** A notice that is lost costs nothing but time: the mailbox is flushed at the next one, or at its next unlock. */
function announcer(channel: ControlChannelLike, log: Log): (mailbox: string) => void {
  return (mailbox) => {
    void (async () => channel.notify("spool.arrived", { mailbox }))().catch((error: unknown) =>
      log.debug({ err: error, mailbox }, "the daemon could not be told of new mail"),
    )
  }
}

/**
 * What lies in the spool may have come without a notice: the process before this one was killed, or the daemon was
 * away. A user who is logged in would not hear of it until more comes.
 */
async function announceWaiting(queue: Queue, arrived: (mailbox: string) => void, log: Log): Promise<void> {
  try {
    for (const mailbox of await queue.nonEmpty()) arrived(mailbox)
  } catch (error) {
    log.error({ err: error }, "cannot look through the spool")
  }
}

/** Mail is accepted also when sweeping fails. */
async function sweep(queue: Queue, log: Log): Promise<void> {
  try {
    const swept = await queue.sweep()
    if (swept > 0) log.info({ swept }, "removed unfinished files of an earlier run")
  } catch (error) {
    log.error({ err: error }, "cannot sweep the spool")
  }
}

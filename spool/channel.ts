import { connectControl } from "../daemon/contract/channel.ts"
import type { Notice } from "../daemon/contract/control.ts"
import type { Log } from "../daemon/host/log.ts"
import type { ControlChannelLike } from "./main.ts"

/**
 * The control channel as the spool uses it. It connects by itself, now and after each loss; until then a
 * request fails at once.
 *
 * @param socket `paths.control`
 */
export function connectSpool(socket: string, log: Log): ControlChannelLike & { close(): Promise<void> } {
  const changed = new Set<(notice: Notice<"recipient.changed">) => void>()
  const connected = new Set<() => void>()
  const client = connectControl({
    socket,
    log,
    onNotice(notice) {
      if (notice.name === "recipient.changed") for (const listener of changed) listener(notice.notice)
    },
    onState(isConnected) {
      if (isConnected) for (const listener of connected) listener()
    },
  })
  return {
    request: (name, asks) => client.request(name, asks),
    notify: (name, notice) => client.notify(name, notice),
    onNotice: (_name, listener) => subscribed(changed, listener),
    onReconnect: (listener) => subscribed(connected, listener),
    close: () => client.close(),
  }
}

function subscribed<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

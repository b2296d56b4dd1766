import type { ControlClient, ControlLog } from "../daemon/contract/channel.ts"
import type { Paths } from "../daemon/host/paths.ts"
import type { Settings } from "../daemon/host/settings.ts"
import { Networks } from "./addresses.ts"
import { Admission } from "./admission.ts"
import type { House } from "./connection.ts"
import { Listener } from "./listener.ts"
import { TlsIdentity } from "./tls.ts"

export type RunningProxy = {
  /** Where clients are accepted, as bound. */
  readonly addresses: { imaps: string[]; imap: string[] }
  /** Reads the certificate again; when it is no good the old one is kept and the log says so. */
  reload(): Promise<void>
  /** `* BYE` to who has not logged in, an end to the others; `channel` stays the caller's. */
  close(): Promise<void>
}

/**
 * The front end: faces the clients, owns the TLS key, owns no mail.
 *
 * @throws the error of the first address or certificate that cannot be used; nothing is left open then
 */
export async function runProxy(
  settings: Settings,
  paths: Paths,
  channel: ControlClient,
  log: ControlLog,
): Promise<RunningProxy> {
  const house: House = {
    settings,
    channel,
    log,
    balancers: new Networks(settings.proxy.proxy_protocol_from),
    admission: new Admission(settings.proxy),
    identity: new TlsIdentity(paths, log),
  }
  const opened: Listener[] = []
  const close = async () => {
    house.identity.close()
    await Promise.all(opened.map((listener) => listener.close()))
  }
  const open = async (address: string, implicitTls: boolean) => {
    const listener = await Listener.open(address, implicitTls, house, paths.under(address))
    opened.push(listener)
    return listener.address
  }
  try {
    const addresses: RunningProxy["addresses"] = { imaps: [], imap: [] }
    for (const address of settings.proxy.imaps) addresses.imaps.push(await open(address, true))
    for (const address of settings.proxy.imap) addresses.imap.push(await open(address, false))
    log.info({ ...addresses }, "proxy listens")
    return {
      addresses,
      reload: async () => {
        if (house.identity.reload()) log.info({ certificate: paths.certificate }, "certificate loaded")
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

import { execFileSync } from "node:child_process"
import { settingsSchema } from "../../../daemon/host/settings.ts"
import { Mailkeep, until } from "../../harness/mailkeep.ts"
import { Dovecot, type Keys } from "./dovecot.ts"

const user = "bench"
const password = "correct-horse-battery"

/** A server that is measured, with one user who has nothing yet. */
export type Contender = {
  name: string
  ports: { imap: number; lmtp: number }
  user: string
  password: string
  /** Ends every process that has anything of the user's mail in memory. */
  forget(): Promise<void>
  /** What the user's mail takes on disk, in octets. */
  diskBytes(): number
  stop(): Promise<void>
}

/** As it is installed: default settings, but for failed logins, the log, and a session that ends soon after its last connection. */
export async function startMailkeep(): Promise<Contender> {
  const ends: (() => unknown)[] = []
  const mailkeep = await Mailkeep.start(
    { after: (end) => ends.push(end as () => unknown) },
    { [user]: password },
    {
      keys: settingsSchema.parse({}).keys,
      throttle: { delays_s: [0] },
      sessions: { linger_s: 1 },
      log: { level: "error" },
    },
  )
  return {
    name: "mailkeep",
    ports: mailkeep.ports,
    user,
    password,
    async forget() {
      await mailkeep.admin("sessions.kick", { name: user })
      await until("a worker is warm", async () => (await mailkeep.admin("status", {})).workers.warm > 0)
    },
    diskBytes: () => bytesBelow(mailkeep.settings.data_dir),
    async stop() {
      for (const end of ends) await end()
    },
  }
}

const names: Record<Keys, string> = { none: "plain", user: "mail-crypt", global: "mail-crypt" }

export async function startDovecot(keys: Keys): Promise<Contender> {
  const dovecot = await Dovecot.start(user, password, keys)
  return {
    name: names[keys],
    ports: dovecot.ports,
    user,
    password,
    // A process of Dovecot's serves one connection.
    forget: () => Promise.resolve(),
    diskBytes: () => bytesBelow(dovecot.home),
    stop: () => dovecot.stop(),
  }
}

function bytesBelow(folder: string): number {
  return Number(execFileSync("du", ["-sb", folder], { encoding: "utf8" }).split("\t")[0])
}

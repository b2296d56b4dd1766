import { isAbsolute, join, resolve } from "node:path"
import type { Settings } from "./settings.ts"

/** Where each file lives. `docs/formats.md` lists the same tree with modes. */
export type Paths = ReturnType<typeof pathsOf>

/** All paths of one installation, absolute. Nothing is created. */
export function pathsOf(settings: Settings) {
  const root = resolve(settings.data_dir)
  const under = (path: string) => (isAbsolute(path) ? path : join(root, path))
  return {
    root,
    /** User directory (SQLite, no secrets). */
    directory: join(root, "directory.sqlite"),
    bootSecret: under(settings.keys.boot_secret),
    /** Key slots, one file per slot, named by slot id. */
    slots: join(root, "keys", "slots"),
    certificate: under(settings.proxy.certificate),
    certificateKey: under(settings.proxy.key),
    /** Held with an exclusive lock by the daemon, and by offline commands. */
    lock: join(root, "daemon.lock"),
    run: join(root, "run"),
    /** Control socket of the daemon for proxy and spool. */
    control: join(root, "run", "control.sock"),
    /** One socket per worker. */
    workers: join(root, "run", "workers"),
    admin: under(settings.admin.socket),
    spool: join(root, "spool"),
    /** The spool directory of one mailbox: `tmp/`, `new/`, `quarantine/`. */
    spoolOf: (mailboxId: string) => join(root, "spool", mailboxId),
    mail: join(root, "mail"),
    /** The encrypted database of one mailbox. */
    databaseOf: (mailboxId: string) => join(root, "mail", mailboxId, "mail.db"),
    under,
  }
}

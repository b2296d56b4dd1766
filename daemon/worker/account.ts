import type { Settings } from "../host/settings.ts"
import type { Store, Usage } from "../store/store.ts"
import type { Ingest } from "./ingest.ts"
import type { KeptResults } from "./kept-results.ts"

/** pino's loggers fit. Nothing of a mail, and no name of a mailbox, is ever given to it. */
export type WorkerLog = {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

/** One user's open mailbox, shared by all of that user's connections. */
export type Account = {
  /** Login name, for the log. */
  readonly user: string
  readonly store: Store
  readonly ingest: Ingest
  readonly kept: KeptResults
  readonly limits: Settings["imap"]
  /** Largest message that APPEND takes (RFC 7889). */
  readonly maxMessageBytes: number
  /** Resolves when the spool of INBOX is empty or `flush_wait_ms` has passed; never rejects. */
  readonly settle: () => Promise<void>
  /** What is still in the spool, by the size of its files; never rejects. */
  readonly waiting: () => Promise<Usage>
  readonly log: WorkerLog
}

import { z } from "zod"
import { settingsSchema } from "../host/settings.ts"

/**
 * Every request of the admin API, in one table: JSON messages over a WebSocket on a Unix socket, path `/v1`.
 *
 * ```
 * request = {id, request: name, ...asks}
 * reply   = {id, ok: the reply} / {id, error: {fault, message}}
 * ```
 * No message carries a password or a key. Where one is needed, the reply is a ticket to the user's worker,
 * and the client speaks to that worker itself (`daemon/contract/preface.ts`).
 * Times are ms since the epoch, spans are seconds (`S`).
 */
const name = z.string().min(1).max(255)
const address = z.string().min(1).max(320)
const time = z.int().min(0)
const size = z.int().min(0)
const year = 366 * 86_400

const clockOverrides = z.strictObject({
  lingerS: z.int().min(0).max(year).nullable(),
  idleS: z.int().min(1).max(year).nullable(),
  maximumLifeS: z.int().min(0).max(year).nullable(),
  idleCounts: z.boolean().nullable(),
})
const clocks = z.strictObject({
  lingerS: z.number().min(0),
  idleS: z.number().min(0),
  /** 0 is none. */
  maximumLifeS: z.number().min(0),
  idleCounts: z.boolean(),
})

/** A user as the operator sees him: no keys. */
const user = z.strictObject({
  name: z.string(),
  mailbox: z.string(),
  status: z.enum(["active", "disabled", "incomplete"]),
  addresses: z.array(z.string()),
  clocks: clockOverrides,
  quotaBytes: size.nullable(),
  quotaMessages: size.nullable(),
  usageBytes: size,
  usageMessages: size,
  createdAt: time,
})

const session = z.strictObject({
  user: z.string(),
  state: z.enum(["UNLOCKING", "OPEN", "DRAINING"]),
  pid: z.int().nullable(),
  startedAt: time,
  openedAt: time.nullable(),
  lastCommandAt: time,
  connections: size,
  clocks,
  /** The clock that runs out first, or null when none runs. */
  expires: z.strictObject({ at: time, why: z.string() }).nullable(),
})

const connection = z.strictObject({
  id: z.int(),
  remote: z.string(),
  openedAt: time,
  lastCommandAt: time,
  command: z.string(),
  idling: z.boolean(),
  client: z.string().nullable(),
})

/** A way to a worker: `ticket` is 32 bytes in base64url, good once, for 10 s. */
const admission = z.strictObject({ worker: z.string().max(107), ticket: z.string().length(43) })

const nothing = z.strictObject({})
const ofUser = z.strictObject({ name })

export const adminRequests = {
  status: {
    asks: nothing,
    replies: z.strictObject({
      version: z.string(),
      pid: z.int(),
      startedAt: time,
      hostName: z.string(),
      /** False until the boot secret is there. */
      logins: z.boolean(),
      users: size,
      sessions: size,
      connections: size,
      workers: z.strictObject({ warm: size, kdfRunning: size, kdfWaiting: size }),
      /** Since the start of the daemon. */
      counts: z.strictObject({ opened: size, refused: size, crashed: size, flushed: size, quarantined: size }),
      spool: z.strictObject({ messages: size, bytes: size, quarantined: size }),
    }),
  },
  "user.list": { asks: nothing, replies: z.strictObject({ users: z.array(user) }) },
  "user.show": {
    asks: ofUser,
    /** `quota` is what applies: the user's own, or everybody's; 0 is no limit. */
    replies: z.strictObject({
      user,
      quota: z.strictObject({ quotaBytes: size, quotaMessages: size }),
      recipients: z.array(z.string()),
      session: session.nullable(),
    }),
  },
  /** Reserves the name; the user is active once the worker has made the mailbox (purpose `create`). */
  "user.add": {
    asks: z.strictObject({
      name,
      addresses: z.array(address).max(100).default([]),
      quotaBytes: size.nullable().default(null),
      quotaMessages: size.nullable().default(null),
    }),
    replies: admission,
  },
  /** Purpose `rekey`. */
  "user.passwd": { asks: ofUser, replies: admission },
  /** Purpose `export`. */
  "user.export": { asks: ofUser, replies: admission },
  /** `ended`: a session was open and is closed. */
  "user.disable": { asks: ofUser, replies: z.strictObject({ ended: z.boolean() }) },
  "user.enable": { asks: ofUser, replies: nothing },
  /** The user, his mail, his spool and his keys. */
  "user.delete": { asks: ofUser, replies: z.strictObject({ ended: z.boolean() }) },
  /** Absent: as it was; null: as everybody. A running session follows at once. */
  "user.clocks": {
    asks: z.strictObject({ name, clocks: clockOverrides.partial() }),
    replies: z.strictObject({ clocks: clockOverrides }),
  },
  "sessions.list": { asks: nothing, replies: z.strictObject({ sessions: z.array(session) }) },
  "sessions.show": { asks: ofUser, replies: z.strictObject({ session, connections: z.array(connection) }) },
  /** The whole session, or one of its connections. */
  "sessions.kick": {
    asks: z.strictObject({ name, connection: z.int().nullable().default(null) }),
    replies: nothing,
  },
  /** Clocks of one running session, at once, until it ends. Absent: as it was. */
  "sessions.idle": {
    asks: z.strictObject({
      name,
      clocks: z
        .strictObject({
          lingerS: z.int().min(0).max(year),
          idleS: z.int().min(1).max(year),
          maximumLifeS: z.int().min(0).max(year),
          idleCounts: z.boolean(),
        })
        .partial(),
    }),
    replies: z.strictObject({ clocks }),
  },
  "spool.list": {
    asks: nothing,
    replies: z.strictObject({
      mailboxes: z.array(
        z.strictObject({
          mailbox: z.string(),
          /** null: no user has this mailbox. */
          user: z.string().nullable(),
          messages: size,
          bytes: size,
          oldest: time.nullable(),
          quarantined: size,
          quarantinedBytes: size,
        }),
      ),
    }),
  },
  /** What the running daemon was started with. */
  "config.show": { asks: nothing, replies: z.strictObject({ settings: settingsSchema }) },
} as const

export type AdminRequests = typeof adminRequests
export type AdminRequestName = keyof AdminRequests
/** As handlers get it: defaults filled in. */
export type AdminAsks<N extends AdminRequestName> = z.output<AdminRequests[N]["asks"]>
/** As clients write it: what has a default may be left out. */
export type AdminAsksInput<N extends AdminRequestName> = z.input<AdminRequests[N]["asks"]>
export type AdminReplies<N extends AdminRequestName> = z.output<AdminRequests[N]["replies"]>

export type UserView = z.infer<typeof user>
export type SessionView = z.infer<typeof session>
export type ConnectionView = z.infer<typeof connection>
export type AdmissionView = z.infer<typeof admission>

/** What the daemon does for each request. A handler throws `AdminError` or `DirectoryError` to refuse. */
export type AdminHandlers = {
  [N in AdminRequestName]: (asks: AdminAsks<N>) => Promise<AdminReplies<N>>
}

export const adminFaults = [
  "bad-request",
  "unknown-request",
  "bad-name",
  "bad-address",
  "user-exists",
  "incomplete",
  "address-taken",
  "no-such-user",
  "no-such-session",
  "no-such-connection",
  "unavailable",
  "locked",
  "disk-full",
  "damaged",
  "newer-schema",
  "fault",
] as const

export type AdminFault = (typeof adminFaults)[number]

/** A refusal that travels to the client as `{fault, message}`; the message is one clear line. */
export class AdminError extends Error {
  readonly fault: AdminFault

  constructor(fault: AdminFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = "AdminError"
    this.fault = fault
  }
}

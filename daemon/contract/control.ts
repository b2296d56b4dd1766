import { z } from "zod"

/**
 * Every message on the control socket, which proxy and spool open to the daemon. No message carries a
 * password, a key or anything derived from one. A request gets exactly one reply with the same `id`;
 * a notice gets none. A message that does not fit its schema ends the connection that sent it.
 */
export const controlVersion = 1

const opaque = z.string().regex(/^[a-z2-7]{26}$/)
const address = z.string().min(1).max(320)

export const requests = {
  /** proxy → daemon: step 1 of a login. The same answer for known, unknown and disabled users. */
  "session.open": {
    asks: z.strictObject({
      user: z.string().min(1).max(255),
      /** Client address without port, for throttling and for `sessions list`. */
      remote: z.string().max(64),
      protocol: z.literal("imap"),
      tls: z.boolean(),
    }),
    replies: z.discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("ticket"),
        /** Path of the worker's socket. */
        worker: z.string().max(107),
        /** 32 random bytes, base64url; good once, for 10 s. */
        ticket: z.string().length(43),
      }),
      /** Logins are impossible or too many; the client may try again later. */
      z.strictObject({ kind: z.literal("unavailable"), why: z.string().max(200) }),
    ]),
  },
  /** spool → daemon: may this address receive, and to whom is it sealed? */
  "recipient.resolve": {
    asks: z.strictObject({ address }),
    replies: z.discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("found"),
        /** Opaque id that names the spool directory: 26 characters of base32. */
        mailbox: opaque,
        /** age recipients ("age1…"). */
        recipients: z.array(z.string().max(4096)).min(1).max(8),
        /** What may come in before it is to be asked again: octets of files, and messages; null is no limit. */
        room: z.strictObject({ bytes: z.int().min(1).nullable(), messages: z.int().min(1).nullable() }),
      }),
      z.strictObject({ kind: z.literal("refused"), why: z.enum(["no-such-user", "disabled", "over-quota"]) }),
    ]),
  },
} as const

export const notices = {
  /** spool → daemon: files are durable in `new/` of this mailbox. */
  "spool.arrived": z.strictObject({ mailbox: opaque }),
  /** daemon → spool: answers about this address, or all, are no longer true. */
  "recipient.changed": z.strictObject({ address: address.nullable() }),
} as const

export type Requests = typeof requests
export type RequestName = keyof Requests
export type Asks<N extends RequestName> = z.infer<Requests[N]["asks"]>
export type Replies<N extends RequestName> = z.infer<Requests[N]["replies"]>
export type NoticeName = keyof typeof notices
export type Notice<N extends NoticeName> = z.infer<(typeof notices)[N]>

import { z } from "zod"
import type { Settings } from "../host/settings.ts"

/**
 * Messages between the daemon and its own child, the worker, over the fork channel with `serialization:
 * "advanced"` (so bytes travel as bytes, never as JSON). The daemon never learns a password or a key.
 */
export type ToWorker =
  | { kind: "start"; settings: Settings; socket: string }
  /** First message that binds a warm worker to one login name; it never serves another. */
  | { kind: "assign"; assignment: Assignment }
  | { kind: "ticket"; ticket: Uint8Array; session: number; purpose: Purpose }
  /** Answers `kdf-wanted`. */
  | { kind: "kdf"; granted: boolean; request: number }
  | { kind: "flush" }
  /** Answers `credentials`: whether they are durable in the user directory. */
  | { kind: "credentials-stored"; stored: boolean }
  | { kind: "close"; why: CloseReason }
  /** One connection is to end, the session goes on. */
  | { kind: "drop"; connection: number; why: CloseReason }

/** What a ticket is good for; a preface that asks for anything else is refused. */
export type Purpose = "imap" | "create" | "rekey" | "export"

export type Assignment = {
  user: string
  /** Argon2id salt of this user, HMAC-SHA-256(boot secret, user)[0..16]; a decoy for unknown and disabled users. */
  salt: Uint8Array
  /** Parameter sets under which this user's slots may have been made; the first is for new slots. */
  kdf: KdfParameters[]
  /** Opaque mailbox id (26 base32 characters), or null for a user that does not exist. */
  mailbox: string | null
  /** 0 is no limit. */
  quotaBytes: number
  quotaMessages: number
}

const kdfParameters = z.strictObject({
  algorithm: z.literal("argon2id13"),
  /** Passes. */
  time: z.int().min(1),
  memoryKib: z.int().min(8),
  parallelism: z.literal(1),
})

export type KdfParameters = z.infer<typeof kdfParameters>

/** All in milliseconds; `maximumLifeMs` 0 is none. */
export type Clocks = { lingerMs: number; idleMs: number; maximumLifeMs: number; idleCounts: boolean }

const refusalReason = z.enum([
  "credential", // wrong password, unknown user, disabled user: one and the same outside
  "busy", // KDF queue full, or too many connections
  "damaged-slot",
  "damaged-database",
  "newer-database",
  "unusable-password", // create, rekey: the new password is not one that the profile admits
  "closing",
  "fault",
])

export type RefusalReason = z.infer<typeof refusalReason>

const number = z.int().min(0)
const text = z.string().max(1024)
const closeReason = z.enum([
  "kicked",
  "idle",
  "linger",
  "maximum-life",
  "shutdown",
  "disabled",
  "deleted",
  "credential-changed",
])

export type CloseReason = z.infer<typeof closeReason>

/**
 * What a worker says. It has met its user's mail, so what it sends is checked like anything from outside:
 * a worker that breaks the contract is killed, and the daemon goes on.
 */
export const fromWorker = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ready"), pid: number }),
  z.strictObject({ kind: z.literal("kdf-wanted"), request: number }),
  z.strictObject({ kind: z.literal("kdf-done"), request: number }),
  /** A connection was admitted; `fresh` when this login unlocked the mailbox. */
  z.strictObject({ kind: z.literal("opened"), session: number, connection: number, fresh: z.boolean() }),
  /** `fingerprint`: 4 octets derived from the failed slot id, so that repeating one wrong password does not escalate. */
  z.strictObject({
    kind: z.literal("refused"),
    session: number,
    why: refusalReason,
    fingerprint: z.custom<Uint8Array>((octets) => octets instanceof Uint8Array && octets.length === 4).nullable(),
  }),
  z.strictObject({ kind: z.literal("left"), connection: number }),
  z.strictObject({
    kind: z.literal("activity"),
    connection: number,
    at: number,
    command: text,
    idling: z.boolean(),
    client: text.nullable(),
  }),
  z.strictObject({ kind: z.literal("flushed"), messages: number, quarantined: number }),
  /** The user's age recipients and KDF parameters, to be made durable before the worker goes on. */
  z.strictObject({
    kind: z.literal("credentials"),
    recipients: z.array(z.string().max(4096)).min(1).max(8),
    kdf: z.array(kdfParameters).min(1).max(8),
  }),
  z.strictObject({ kind: z.literal("usage"), bytes: number, messages: number }),
  z.strictObject({ kind: z.literal("closing"), why: closeReason }),
])

export type FromWorker = z.infer<typeof fromWorker>

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
  /** Answers `credentials`: they are durable in the user directory. */
  | { kind: "credentials-stored" }
  | { kind: "close"; why: CloseReason }
  /** One connection is to end, the session goes on. */
  | { kind: "drop"; connection: number; why: CloseReason }

/** What a ticket is good for; a preface that asks for anything else is refused. */
export type Purpose = "imap" | "create" | "rekey" | "export"

export type CloseReason =
  | "kicked"
  | "idle"
  | "linger"
  | "maximum-life"
  | "shutdown"
  | "disabled"
  | "deleted"
  | "credential-changed"

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

export type KdfParameters = { algorithm: "argon2id13"; time: number; memoryKib: number; parallelism: 1 }

/** All in milliseconds; `maximumLifeMs` 0 is none. */
export type Clocks = { lingerMs: number; idleMs: number; maximumLifeMs: number; idleCounts: boolean }

export type RefusalReason =
  | "credential" // wrong password, unknown user, disabled user: one and the same outside
  | "busy" // KDF queue full, or too many connections
  | "damaged-slot"
  | "damaged-database"
  | "unusable-password" // create, rekey: the new password is not one that the profile admits
  | "closing"
  | "fault"

export type FromWorker =
  | { kind: "ready"; pid: number }
  | { kind: "kdf-wanted"; request: number }
  | { kind: "kdf-done"; request: number }
  /** A connection was admitted; `fresh` when this login unlocked the mailbox. */
  | { kind: "opened"; session: number; connection: number; fresh: boolean }
  /** `fingerprint`: 4 bytes derived from the failed slot id, so that repeating one wrong password does not escalate. */
  | { kind: "refused"; session: number; why: RefusalReason; fingerprint: Uint8Array | null }
  | { kind: "left"; connection: number }
  | { kind: "activity"; connection: number; at: number; command: string; idling: boolean; client: string | null }
  | { kind: "flushed"; messages: number; quarantined: number }
  /** The user's age recipients and KDF parameters, to be made durable before the worker goes on. */
  | { kind: "credentials"; recipients: string[]; kdf: KdfParameters[] }
  | { kind: "usage"; bytes: number; messages: number }
  | { kind: "closing"; why: CloseReason }

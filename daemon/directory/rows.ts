import { z } from "zod"
import { DirectoryError, type NewUser, type User } from "./directory.ts"

/** A row of `user` as SQLite gives it. */
export type UserRow = {
  id: number
  name: string
  mailbox: string
  status: string
  recipients: string
  kdf: string
  linger_s: number | null
  idle_s: number | null
  maximum_life_s: number | null
  idle_counts: number | null
  quota_bytes: number | null
  quota_messages: number | null
  usage_bytes: number
  usage_messages: number
  created_at: number
}
export type AddressRow = { address: string }

/** All columns of `user` but its row id. */
export const columns = [
  "name",
  "mailbox",
  "status",
  "recipients",
  "kdf",
  "linger_s",
  "idle_s",
  "maximum_life_s",
  "idle_counts",
  "quota_bytes",
  "quota_messages",
  "usage_bytes",
  "usage_messages",
  "created_at",
] as const satisfies (keyof UserRow)[]

const status = z.enum(["active", "disabled", "incomplete"])
const recipients = z.array(z.string())
const kdf = z.array(
  z.strictObject({
    algorithm: z.literal("argon2id13"),
    time: z.int(),
    memoryKib: z.int(),
    parallelism: z.literal(1),
  }),
)

/** @throws DirectoryError `damaged` when a column does not hold what was written */
export function userOf(row: UserRow, addresses: AddressRow[]): User {
  try {
    return {
      name: row.name,
      mailbox: row.mailbox,
      status: status.parse(row.status),
      addresses: addresses.map(({ address }) => address),
      recipients: recipients.parse(JSON.parse(row.recipients)),
      kdf: kdf.parse(JSON.parse(row.kdf)),
      clocks: {
        lingerS: row.linger_s,
        idleS: row.idle_s,
        maximumLifeS: row.maximum_life_s,
        idleCounts: row.idle_counts === null ? null : row.idle_counts === 1,
      },
      quotaBytes: row.quota_bytes,
      quotaMessages: row.quota_messages,
      usageBytes: row.usage_bytes,
      usageMessages: row.usage_messages,
      createdAt: row.created_at,
    }
  } catch (cause) {
    throw new DirectoryError("damaged", `the directory's record of ${row.name} is damaged`, { cause })
  }
}

/** The row of a user that is only reserved yet. */
export function rowOf(user: NewUser & Pick<User, "name" | "mailbox" | "createdAt">): Omit<UserRow, "id"> {
  return {
    name: user.name,
    mailbox: user.mailbox,
    status: "incomplete",
    recipients: "[]",
    kdf: "[]",
    linger_s: null,
    idle_s: null,
    maximum_life_s: null,
    idle_counts: null,
    quota_bytes: user.quotaBytes ?? null,
    quota_messages: user.quotaMessages ?? null,
    usage_bytes: 0,
    usage_messages: 0,
    created_at: user.createdAt,
  }
}

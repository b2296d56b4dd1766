import { z } from "zod"

/**
 * Every setting of mailkeep: name, type, default, meaning. This table is the only source: it checks
 * the TOML file, gives the TypeScript type, and prints `docs/configuration.md`.
 *
 * Units are in the names (`_s`, `_ms`, `_bytes`, `_kib`). An address is `host:port`, `[v6]:port`, or a
 * path of a Unix socket (anything that contains a `/`). Relative paths are taken from `data_dir`.
 */
const address = z.string().regex(/^(\[[0-9a-fA-F:.]+\]:\d{1,5}|[^:/\s]+:\d{1,5}|[^\s]*\/[^\s]*)$/, {
  error: "an address: host:port, [v6]:port or a socket path that contains a /",
})
const count = (least: number, most: number) => z.int().min(least).max(most)
const fileMode = z.string().regex(/^0[0-7]{3}$/, { error: 'an octal file mode in quotes, for example "0600"' })

const proxy = z.strictObject({
  imaps: z.array(address).default(["127.0.0.1:1993"]).describe("Addresses for IMAP over TLS (RFC 8314)."),
  imap: z
    .array(address)
    .default(["127.0.0.1:1143"])
    .describe("Addresses for IMAP that begins in plaintext and offers STARTTLS."),
  certificate: z.string().default("tls/cert.pem").describe("TLS certificate chain, PEM. Read again on SIGHUP."),
  key: z.string().default("tls/key.pem").describe("Private key of the certificate, PEM. Read again on SIGHUP."),
  allow_plaintext_login: z
    .boolean()
    .default(false)
    .describe("Allow login without TLS from addresses that are not loopback. Leave this off."),
  login_timeout_s: count(1, 3600).default(60).describe("A connection that has not logged in by then is closed."),
  max_line_bytes: count(512, 65536).default(8192).describe("Longest command line before login."),
  max_literal_bytes: count(64, 65536).default(4096).describe("Largest literal before login."),
  max_bad_commands: count(1, 100)
    .default(20)
    .describe("Bad commands in a row before login after which the connection is closed."),
  max_connections: count(1, 1_000_000).default(4096).describe("Connections in all."),
  max_connections_per_address: count(1, 100_000).default(50).describe("Connections from one client address."),
  refusal_ms: count(0, 60_000)
    .default(1000)
    .describe(
      "A refused login is answered at the next multiple of this time, so that its time tells nothing about the user.",
    ),
  proxy_protocol_from: z
    .array(z.string())
    .default([])
    .describe("Addresses or CIDR networks that must send a PROXY protocol v1 or v2 header before anything else."),
})

const sessions = z.strictObject({
  linger_s: count(0, 86_400).default(60).describe("How long a mailbox stays open after its last connection left."),
  idle_timeout_s: count(1, 7 * 86_400)
    .default(1800)
    .describe("A session without a command for this long is closed with BYE, locked and wiped."),
  idle_counts_as_activity: z
    .boolean()
    .default(true)
    .describe("Whether a connection that listens, in IDLE or after NOTIFY, keeps its session from going idle."),
  maximum_life_s: count(0, 366 * 86_400)
    .default(0)
    .describe("Upper bound of a session's life, after which the password is asked for again; 0 is none."),
  max_sessions: count(1, 100_000).default(1000).describe("Users logged in at one time."),
  max_unlocking: count(1, 10_000)
    .default(48)
    .describe(
      "Login names for which a worker is started but nobody is in yet, wrong names included; past that UNAVAILABLE.",
    ),
  max_connections_per_user: count(1, 10_000).default(40).describe("Connections of one user at one time."),
  warm_workers: count(0, 64)
    .default(1)
    .describe("Worker processes kept started for the next user; 0 starts each on demand."),
  kdf_concurrency: count(1, 256)
    .default(2)
    .describe("Password derivations that run at one time, each takes `keys.argon2_memory_kib`."),
  kdf_queue: count(0, 10_000)
    .default(64)
    .describe("Derivations that may wait; past that a login is answered UNAVAILABLE."),
  verifier_life_s: count(0, 86_400)
    .default(900)
    .describe(
      "How long a correct password is remembered by the open worker (as a keyed hash), so that the next connection does not pay the KDF.",
    ),
  drain_s: count(1, 600)
    .default(10)
    .describe("How long a closing session may finish its running command before it is killed."),
})

const throttle = z.strictObject({
  delays_s: z
    .array(count(0, 3600))
    .min(1)
    .default([2, 4, 8, 15])
    .describe(
      "Delay of the next login after the 1st, 2nd, … failure, and of each that comes meanwhile; the last repeats.",
    ),
  forget_s: count(1, 86_400).default(900).describe("Failures are forgotten after this long without a new one."),
  entries: count(16, 1_000_000)
    .default(10_000)
    .describe("Users and addresses whose failures are remembered at one time."),
})

const keys = z.strictObject({
  boot_secret: z.string().default("keys/boot-secret").describe("File with the boot secret (32 bytes, mode 0600)."),
  argon2_time: count(2, 64).default(3).describe("Argon2id passes for new key slots (RFC 9106)."),
  argon2_memory_kib: count(19_456, 4_194_304)
    .default(65_536)
    .describe("Argon2id memory for new key slots; the floor is OWASP's 19 MiB."),
})

const mailbox = z.strictObject({
  cipher: z
    .enum(["sqlcipher", "aegis"])
    .default("sqlcipher")
    .describe(
      "Cipher of mailboxes made from now on: `sqlcipher` (SQLCipher 4 format) or `aegis` (faster, this driver only).",
    ),
  quota_bytes: z.int().min(0).default(0).describe("Octets one user may store; 0 is no limit."),
  quota_messages: z.int().min(0).default(0).describe("Messages one user may store; 0 is no limit."),
  max_folders: count(10, 1_000_000)
    .default(10_000)
    .describe("Folders of one user, names that only hold others included."),
  max_folder_depth: count(2, 200).default(50).describe("Levels of a folder's name."),
  max_folder_name_bytes: count(100, 4000)
    .default(1000)
    .describe("Longest name of a folder, all levels, octets of UTF-8."),
  max_subscriptions: count(10, 1_000_000).default(20_000).describe("Subscribed names of one user."),
  max_keywords: count(10, 10_000).default(500).describe("Different keywords in one folder."),
  max_keywords_per_message: count(5, 1000).default(100).describe("Keywords of one message."),
  max_annotations_total_bytes: count(1024, 4_294_967_295)
    .default(16_777_216)
    .describe("Names and values of all annotations of one user (RFC 5464), in octets; they are no part of the quota."),
  cache_kib: count(256, 1_048_576)
    .default(16_384)
    .describe("SQLite page cache of one open mailbox, at most; it holds what was read, decrypted."),
})

const imap = z.strictObject({
  max_line_bytes: count(1024, 16_777_216)
    .default(65_536)
    .describe("Longest command line after login, literals not counted."),
  max_literal_bytes: count(1024, 16_777_216).default(1_048_576).describe("Largest literal that is not a message."),
  max_command_bytes: count(1024, 67_108_864)
    .default(4_194_304)
    .describe("Largest command in all, messages not counted."),
  max_nesting: count(4, 1000).default(50).describe("Deepest nesting of parentheses in a command."),
  max_sequence_ranges: count(16, 1_000_000).default(20_000).describe("Ranges in one sequence set."),
  max_items: count(50, 100_000)
    .default(1000)
    .describe(
      "Items in any one list of a command: what FETCH asks for, flags of STORE, mailboxes of ESEARCH; and search keys.",
    ),
  max_search_characters: count(100, 100_000)
    .default(1000)
    .describe("Longest text that a SEARCH looks for, in characters; a much longer one can take the server very long."),
  max_append_parts: count(1, 100_000)
    .default(1000)
    .describe("Messages in one APPEND (MULTIAPPEND), and parts of them (CATENATE)."),
  max_bad_commands: count(1, 10_000)
    .default(50)
    .describe("Bad commands in a row after which the connection is closed."),
  max_annotations: count(10, 100_000)
    .default(100)
    .describe("Annotations of one mailbox, and of the account itself (RFC 5464 §4.1: at least 10)."),
  max_annotation_bytes: count(1024, 16_777_216)
    .default(65_536)
    .describe("Largest value of an annotation (RFC 5464 §4.1: at least 1024)."),
  autologout_s: count(1800, 86_400)
    .default(1860)
    .describe("A connection that is silent for this long is closed (RFC 3501 §5.4: at least 30 minutes)."),
  max_contexts: count(1, 1000).default(16).describe("Searches of one connection that are kept up to date (RFC 5267)."),
  max_sorted_context: count(1, 10_000_000)
    .default(100_000)
    .describe("Messages in the result of one SORT that is kept up to date."),
  max_contexts_bytes: count(65_536, 4_294_967_295)
    .default(134_217_728)
    .describe("Memory, about, for the results of all searches of one user that are kept up to date."),
  message_limit: count(0, 4_294_967_295)
    .default(1_000_000)
    .describe(
      "Messages one command may work on (RFC 9738): beyond, a client gets the newest ones and is told so. 0 is no limit; the RFC wants at least 1000, and clients that do not know it take a part for the whole.",
    ),
  message_limit_for: z
    .enum(["all", "save"])
    .default("all")
    .describe("What the limit is for: `all` commands (MESSAGELIMIT), or `save`, only COPY and APPEND (SAVELIMIT)."),
  max_notify_groups: count(1, 10_000).default(100).describe("Event groups in one NOTIFY (RFC 5465)."),
  max_notify_mailboxes: count(1, 1_000_000).default(10_000).describe("Mailbox names in one NOTIFY."),
  max_notices: count(10, 1_000_000)
    .default(1000)
    .describe(
      "Changes of mailbox names, subscriptions and annotations that wait for one client; beyond, NOTIFY is switched off for it.",
    ),
  progress_ms: count(0, 600_000)
    .default(10_000)
    .describe("How often a command that works on many messages tells how far it is (RFC 9585)."),
  flush_wait_ms: count(0, 60_000)
    .default(2000)
    .describe("How long SELECT and STATUS of INBOX wait for mail that is still in the spool."),
})

const spool = z.strictObject({
  lmtp: z.array(address).default(["127.0.0.1:2424", "run/lmtp.sock"]).describe("Addresses for LMTP (RFC 2033)."),
  lmtp_socket_mode: fileMode.default("0660").describe("Mode of LMTP Unix sockets."),
  max_message_bytes: count(65_536, 2_147_483_647)
    .default(52_428_800)
    .describe("Largest message, for LMTP, `mailkeep deliver` and APPEND."),
  max_recipients: count(1, 10_000).default(100).describe("Recipients in one LMTP transaction."),
  max_clients: count(1, 10_000).default(100).describe("LMTP connections at one time."),
  recipient_cache_entries: count(0, 1_000_000).default(10_000).describe("Recipients remembered by the spool."),
  recipient_cache_s: count(1, 86_400).default(300).describe("How long an answer about a recipient is fresh."),
  recipient_stale_s: count(0, 30 * 86_400)
    .default(86_400)
    .describe("How long a known recipient is still served while the daemon cannot be asked."),
  timeout_s: count(1, 3600).default(300).describe("LMTP connections silent for this long are closed."),
})

const admin = z.strictObject({
  socket: z.string().default("run/admin.sock").describe("Unix socket of the admin API."),
  socket_mode: fileMode.default("0600").describe("Mode of the admin socket; 0660 admits its group."),
})

const log = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Least severe level that is written."),
})

export const settingsSchema = z.strictObject({
  data_dir: z
    .string()
    .min(1)
    .default("./var")
    .describe("Where everything lives. Relative to the configuration file, or to the working directory without one."),
  host_name: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,253}$/, { error: "a host name: letters, digits, dots and hyphens" })
    .default("localhost")
    .describe("Name in greetings, in the LMTP banner and in the self-signed certificate."),
  proxy: proxy.prefault({}).describe("The front end that mail clients connect to."),
  sessions: sessions.prefault({}).describe("Open mailboxes, their clocks and the worker pool."),
  throttle: throttle.prefault({}).describe("What failed logins cost, per address and per user."),
  keys: keys.prefault({}).describe("Key derivation."),
  mailbox: mailbox.prefault({}).describe("The encrypted database of each user."),
  imap: imap.prefault({}).describe("Limits of IMAP after login."),
  spool: spool.prefault({}).describe("Where mail waits, sealed, for its reader."),
  admin: admin.prefault({}).describe("The operator's socket."),
  log: log.prefault({}).describe("Logs: JSON lines on standard error."),
})

/** Settings after checking: every key present, defaults filled in. */
export type Settings = z.infer<typeof settingsSchema>

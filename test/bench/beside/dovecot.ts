import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePorts, until } from "../../harness/mailkeep.ts"
import { CountingClient } from "./counting-client.ts"

const program = "/usr/sbin/dovecot"
const doveadm = "/usr/bin/doveadm"

/** What is needed of each Debian package: a file that only this package brings. */
const packages: readonly [name: string, file: string][] = [
  ["dovecot-core", "/usr/lib/dovecot/modules/lib10_mail_crypt_plugin.so"],
  ["dovecot-imapd", "/usr/lib/dovecot/imap"],
  ["dovecot-lmtpd", "/usr/lib/dovecot/lmtp"],
]

/** Debian's user `mail`: Dovecot opens no mailbox as root. */
const mailUser = 8

/**
 * Whose key opens a mailbox: `none` is Dovecot without mail-crypt, `user` a key pair of the user's own that the
 * password opens (the nearest to mailkeep), `global` one pair for everybody, its private key in a file.
 */
export type Keys = "none" | "user" | "global"

/** What keeps Dovecot from being measured here, in words for whoever has to change it; or null. */
export function dovecotMissing(): string | null {
  const missing = packages.filter(([, file]) => !existsSync(file)).map(([name]) => name)
  if (missing.length > 0)
    return `these Debian packages are missing: ${missing.join(", ")}. Install them: apt-get install ${missing.join(" ")}`
  if (process.getuid?.() !== 0) return "run this as root: Dovecot starts its processes as several users"
  return null
}

export function dovecotVersion(): string {
  return execFileSync(program, ["--version"], { encoding: "utf8" }).trim()
}

/** A Dovecot of its own in a folder of its own, on loopback ports. */
export class Dovecot {
  readonly ports: { imap: number; lmtp: number }
  readonly home: string
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(ports: Dovecot["ports"], folder: string, home: string, child: ChildProcess) {
    this.ports = ports
    this.#folder = folder
    this.home = home
    this.#process = child
  }

  static async start(user: string, password: string, keys: Keys): Promise<Dovecot> {
    const folder = mkdtempSync(join(tmpdir(), "dovecot-"))
    chmodSync(folder, 0o755)
    const home = join(folder, "home", user)
    mkdirSync(home, { recursive: true })
    chownSync(home, mailUser, mailUser)
    if (keys === "global") makeGlobalKeys(folder)
    const [imap = 0, lmtp = 0] = await freePorts(2)
    const file = join(folder, "dovecot.conf")
    writeFileSync(file, configuration(folder, { imap, lmtp }, password, keys))
    const child = spawn(program, ["-F", "-c", file], { stdio: ["ignore", "ignore", "inherit"] })
    const dovecot = new Dovecot({ imap, lmtp }, folder, home, child)
    try {
      await until("Dovecot answers", () => logsIn(imap, user, password))
      if (keys === "user") makeUserKeys(file, user, password)
    } catch (error) {
      await dovecot.stop()
      throw error
    }
    return dovecot
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once("exit", resolve))
    if (this.#process.exitCode === null && this.#process.kill("SIGTERM")) await gone
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function logsIn(port: number, user: string, password: string): Promise<boolean> {
  try {
    const client = await CountingClient.login(port, user, password)
    client.close()
    return true
  } catch {
    return false
  }
}

/** The user's key pair; its private key is encrypted with the password, as ours is. Asks the running server who the user is. */
function makeUserKeys(file: string, user: string, password: string): void {
  const set = ["-o", `plugin/mail_crypt_private_password=${password}`]
  execFileSync(doveadm, ["-c", file, ...set, "mailbox", "cryptokey", "generate", "-u", user, "-U"], {
    stdio: ["ignore", "ignore", "inherit"],
  })
}

/** A key pair for all users, its private key without a password. mail-crypt reads keys of PKCS #8 only. */
function makeGlobalKeys(folder: string): void {
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: ["ignore", "ignore", "inherit"] })
  const [secret, open] = [join(folder, "private.pem"), join(folder, "public.pem")]
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", secret)
  openssl("pkey", "-in", secret, "-pubout", "-out", open)
}

const crypt: Record<Keys, (folder: string) => string> = {
  none: () => "",
  user: () => `
mail_plugins = $mail_plugins mail_crypt
mail_attribute_dict = file:%h/dovecot-attributes
plugin {
  mail_crypt_curve = prime256v1
  mail_crypt_save_version = 2
  mail_crypt_require_encrypted_user_key = yes
}
`,
  global: (folder) => `
mail_plugins = $mail_plugins mail_crypt
plugin {
  mail_crypt_global_private_key = <${folder}/private.pem
  mail_crypt_global_public_key = <${folder}/public.pem
  mail_crypt_save_version = 2
}
`,
}

/**
 * mdbox, which Dovecot's documentation calls its format for speed; everything else as Debian has it, but for
 * folders of its own, and no TLS: nobody here uses it.
 */
function configuration(folder: string, ports: Dovecot["ports"], password: string, keys: Keys): string {
  const opens = keys === "user" ? ` userdb_mail_crypt_private_password=${password}` : ""
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
instance_name = bench-${ports.imap}
log_path = ${folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = ${mailUser}
mail_location = mdbox:~/mdbox
auth_username_format = %n
postmaster_address = postmaster@localhost
passdb {
  driver = static
  args = password=${password}${opens}
}
userdb {
  driver = static
  args = uid=${mailUser} gid=${mailUser} home=${folder}/home/%n
}
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${ports.lmtp}
  }
}
namespace inbox {
  inbox = yes
}
${crypt[keys](folder)}`
}

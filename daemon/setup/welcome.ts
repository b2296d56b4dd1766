import { relative } from "node:path"
import { pathsOf } from "../host/paths.ts"
import type { Settings } from "../host/settings.ts"

/**
 * The screen after a start: what runs where, the first user's password (only when it was made just now), and
 * two commands to paste. Octets, because the password must not become a string.
 */
export function welcome(settings: Settings, user: string, password: Buffer | null): Buffer {
  const paths = pathsOf(settings)
  const here = (path: string) => relative(process.cwd(), path) || "."
  const imaps = settings.proxy.imaps[0] ?? ""
  const lmtp = settings.spool.lmtp.find((address) => !address.includes("/")) ?? ""
  const rows: [string, string][] = [
    ["IMAP over TLS", settings.proxy.imaps.join(", ")],
    ["IMAP with STARTTLS", settings.proxy.imap.join(", ")],
    [
      "LMTP",
      settings.spool.lmtp.map((address) => (address.includes("/") ? here(paths.under(address)) : address)).join(", "),
    ],
    ["data", here(paths.root)],
  ]
  const table = rows.map(([what, where]) => `  ${what.padEnd(20)}${where}`).join("\n")
  const account = Buffer.from(password === null ? "" : `\n\n  user                ${user}\n  password            `)
  const secret = password ?? Buffer.alloc(0)
  const note = password === null ? "" : "   (shown only now; it cannot be recovered)"
  const address = `${user}@${settings.host_name}`
  const commands = [
    "",
    "",
    "  Deliver a message, then read it back:",
    "",
    `    printf 'LHLO me\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<${address}>\\r\\nDATA\\r\\nSubject: hello\\r\\n\\r\\nIt works.\\r\\n.\\r\\nQUIT\\r\\n' | curl -s telnet://${lmtp}`,
    `    curl -s --cacert ${here(paths.certificate)} -u '${user}${password === null ? "" : ":"}`,
  ].join("\n")
  const rest = `' 'imaps://${imaps.replace("127.0.0.1", "localhost")}/INBOX;MAILINDEX=*'\n\n  Ctrl-C locks everything and stops.\n\n`
  const opening = `\nmailkeep is up\n\n${table}`
  return Buffer.concat([
    Buffer.from(opening),
    account,
    secret,
    Buffer.from(`${note}${commands}`),
    secret,
    Buffer.from(rest),
  ])
}

import assert from "node:assert/strict"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { ImapClient } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absence, run } from "./installed.ts"

const password = "correct-horse-battery"

test("neomutt reads, flags, copies and deletes without a screen", { skip: absence("neomutt") }, async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  for (const subject of ["one", "two", "three"])
    await mta.deliver(Buffer.from(`From: bob@example.org\r\nSubject: ${subject}\r\n\r\nbody of ${subject}\r\n`), [
      "alice@localhost",
    ])
  mta.close()
  const home = join(mailkeep.paths.root, "..", "mutt")
  mkdirSync(home)
  const saved = join(home, "saved")
  writeFileSync(
    join(home, "muttrc"),
    `set folder="imaps://alice@localhost:${mailkeep.ports.imaps}/"
set imap_pass="${password}"
set spoolfile="+INBOX"
set certificate_file="${mailkeep.paths.certificate}"
set ssl_verify_host=no
set ssl_starttls=yes
set header_cache="${home}/cache"
set imap_condstore=yes
set copy=no
set confirmappend=no
set sort=mailbox-order
set resolve=no
set delete=yes
set quit=yes
set wait_key=no
push "<first-entry><flag-message><next-entry><pipe-message>cat >${saved}<enter><next-entry><copy-message>+Archive<enter><delete-message><sync-mailbox><quit>"
`,
  )
  const { code, stderr } = await run("script", ["-qec", `neomutt -n -F ${home}/muttrc`, "/dev/null"], {
    env: { HOME: home, TERM: "xterm" },
    timeoutMs: 60_000,
  })
  assert.equal(code, 0, stderr)
  assert.match(readFileSync(saved, "utf8"), /body of two/)

  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  t.after(() => client.close())
  const { untagged } = await client.command("STATUS Archive (MESSAGES)")
  assert.deepEqual(untagged, ["* STATUS Archive (MESSAGES 1)"])
  assert.ok((await client.command("SELECT INBOX")).untagged.includes("* 2 EXISTS"))
  assert.deepEqual((await client.command("SEARCH FLAGGED")).untagged, ["* SEARCH 1"])
})

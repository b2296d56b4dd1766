import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test from "node:test"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"
import { absence, run } from "./installed.ts"
import { Tap } from "./tap.ts"

const password = "correct-horse-battery"

/** Rules as people write them: look, sort away, and wait for the next message. */
const rules = String.raw`
options.timeout = 30
options.subscribe = true
options.starttls = false
account = IMAP { server = "127.0.0.1", port = tonumber(os.getenv("PORT")), username = "alice", password = os.getenv("PASSWORD") }

function count(what, set, expected) assert(#set == expected, what .. ": " .. #set .. " instead of " .. expected) end

inbox = account.INBOX
folders, names = account:list_all()
count("folders", folders, 6)
account:create_mailbox("Lists/&ANw-bersicht")
assert(inbox:check_status() == 4)

count("new", inbox:is_new(), 4)
count("subject", inbox:contain_subject("[team]"), 2)
count("both", inbox:contain_subject("[team]") * inbox:is_unseen(), 2)
count("either", inbox:contain_subject("[team]") + inbox:contain_from("carol"), 3)
count("not", inbox:select_all() - inbox:contain_body("lunch"), 3)
count("pattern", inbox:match_subject("^\\[team\\] (L|M)"), 2)
count("query", inbox:send_query('OR SUBJECT "team" LARGER 100000'), 2)
count("older", inbox:is_older(1), 0)
count("header", inbox:contain_field("List-Id", "team.example"), 2)

team = inbox:contain_field("List-Id", "team.example")
team:add_flags({ "Team", "\\Flagged" })
count("keyword", inbox:has_keyword("Team"), 2)
team:move_messages(account["Lists/&ANw-bersicht"])
count("left", inbox:select_all(), 2)
count("moved", account["Lists/&ANw-bersicht"]:is_flagged(), 2)

carol = inbox:contain_from("carol")
carol:mark_seen()
carol:copy_messages(account.Archive)
mailbox, uid = table.unpack(carol[1])
assert(mailbox[uid]:fetch_field("subject") == "Subject: parts")
assert(mailbox[uid]:fetch_part("2") == "aGVsbG8=")
structure = mailbox[uid]:fetch_structure()
assert(structure["1"].type == "text/plain" and structure["2"].name == "x.bin")
account.Drafts:append_message(mailbox[uid]:fetch_message(), { "\\Draft" }, mailbox[uid]:fetch_date())
count("draft", account.Drafts:is_draft(), 1)
carol:delete_messages()
count("deleted", inbox:select_all(), 1)

assert(inbox:enter_idle())
count("pushed", inbox:contain_subject("pushed") * inbox:is_unseen(), 1)
account:rename_mailbox("Lists/&ANw-bersicht", "Lists/team")
inbox:select_all():move_messages(account["Lists/team"])
count("all", account["Lists/team"]:select_all(), 4)
print("done")
`

const letters = [
  "From: bob@example.org\r\nSubject: [team] Lunch\r\nList-Id: <team.example>\r\n\r\nlunch at noon\r\n",
  "From: bob@example.org\r\nSubject: [team] Minutes\r\nList-Id: <team.example>\r\n\r\nwhat was said\r\n",
  "From: dan@example.org\r\nSubject: other\r\n\r\nsomething else\r\n",
  'From: carol@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream; name="x.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n',
]

test("imapfilter's rules look, sort away, and run again when IDLE tells of a message", {
  skip: absence("imapfilter"),
}, async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  t.after(() => mta.close())
  for (const letter of letters) await mta.deliver(Buffer.from(letter), ["alice@localhost"])
  const tap = await Tap.open(t, mailkeep.ports.imap)
  const home = join(mailkeep.paths.root, "..", "imapfilter")
  mkdirSync(home)
  writeFileSync(join(home, "rules.lua"), rules)
  const finished = run("imapfilter", ["-c", join(home, "rules.lua")], {
    env: { HOME: home, IMAPFILTER_HOME: home, PORT: String(tap.port), PASSWORD: password },
    timeoutMs: 60_000,
  })
  await Promise.race([finished, until("it idles", () => tap.said("client", / IDLE$/).length > 0)])
  await mta.deliver(Buffer.from("From: eve@example.org\r\nSubject: pushed\r\n\r\nnew\r\n"), ["alice@localhost"])
  const { code, stdout, stderr } = await finished
  assert.equal(code, 0, `${stderr} ${stdout}`)
  assert.match(stdout.toString(), /done\n$/)
  assert.deepEqual(tap.refusals, [])
})

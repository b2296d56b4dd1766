import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import test, { after } from "node:test"
import { Mailkeep, until } from "../harness/mailkeep.ts"
import { absence, run } from "./installed.ts"

const password = "correct-horse-battery"
const skip = absence("curl")
const mailkeep = await Mailkeep.start({ after }, { alice: password })
const url = (path: string) => `imaps://localhost:${mailkeep.ports.imaps}/${path}`
const tls = ["-s", "-S", "--cacert", mailkeep.paths.certificate, "-u", `alice:${password}`]

test("curl delivers by LMTP and reads back over IMAPS, as the first screen says", { skip }, async () => {
  const dialogue =
    "LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<alice@localhost>\r\nDATA\r\nSubject: hello\r\n\r\nIt works.\r\n.\r\nQUIT\r\n"
  const sent = await run("curl", ["-s", `telnet://127.0.0.1:${mailkeep.ports.lmtp}`], { input: dialogue })
  assert.match(sent.stdout.toString(), /250 2\.0\.0/)
  const read = await curl("INBOX;MAILINDEX=*")
  assert.match(read.toString(), /^Subject: hello\r\n\r\nIt works\.\r\n$/)
})

test("curl uploads, searches, lists and sets flags", { skip }, async () => {
  const draft = join(mailkeep.paths.root, "draft.eml")
  writeFileSync(draft, "Subject: draft\r\n\r\nunfinished\r\n")
  const upload = await run("curl", [...tls, "-T", draft, url("Drafts")])
  assert.equal(upload.code, 0, upload.stderr)
  await until("the draft is there", async () => /SEARCH 1/.test((await curl("Drafts?SUBJECT%20draft")).toString()))
  assert.match((await curl("")).toString(), /\\Drafts.* Drafts/)
  assert.match((await curl("Drafts", ["-X", "STORE 1 +FLAGS \\Flagged"])).toString(), /\\Flagged/)
})

test("curl by STARTTLS, each mechanism, and the forms that a URL of RFC 5092 can have", { skip }, async () => {
  const draft = join(mailkeep.paths.root, "draft.eml")
  writeFileSync(draft, "Subject: one\r\nX-A: b\r\n\r\n0123456789\r\n")
  for (const options of ["AUTH=PLAIN", "AUTH=LOGIN", "AUTH=*"])
    for (const more of [["--sasl-ir"], []]) await curl("", ["--login-options", options, ...more])
  const startTls = [...tls, "--ssl-reqd", `imap://localhost:${mailkeep.ports.imap}/`]
  assert.match((await run("curl", startTls)).stdout.toString(), /\\Sent.* Sent/)

  const folder = "Entw%26APw-rfe%202026"
  await curl("", ["-X", 'CREATE "Entw&APw-rfe 2026"'])
  await curl(folder, ["-T", draft])
  await curl(folder, ["-T", draft])
  assert.match((await curl("", ["-X", 'STATUS "Entw&APw-rfe 2026" (MESSAGES)'])).toString(), /MESSAGES 2/)
  assert.match((await curl(folder, ["-X", "FETCH 1:2 (UID BODYSTRUCTURE)"])).toString(), /"TEXT" "PLAIN"/i)
  const got = async (rest: string) => (await curl(`${folder};${rest}`)).toString()
  assert.equal(await got("UID=2"), "Subject: one\r\nX-A: b\r\n\r\n0123456789\r\n")
  assert.equal(await got("UID=2;SECTION=TEXT"), "0123456789\r\n")
  assert.equal(await got("UID=1;SECTION=HEADER.FIELDS%20(X-A)"), "X-A: b\r\n\r\n")
  assert.equal(await got("UID=1;SECTION=1;PARTIAL=2.3"), "234")
  const { stdout } = await run("curl", [...tls, url(`${folder};UIDVALIDITY=1;UID=1`)])
  assert.equal(stdout.length, 0, "another mailbox of that name")
  assert.match((await curl(`${folder}?SUBJECT%20one%20NOT%20UID%201`)).toString(), /SEARCH 2\r\n/)
})

test("curl is refused with a wrong password", { skip }, async () => {
  const { code } = await run("curl", ["-s", "--cacert", mailkeep.paths.certificate, "-u", "alice:wrong", url("INBOX")])
  assert.equal(code, 67, "CURLE_LOGIN_DENIED")
})

async function curl(path: string, more: string[] = []): Promise<Buffer> {
  const { code, stdout, stderr } = await run("curl", [...tls, ...more, url(path)])
  assert.equal(code, 0, stderr)
  return stdout
}

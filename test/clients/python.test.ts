import assert from "node:assert/strict"
import test from "node:test"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absence, run } from "./installed.ts"

const password = "correct-horse-battery"

/** Every step asserts by itself; what it prints last is how far it came. */
const program = `
import imaplib, os, ssl, sys

def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]

trust = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
mail = imaplib.IMAP4_SSL("localhost", int(os.environ["PORT"]), ssl_context=trust)
ok(mail.login("alice", os.environ["PASSWORD"]))
assert "UIDPLUS" in mail.capabilities or "UIDPLUS" in ok(mail.capability())[0].decode(), mail.capabilities
ok(mail.create('"Work/Plans 2026"'))
ok(mail.subscribe('"Work/Plans 2026"'))
assert any(b"Plans 2026" in line for line in ok(mail.lsub()))
letter = b"From: Ben <ben@example.org>\\r\\nSubject: %s\\r\\nMIME-Version: 1.0\\r\\n\\r\\nbody of %s\\r\\n"
for name in (b"one", b"two", b"three"):
    ok(mail.append('"Work/Plans 2026"', r"(\\Seen)" if name == b"two" else None, imaplib.Time2Internaldate(1e9), letter % (name, name)))
assert ok(mail.select('"Work/Plans 2026"')) == [b"3"]
assert ok(mail.search(None, "UNSEEN")) == [b"1 3"]
mail.literal = b"two"
assert ok(mail.search("UTF-8", "SUBJECT")) == [b"2"]
(head, octets), end = ok(mail.uid("FETCH", "2", "(FLAGS BODY.PEEK[])"))
assert octets == letter % (b"two", b"two"), octets
(head, octets), end = ok(mail.fetch("1", "(BODY[TEXT]<5.6>)"))
assert octets == b"of one", octets
assert b"\\\\Flagged" in ok(mail.store("3", "+FLAGS", r"(\\Flagged \\Deleted)"))[0]
ok(mail.copy("1:2", "Archive"))
assert ok(mail.expunge()) == [b"3"]
ok(mail.uid("MOVE", "1", "Trash"))
assert b"MESSAGES 2" in ok(mail.status("Archive", "(MESSAGES UNSEEN)"))[0]
assert mail.namespace()[1][0].startswith(b'(("" "/"))')
ok(mail.close())
ok(mail.rename('"Work/Plans 2026"', "Done"))
ok(mail.delete("Done"))
assert mail.select("Done")[0] == "NO"
assert mail.logout()[0] == "BYE"
print("done")
`

test("Python's imaplib creates, appends, searches, flags, copies, moves and deletes", {
  skip: absence("python3"),
}, async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const { code, stdout, stderr } = await run("python3", ["-c", program], {
    env: { CERTIFICATE: mailkeep.paths.certificate, PORT: String(mailkeep.ports.imaps), PASSWORD: password },
  })
  assert.equal(code, 0, stderr)
  assert.equal(stdout.toString(), "done\n")
})

import assert from "node:assert/strict"
import test from "node:test"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absence, absenceOfModule, run } from "./installed.ts"

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
assert ok(mail.sort("(REVERSE SUBJECT)", "UTF-8", "ALL")) == [b"1"]
assert ok(mail.thread("REFERENCES", "UTF-8", "ALL")) == [b"(1)"]
assert mail.namespace()[1][0].startswith(b'(("" "/"))')
ok(mail.close())
utf8 = imaplib.IMAP4_SSL("localhost", int(os.environ["PORT"]), ssl_context=trust)
ok(utf8.login("alice", os.environ["PASSWORD"]))
ok(utf8.enable("UTF8=ACCEPT"))
ok(utf8.create('"Entwürfe/Ünïcode 📬"'))
assert any("Entwürfe/Ünïcode 📬".encode() in line for line in ok(utf8.list()))
assert any(b"Entw&APw-rfe/&ANw-n&AO8-code &2D3c7A-" in line for line in ok(mail.list()))
assert ok(utf8.select('"Entwürfe/Ünïcode 📬"')) == [b"0"]
utf8.logout()
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

/** One connection in several threads: commands are sent before earlier ones are answered, answers sorted out by tag. */
const threaded = String.raw`
import imaplib2, os, threading

def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]

def connect():
    mail = imaplib2.IMAP4_SSL("localhost", int(os.environ["PORT"]), ca_certs=os.environ["CERTIFICATE"])
    ok(mail.login("alice", os.environ["PASSWORD"]))
    # It does not ask again after the login.
    mail.capabilities = tuple(ok(mail.capability())[0].decode().upper().split())
    mail.enable_compression()
    return mail

mail, other = connect(), connect()
folder = '"Threads/&ANw-n&AO8-code &2D3crA-"'
ok(other.create(folder))
assert any(b"&2D3crA-" in line for line in ok(mail.list()))
letter = b"From: Ben <ben@example.org>\r\nSubject: letter %d\r\n\r\nbody of %d\r\n"
for n in range(1, 31):
    ok(mail.append(folder, "(\\Seen)" if n % 3 == 0 else None, None, letter % (n, n)))
assert ok(mail.select(folder)) == [b"30"]

answers = {}
lock = threading.Lock()
def keep(arguments):
    answer, what, failure = arguments
    with lock:
        answers[what] = failure or answer
for n in range(1, 31):
    mail.uid("FETCH", str(n), "(BODY.PEEK[TEXT])", callback=keep, cb_arg=("body", n))
    mail.store(str(n), "+FLAGS", "(\\Flagged)" if n % 2 else "(\\Answered)", callback=keep, cb_arg=("flag", n))
    mail.search(None, "SUBJECT", '"letter %d"' % n, callback=keep, cb_arg=("search", n))
ok(mail.noop())
assert len(answers) == 90, len(answers)
assert all(answer[0] == "OK" for answer in answers.values()), answers
assert ok(mail.search(None, "FLAGGED", "UNSEEN")) == [b"1 5 7 11 13 17 19 23 25 29"]
assert ok(mail.sort("REVERSE ARRIVAL", "UTF-8", "1:3")) == [b"3 2 1"]
bodies = ok(mail.uid("FETCH", "1:30", "(BODY.PEEK[])"))
assert [octets for part in bodies if isinstance(part, tuple) for octets in part[1:]] == [letter % (n, n) for n in range(1, 31)]

# A push ends IDLE, of which the thread that waits for it is told.
arrived = threading.Event()
mail.idle(timeout=60, callback=lambda arguments: arrived.set())
ok(other.noop())
ok(connect().append(folder, None, None, letter % (31, 31)))
assert arrived.wait(30)
assert ok(mail.search(None, "SUBJECT", '"letter 31"')) == [b"31"]

ok(mail.copy("1:5", "Archive"))
ok(mail.uid("MOVE", "6:10", "Trash"))
ok(mail.store("1:*", "+FLAGS.SILENT", "(\\Deleted)"))
ok(mail.close())
assert b"MESSAGES 0" in ok(mail.status(folder, "(MESSAGES)"))[0]
assert b"MESSAGES 5" in ok(mail.status("Trash", "(MESSAGES)"))[0]
ok(mail.delete(folder))
other.logout()
mail.logout()
print("done")
`

test("Python's imaplib2 has thirty commands under way at a time, compressed, and is pushed to", {
  skip: absenceOfModule("/usr/bin/python3", ["-c", "import imaplib2"], "python3-imaplib2"),
}, async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const { code, stdout, stderr } = await run("/usr/bin/python3", ["-c", threaded], {
    env: { CERTIFICATE: mailkeep.paths.certificate, PORT: String(mailkeep.ports.imaps), PASSWORD: password },
  })
  assert.equal(code, 0, stderr)
  assert.equal(stdout.toString(), "done\n")
})

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, test } from "node:test"
import { run } from "../../daemon/admin/cli/program.ts"
import { AdminError } from "../../daemon/admin/requests.ts"
import { openDirectory } from "../../daemon/directory/sqlite.ts"
import { parseSettings } from "../../daemon/host/configuration.ts"
import { Desk, entry, mailkeep, mailkeepProcess } from "./desk.ts"

/** The machine's own Node, when it is too old. */
function olderNode(): string | null {
  const path = (process.env.PATH ?? "")
    .split(":")
    .filter((folder) => !folder.includes("node_modules"))
    .join(":")
  const found = spawnSync("node", ["-p", "process.execPath + ' ' + process.versions.node"], {
    env: { PATH: path },
    encoding: "utf8",
  })
  const [file = "", version = "99"] = found.stdout?.trim().split(" ") ?? []
  return Number.parseInt(version, 10) < 24 ? file : null
}

const nobody = () => Promise.reject(new AdminError("no-such-user", "there is no user"))
const noUser = { "user.show": nobody }

describe("answers", { concurrency: 2 }, () => {
  const shown: [args: string[], asked: string, text: string][] = [
    [
      ["user", "list"],
      "user.list {}",
      "name   status  size     messages  addresses\nalice  active  5.0 MiB  1375      alice@mail.example, a@mail.example\n",
    ],
    [
      ["user", "show", "alice"],
      'user.show {"name":"alice"}',
      [
        "name:            alice",
        "status:          active",
        "addresses:       alice@mail.example, a@mail.example",
        `mailbox:         ${"a".repeat(26)}`,
        "stored:          5.0 MiB in 1375 messages, when the mailbox was last open",
        "quota, size:     1.0 GiB",
        "quota, messages: no limit (as configured)",
        "idle after:      5m",
        "lingers:         as everybody",
        "maximum life:    none",
        "IDLE keeps open: no",
        "sealed to:       age1abc",
        "session:         OPEN, 1 connections",
        "created:         2026-01-02 03:04:05",
        "",
      ].join("\n"),
    ],
    [
      ["sessions", "show", "alice"],
      'sessions.show {"name":"alice"}',
      [
        "user:            alice",
        "state:           OPEN",
        "worker:          process 4711",
        "opened:          2026-01-02 03:04:05",
        "closes:          not by itself",
        "idle after:      5m",
        "lingers:         1m",
        "maximum life:    none",
        "IDLE keeps open: yes",
        "",
        "id  from       since                command    at ... ago  client",
        "3   192.0.2.1  2026-01-02 03:04:05  UID FETCH  ... ago  evil?[2Jclient",
        "4   192.0.2.2  2026-01-02 03:04:05  IDLE       ... ago  -",
        "",
      ].join("\n"),
    ],
    [
      ["spool", "list"],
      "spool.list {}",
      [
        "user      waiting  size     oldest               quarantined  mailbox",
        `alice     2        2.0 KiB  2026-01-02 03:04:05  1 (512 B)    ${"a".repeat(26)}`,
        `(nobody)  0        0 B      -                    -            ${"b".repeat(26)}`,
        "",
      ].join("\n"),
    ],
    [["user", "disable", "alice"], 'user.disable {"name":"alice"}', "alice is disabled; his session was ended\n"],
    [
      ["user", "delete", "alice", "--yes"],
      'user.delete {"name":"alice"}',
      "alice is deleted, with all mail; the key slot that is left opens nothing\n",
    ],
    [
      ["user", "clocks", "alice", "--idle", "30m", "--linger", "default", "--idle-counts", "no"],
      'user.clocks {"name":"alice","clocks":{"lingerS":null,"idleS":1800,"idleCounts":false}}',
      "idle after:      30m\nlingers:         as everybody\nmaximum life:    as everybody\nIDLE keeps open: no\n",
    ],
    [
      ["sessions", "idle", "alice", "--idle", "5"],
      'sessions.idle {"name":"alice","clocks":{"idleS":5}}',
      "idle after:      5s\nlingers:         1m\nmaximum life:    none\nIDLE keeps open: yes\n",
    ],
    [
      ["sessions", "kick", "alice", "--connection", "3"],
      'sessions.kick {"name":"alice","connection":3}',
      "connection 3 of alice is closed\n",
    ],
  ]
  for (const [args, asked, text] of shown) {
    test(args.join(" "), async (t) => {
      const desk = new Desk(t)
      await desk.daemon(t)
      const ran = await desk.run(args)
      assert.deepEqual([ran.stderr, ran.code], ["", 0])
      assert.deepEqual(desk.asked, [asked])
      // How long ago something was is the one thing that differs from run to run.
      const steady = ran.stdout
        .replace(/\d+d( \d+h)? ago {2,}/g, "... ago  ")
        .replace(/ at {6,}client/, " at ... ago  client")
      assert.equal(steady, text)
    })
  }

  test("--help names every command, each with a line; the help of a group those of the group", async (t) => {
    const desk = new Desk(t)
    const { stdout, code } = await desk.run(["--help"])
    assert.equal(code, 0)
    const named = [...stdout.matchAll(/^ {2}([a-z][a-z -]*[a-z])(?: [[<].*?)? {2,}\S/gm)].map(([, name]) => name)
    assert.deepEqual(named, [
      ...["up", "daemon", "proxy", "spool", "spool list"],
      ...["user add", "user passwd", "user export-key", "user list", "user show"],
      ...["user disable", "user enable", "user delete", "user clocks"],
      ...["sessions list", "sessions show", "sessions kick", "sessions idle"],
      ...["deliver", "status", "config check", "config show"],
    ])
    const group = await desk.run(["sessions", "--help"])
    assert.match(group.stdout, /^ {2}kick \[options\] <user> {2,}close/m)
  })

  test("--json, before or after the command, gives the document", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t)
    const status = await desk.run(["--json", "status"])
    assert.equal(JSON.parse(status.stdout).counts.flushed, 1375)
    const sessions = await desk.run(["sessions", "list", "--json"])
    assert.equal(JSON.parse(sessions.stdout)[0].user, "alice")
  })
})

describe("passwords", { concurrency: 2 }, () => {
  test("user add hands the first line of standard input to the worker, and to nobody else", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t, noUser)
    await desk.worker(t, { status: "ok" })
    const ran = await desk.run(
      ["user", "add", "alice", "--address", "a@x.example", "--quota-bytes", "1G"],
      "gr\u00fcn \u20ac 123\r\nmore\n",
    )
    assert.deepEqual([ran.stderr, ran.code], ["", 0])
    assert.match(ran.stdout, /^alice is ready/)
    assert.deepEqual(desk.asked, [
      'user.show {"name":"alice"}',
      'user.add {"name":"alice","addresses":["a@x.example"],"quotaBytes":1073741824,"quotaMessages":null}',
    ])
    const [preface] = desk.prefaces
    assert.equal(preface?.purpose, "create")
    assert.equal(Buffer.from(preface?.credential ?? []).toString(), "gr\u00fcn \u20ac 123")
    assert.deepEqual(Buffer.from(preface?.ticket ?? []), Buffer.alloc(32, 7))
  })

  test("user add frees the name when the worker refuses the password", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t, noUser)
    await desk.worker(t, { status: "refused", why: "unusable-password" })
    const ran = await desk.run(["user", "add", "alice"], "good enough\n")
    assert.deepEqual([ran.code, ran.stdout], [1, ""])
    assert.equal(ran.stderr, "mailkeep: that password cannot be used: take printable characters in UTF-8\n")
    assert.equal(desk.asked.at(-1), 'user.delete {"name":"alice"}')
  })

  test("user add makes the mailbox itself when the daemon is down", async (t) => {
    const desk = new Desk(t)
    const ran = await desk.run(["user", "add", "Alice", "--json"], "good enough\n")
    assert.deepEqual([ran.stderr, ran.code], ["", 0])
    assert.deepEqual(JSON.parse(ran.stdout), { name: "Alice", created: true, online: false })
    const directory = openDirectory(join(desk.folder, "var/directory.sqlite"), { hostName: "localhost" })
    assert.equal((await directory.findByAddress("alice@localhost"))?.status, "active")
    await directory.close()
    const again = await desk.run(["user", "add", "alice"], "good enough\n")
    assert.deepEqual([again.stderr, again.code], ["mailkeep: there is a user alice already\n", 1])
  })

  test("user add leaves the user alone when the worker breaks off", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t, noUser)
    await desk.worker(t, null)
    const ran = await desk.run(["user", "add", "alice"], "good enough\n")
    assert.equal(ran.code, 1)
    assert.match(ran.stderr, /^mailkeep: the worker .*daemon's log.*\n$/)
    assert.match(desk.asked.at(-1) ?? "", /^user\.add/)
  })

  const unusable: [what: string, input: string | Buffer, text: RegExp][] = [
    ["none", "", /standard input had 0 of 1 lines: it has to hold the new password$/],
    ["an empty line", "\n", /no new password was given$/],
    ["7 characters", "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\n", /too short: take at least 8 characters$/],
    ["1025 bytes", "x".repeat(1025), /at most 1024 bytes$/],
  ]
  for (const [what, input, text] of unusable) {
    test(`user add refuses ${what}, before it asks for anything`, async (t) => {
      const desk = new Desk(t)
      await desk.daemon(t, noUser)
      const ran = await desk.run(["user", "add", "alice"], input)
      assert.deepEqual([ran.code, ran.stdout], [1, ""])
      assert.match(ran.stderr.trimEnd(), text)
      assert.deepEqual(desk.asked, ['user.show {"name":"alice"}'])
    })
  }

  test("user passwd takes the old and the new one", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t)
    await desk.worker(t, { status: "ok" })
    const ran = await desk.run(["user", "passwd", "alice", "--json"], "old\nbrand new one")
    assert.deepEqual([ran.stderr, ran.code], ["", 0])
    assert.deepEqual(JSON.parse(ran.stdout), { name: "alice", changed: true })
    const [preface] = desk.prefaces
    assert.equal(preface?.purpose, "rekey")
    assert.equal(Buffer.from(preface?.credential ?? []).toString(), "old")
    assert.equal(Buffer.from(preface?.second ?? []).toString(), "brand new one")
  })

  test("user export-key prints the key, when it is really wanted", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t)
    await desk.worker(t, { status: "ok" }, Buffer.from(Array.from({ length: 32 }, (_, index) => index * 8)))
    const unsure = await desk.run(["user", "export-key", "alice"], "password\n")
    assert.deepEqual([unsure.code, unsure.stdout], [2, ""])
    const sure = await desk.run(["user", "export-key", "alice", "--yes-print-key"], "password\n")
    assert.equal(sure.stdout, "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8\n")
    assert.equal(desk.prefaces[0]?.purpose, "export")
  })

  test("a wrong password is said so", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t)
    await desk.worker(t, { status: "refused", why: "credential" })
    const ran = await desk.run(["user", "export-key", "alice", "--yes-print-key", "--json"], "wrong\n")
    assert.deepEqual([ran.code, ran.stdout], [1, ""])
    assert.deepEqual(JSON.parse(ran.stderr).error, {
      fault: "credential",
      message: "that is not this user's password",
      exitCode: 1,
    })
  })
})

describe("command lines without sense", () => {
  const usage: [args: string[], text: RegExp][] = [
    [[], /which command\?/],
    [["nonsense"], /unknown command 'nonsense'/],
    [["spool", "nonsense"], /too many arguments|unknown command/],
    [["user", "add"], /missing required argument 'name'/],
    [["user", "list", "--nonsense"], /unknown option '--nonsense'/],
    [["user", "delete", "alice"], /required option '--yes' not specified/],
    [["user", "clocks", "alice", "--idle", "soon"], /"soon" is not a time: use 90, 90s, 30m, 8h or 2d/],
    [["sessions", "idle", "alice"], /say which clock to set/],
  ]
  for (const [args, text] of usage) {
    test(`${args.join(" ") || "no command"} ends with 2 and one line`, async (t) => {
      const { write } = process.stderr
      let written = ""
      process.stderr.write = (text: string | Uint8Array) => {
        written += text
        return true
      }
      t.after(() => {
        process.stderr.write = write
      })
      assert.equal(await run(args), 2)
      assert.match(written, text)
      if (args.length > 0) assert.match(written, /^mailkeep: [^\n]+\n$/)
    })
  }
})

/** Types answers at a terminal of its own: argv is program and arguments, standard input [expect, send] lines in JSON. */
const typist = `
import json, os, pty, select, sys, time
steps = [json.loads(line) for line in sys.stdin]
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b""
def read():
    global seen
    if not select.select([terminal], [], [], 30)[0]: return False
    try: more = os.read(terminal, 4096)
    except OSError: return False
    seen += more
    return more != b""
for expect, send in steps:
    while not seen.endswith(expect.encode()) and read(): pass
    os.write(terminal, send.encode())
while read(): pass
print(json.dumps({"seen": seen.decode(), "code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}))
`

describe("at a terminal", {
  skip: spawnSync("python3", ["--version"]).status !== 0 && "no python3, which has the pseudo-terminal",
}, () => {
  const first: [expect: string, send: string] = ["new password: ", "correct horsex\x7f\r"]
  const conversations: [what: string, steps: [string, string][], seen: string, code: number][] = [
    [
      "nothing that is typed is shown",
      [first, ["again: ", "correct horse\r"]],
      "\nalice is ready; this password, and nothing else, opens the mailbox\n",
      0,
    ],
    [
      "a second one that differs changes nothing",
      [first, ["again: ", "correct house\r"]],
      "\nmailkeep: the two are not the same: nothing was changed\n",
      1,
    ],
    ["Ctrl-C ends it", [first, ["again: ", "corr\x03"]], "\n", 130],
  ]
  for (const [what, steps, seen, code] of conversations) {
    test(what, async (t) => {
      const desk = new Desk(t)
      await desk.daemon(t, noUser)
      await desk.worker(t, { status: "ok" })
      const command = [process.execPath, entry, "user", "add", "alice", "--config", desk.config]
      const input = steps.map((step) => JSON.stringify(step)).join("\n")
      const ran = await mailkeepProcess("python3", ["-c", typist, ...command], input)
      assert.deepEqual(
        JSON.parse(ran.stdout),
        { seen: `new password: \nnew password, again: ${seen}`.replaceAll("\n", "\r\n"), code },
        ran.stderr,
      )
      const given = desk.prefaces.map(({ credential }) => Buffer.from(credential).toString())
      assert.deepEqual(given, code === 0 ? ["correct horse"] : [])
    })
  }
})

describe("failures", { concurrency: 2 }, () => {
  test("what the daemon refuses is one line and 1; with --json a document", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t, noUser)
    const ran = await desk.run(["user", "show", "bob"])
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [1, "", "mailkeep: there is no user\n"])
    const json = await desk.run(["user", "show", "bob", "--json"])
    assert.deepEqual(JSON.parse(json.stderr), {
      error: { fault: "no-such-user", message: "there is no user", exitCode: 1 },
    })
  })

  test("a daemon that is down is said so, with what to do", async (t) => {
    const desk = new Desk(t)
    const ran = await desk.run(["status"])
    assert.equal(ran.code, 1)
    assert.equal(
      ran.stderr,
      `mailkeep is not running (no answer on ${desk.socketPath}): start it with \`mailkeep up\`\n`,
    )
  })

  test("a wrong configuration is named in full, by every command", async (t) => {
    const desk = new Desk(t)
    writeFileSync(desk.config, "[sessions]\nlingr_s = 1\nidle_timeout_s = 0\n")
    const ran = await desk.run(["config", "check"])
    assert.equal(ran.code, 1)
    assert.equal(
      ran.stderr,
      `mailkeep: ${desk.config} line 2: sessions.lingr_s: unknown key: did you mean sessions.linger_s?\n` +
        `mailkeep: ${desk.config} line 3: sessions.idle_timeout_s: expected a whole number from 1 to 604800, not 0\n`,
    )
    const status = await desk.run(["status", "--json"])
    assert.equal(JSON.parse(status.stderr).error.fault, "configuration")
  })

  test("deliver asks the MTA to try again, whatever is wrong here", async (t) => {
    const desk = new Desk(t)
    writeFileSync(desk.config, "nonsense = 1\n")
    const wrong = await desk.run(["deliver", "alice@mail.example"], "Subject: x\r\n\r\n")
    assert.equal(wrong.code, 75)
    assert.match(wrong.stderr, /line 1: nonsense: unknown key/)
    const nobody = await desk.run(["deliver"])
    assert.deepEqual([nobody.code, nobody.stderr], [64, "mailkeep: missing required argument 'recipient'\n"])
  })

  test("an older Node gets one line", {
    skip: olderNode() === null && "no Node before 24 on this machine",
  }, async () => {
    const ran = await mailkeep(["status"], "", olderNode() ?? "")
    assert.deepEqual([ran.code, ran.stdout], [1, ""])
    assert.match(ran.stderr, /^mailkeep needs Node 24 or newer, this is v\d+\.\d+\.\d+; [^\n]+\n$/)
  })
})

describe("configuration", { concurrency: 2 }, () => {
  test("config show prints a file that means the same", async (t) => {
    const desk = new Desk(t)
    const ran = await desk.run(["config", "show"])
    assert.deepEqual(
      parseSettings(ran.stdout, "/x.toml"),
      parseSettings(
        'admin.socket = "../admin.sock"\nkeys.argon2_memory_kib = 19456\nkeys.argon2_time = 2',
        desk.config,
      ),
    )
    const json = await desk.run(["config", "show", "--json"])
    assert.equal(JSON.parse(json.stdout).data_dir, join(desk.folder, "var"))
  })

  test("config show --running asks the daemon", async (t) => {
    const desk = new Desk(t)
    await desk.daemon(t)
    assert.match((await desk.run(["config", "show", "--running"])).stdout, /^host_name = "running\.example"$/m)
  })

  test("config check names the file", async (t) => {
    const desk = new Desk(t)
    assert.equal((await desk.run(["config", "check"])).stdout, `${desk.config} is valid\n`)
  })
})

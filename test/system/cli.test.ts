import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, type TestContext, test } from "node:test"
import { settingsToml } from "../../daemon/host/configuration.ts"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { entry, type Ran, mailkeep as run } from "../admin/desk.ts"
import { type CommandLine, commandLineOf } from "../harness/command-line.ts"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { freePorts, Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
const better = "staple correct horse"
/** The command is compiled once, not in each of its many processes. */
process.env.NODE_COMPILE_CACHE = mkdtempSync(join(tmpdir(), "mailkeep-cli-cache-"))
after(() => rmSync(process.env.NODE_COMPILE_CACHE ?? "", { recursive: true, force: true }))

const message = Buffer.from("Subject: by pipe\r\n\r\n.one\r\ntwo\r\n")

describe("mailkeep", { concurrency: 2 }, () => {
  test("a user's life on the command line", async (t) => {
    const mailkeep = await Mailkeep.start(t, {}, { throttle: { delays_s: [0] } })
    const cli = commandLineOf(mailkeep)
    const login = (user: string, secret: string) => ImapClient.login(mailkeep.ports.imaps, user, secret)

    await t.test("user add, list, show", async () => {
      const added = await json(
        cli,
        ["user", "add", "alice", "--address", "a@mail.example", "--address", "alice@localhost"],
        `${password}\n`,
      )
      assert.deepEqual(added, { name: "alice", created: true, online: true })
      assert.match(await text(cli, ["user", "add", "bob", "--quota-messages", "9"], `${password}\n`), /^bob is ready/)
      assert.deepEqual(namesOf(await json(cli, ["user", "list"])), ["alice", "bob"])
      assert.match(await text(cli, ["user", "list"]), /^name +status.*\nalice +active.*a@mail\.example.*\nbob +active/)
      const shown = (await json(cli, ["user", "show", "bob"])) as { user: object; recipients: string[]; session: null }
      assert.deepEqual(
        [shown.user, shown.session].map((each) => each && (each as { quotaMessages: number }).quotaMessages),
        [9, null],
      )
      assert.match(shown.recipients.join(), /^age1[a-z0-9]+$/)
    })

    await t.test("deliver, spool list, and the mail is there at login", async () => {
      assert.deepEqual(await cli.run(["deliver", "-f", "mta@mail.example", "a@mail.example"], message), done)
      const [waiting] = (await json(cli, ["spool", "list"])) as [{ user: string; messages: number }]
      assert.deepEqual([waiting.user, waiting.messages], ["alice", 1])
      const client = await login("alice", password)
      assert.ok((await client.command("SELECT INBOX")).untagged.includes("* 1 EXISTS"))
      assert.ok(literalOf((await client.command("FETCH 1 BODY[]")).untagged[0] ?? "").equals(message))
      client.close()
      assert.deepEqual(await json(cli, ["spool", "list"]), [])
      const unknown = await cli.run(["deliver", "nobody@localhost"], message)
      assert.deepEqual([unknown.code, unknown.stdout], [67, ""], "EX_NOUSER of sysexits.h")
      assert.match(unknown.stderr, /^mailkeep: [^\n]*No such user[^\n]*\n$/)
    })

    await t.test("sessions list, show, idle, kick", async () => {
      const [first, second] = [await login("alice", password), await login("alice", password)]
      const [listed] = (await json(cli, ["sessions", "list"])) as [{ user: string; connections: number }]
      assert.deepEqual([listed.user, listed.connections], ["alice", 2])
      const shown = (await json(cli, ["sessions", "show", "alice"])) as {
        connections: { id: number; remote: string }[]
      }
      assert.deepEqual(
        shown.connections.map(({ remote }) => remote),
        ["127.0.0.1", "127.0.0.1"],
      )
      assert.match(await text(cli, ["sessions", "show", "alice"]), /^user: +alice\nstate: +OPEN\n/)
      const clocks = (await json(cli, ["sessions", "idle", "alice", "--idle", "7m"])) as { idleS: number }
      assert.equal(clocks.idleS, 420)
      await text(cli, ["sessions", "kick", "alice", "--connection", String(shown.connections[0]?.id)])
      assert.match(await first.response(), /^\* BYE/)
      assert.match((await second.command("NOOP")).status, /^OK/)
      await json(cli, ["sessions", "kick", "alice"])
      assert.match(await second.response(), /^\* BYE/)
    })

    await t.test("user passwd, disable, enable, export-key", async () => {
      assert.deepEqual(await json(cli, ["user", "passwd", "alice"], `${password}\n${better}\n`), {
        name: "alice",
        changed: true,
      })
      await assert.rejects(login("alice", password), /AUTHENTICATIONFAILED/)
      ;(await login("alice", better)).close()
      assert.match(await text(cli, ["user", "disable", "alice"]), /^alice is disabled/)
      await assert.rejects(login("alice", better), /AUTHENTICATIONFAILED/)
      assert.notEqual((await cli.run(["deliver", "alice@localhost"], message)).code, 0)
      assert.deepEqual(await json(cli, ["user", "enable", "alice"]), {})
      ;(await login("alice", better)).close()
      const exported = (await json(cli, ["user", "export-key", "alice", "--yes-print-key"], `${better}\n`)) as {
        key: string
      }
      assert.match(exported.key, /^[0-9a-f]{64}$/)
    })

    await t.test("user clocks, status, config", async () => {
      const clocks = (await json(cli, ["user", "clocks", "bob", "--linger", "5s"])) as { lingerS: number }
      assert.equal(clocks.lingerS, 5)
      const status = (await json(cli, ["status"])) as { users: number; pid: number }
      assert.deepEqual([status.users, status.pid], [2, mailkeep.pid("daemon")])
      assert.match(await text(cli, ["status"]), /^logins: +possible$/m)
      assert.deepEqual(await json(cli, ["config", "check"]), { file: cli.config, valid: true })
      assert.deepEqual(await json(cli, ["config", "show"]), await json(cli, ["config", "show", "--running"]))
    })

    await t.test("user delete takes everything", async () => {
      const { user } = await mailkeep.admin("user.show", { name: "bob" })
      await cli.run(["deliver", "bob@localhost"], message)
      const slots = readdirSync(mailkeep.paths.slots).length
      assert.match(await text(cli, ["user", "delete", "bob", "--yes"]), /^bob is deleted/)
      assert.equal(existsSync(mailkeep.paths.databaseOf(user.mailbox)), false)
      assert.equal(existsSync(mailkeep.paths.spoolOf(user.mailbox)), false)
      assert.deepEqual(namesOf(await json(cli, ["user", "list"])), ["alice"])
      assert.equal((await cli.run(["deliver", "bob@localhost"], message)).code, 67)
      await assert.rejects(login("bob", password), /AUTHENTICATIONFAILED/)
      t.diagnostic(`${slots} key slots before, ${readdirSync(mailkeep.paths.slots).length} after`)
    })
  })

  test("a password is in no command line and in no environment, of no process", async (t) => {
    const mailkeep = await Mailkeep.start(t, { alice: password })
    const cli = commandLineOf(mailkeep)
    const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
    const child = spawn(process.execPath, [entry, "user", "passwd", "alice", "--config", cli.config])
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.stdin.write(`${password}\n`)
    const worker = await mailkeep.workerPid("alice")
    const pids = [child.pid, worker, ...(["daemon", "proxy", "spool"] as const).map((name) => mailkeep.pid(name))]
    const look = () => {
      for (const pid of pids)
        for (const file of ["cmdline", "environ"]) {
          const octets = readFileSync(`/proc/${pid}/${file}`, "latin1")
          assert.ok(octets.length > 0 && !octets.includes(password) && !octets.includes(better), `${pid} ${file}`)
        }
    }
    look()
    await until("the command runs", () => readFileSync(`/proc/${child.pid}/cmdline`, "latin1").includes("passwd"))
    for (let n = 0; n < 10; n++) {
      look()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    child.stdin.end(`${better}\n`)
    assert.equal(await ended, 0)
    assert.match(await client.response(), /^\* BYE The password was changed/)
  })

  test("what cannot be done is one clear line", async (t) => {
    const mailkeep = await Mailkeep.prepare(t, { alice: password })
    const cli = commandLineOf(mailkeep)

    await t.test("while nothing runs", async () => {
      for (const args of [["status"], ["sessions", "kick", "alice"]])
        await refusal(
          cli,
          args,
          1,
          /^mailkeep is not running \(no answer on .*admin\.sock\): start it with `mailkeep up`$/,
        )
      const ran = await cli.run(["deliver", "alice@localhost"], message)
      assert.equal(ran.code, 75, "EX_TEMPFAIL of sysexits.h")
      assert.match(ran.stderr, /^mailkeep: [^\n]+\n$/)
    })

    for (const name of ["daemon", "spool", "proxy"] as const) await mailkeep.startComponent(name)
    const commands: [args: string[], code: number, line: RegExp][] = [
      [["user", "show", "nobody"], 1, /^mailkeep: there is no user "?nobody"?$/],
      [["user", "delete", "nobody", "--yes"], 1, /^mailkeep: there is no user "?nobody"?$/],
      [["user", "passwd", "nobody"], 1, /^mailkeep: there is no user "?nobody"?$/],
      [["sessions", "show", "alice"], 1, /^mailkeep: alice is not logged in$/],
      [["user", "add", "alice"], 1, /^mailkeep: there is a user alice already$/],
      [["user", "add", "two\nlines"], 1, /^mailkeep: .+/],
      [["user", "delete", "alice"], 2, /^mailkeep: required option '--yes' not specified$/],
      [["daemon"], 1, /^mailkeep: daemon: another mailkeep daemon uses .+: stop it, or set another data_dir$/],
      [["proxy"], 1, /^mailkeep: proxy: 127\.0\.0\.1:\d+ is in use by another program: .+$/],
      [["spool"], 1, /^mailkeep: spool: 127\.0\.0\.1:\d+ is in use by another program: .+$/],
      [["up"], 1, /^mailkeep: another mailkeep uses .+: stop it, or set another data_dir$/],
    ]
    for (const [args, code, line] of commands)
      await t.test(args.join(" "), () => refusal(cli, args, code, line, "a new password\n"))
    await t.test("a wrong password", async () => {
      const line = /^mailkeep: that is not this user's password$/
      await refusal(cli, ["user", "passwd", "alice"], 1, line, `not ${password}\n${better}\n`)
      await refusal(cli, ["user", "export-key", "alice", "--yes-print-key"], 1, line, `not ${password}\n`)
    })
  })

  test("mailkeep up says in one line why it cannot start", async (t) => {
    await t.test("a port is in use; when it is free, the first user is made and shown", async (t) => {
      const busy = createServer()
      await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve))
      const { port } = busy.address() as { port: number }
      const [imap, lmtp] = await freePorts(2)
      const config = configuration(temporary(t), {
        proxy: { imaps: [`127.0.0.1:${port}`], imap: [`127.0.0.1:${imap}`] },
        spool: { lmtp: [`127.0.0.1:${lmtp}`] },
      })
      const ran = await run(["up", "--config", config])
      busy.close()
      assert.deepEqual([ran.code, ran.stdout], [1, ""])
      const line = `^mailkeep: proxy: 127\\.0\\.0\\.1:${port} is in use by another program: [^\\n]+\\n$`
      assert.match(ran.stderr, new RegExp(line))

      const up = spawn(process.execPath, [entry, "up", "--config", config], { stdio: ["ignore", "pipe", "inherit"] })
      let said = ""
      up.stdout.setEncoding("utf8").on("data", (more: string) => {
        said += more
      })
      await until("it is up", () => said.includes("Ctrl-C locks everything"))
      const shown = / password +(\S+) /.exec(said)?.[1] ?? ""
      ;(await ImapClient.login(port, "me", shown)).close()
      up.kill("SIGINT")
      assert.equal(await new Promise((resolve) => up.once("exit", resolve)), 0)
      assert.match(said, /everything is locked\.\n$/)
    })

    await t.test("the data directory cannot be written", async (t) => {
      const folder = temporary(t)
      const config = configuration(folder, {})
      chmodSync(config, 0o644)
      chmodSync(folder, 0o555)
      const ran = await asNobody(["up", "--config", config])
      assert.deepEqual([ran.code, ran.stdout], [1, ""])
      assert.match(
        ran.stderr,
        /^mailkeep: up: no permission for [^\n]+: make it writable for this user, or set data_dir in mailkeep\.toml\n$/,
      )
    })

    await t.test("the data directory is a file", async (t) => {
      const folder = temporary(t)
      writeFileSync(join(folder, "var"), "")
      const ran = await run(["up", "--config", configuration(folder, {})])
      assert.deepEqual([ran.code, ran.stdout], [1, ""])
      assert.match(ran.stderr, /^mailkeep: [^\n]+ is not a directory\n$/)
    })

    const old = olderNode()
    await t.test("Node is too old", { skip: old === null && "no Node before 24 on this machine" }, async () => {
      const ran = await run(["up"], "", old ?? "")
      assert.deepEqual([ran.code, ran.stdout], [1, ""])
      assert.match(ran.stderr, /^mailkeep needs Node 24 or newer, this is v\d+\.\d+\.\d+; [^\n]+\n$/)
    })
  })
})

const done: Ran = { code: 0, stdout: "", stderr: "" }

async function text(cli: CommandLine, args: string[], input = ""): Promise<string> {
  const ran = await cli.run(args, input)
  assert.deepEqual([ran.stderr, ran.code], ["", 0], args.join(" "))
  return ran.stdout
}

async function json(cli: CommandLine, args: string[], input = ""): Promise<unknown> {
  return JSON.parse(await text(cli, [...args, "--json"], input))
}

/** One line for people, and with --json a document that says the same. */
async function refusal(cli: CommandLine, args: string[], code: number, line: RegExp, input = ""): Promise<void> {
  const [plain, structured] = await Promise.all([cli.run(args, input), cli.run([...args, "--json"], input)])
  assert.deepEqual([plain.code, plain.stdout, structured.code], [code, "", code], plain.stderr)
  assert.match(plain.stderr, /^[^\n]+\n$/)
  assert.match(plain.stderr.trimEnd(), line)
  const { error } = JSON.parse(structured.stderr) as { error: { message: string; exitCode: number } }
  assert.equal(error.exitCode, code)
  assert.ok(plain.stderr.includes(error.message), error.message)
}

function namesOf(users: unknown): string[] {
  return (users as { name: string }[]).map(({ name }) => name)
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "mailkeep-cli-"))
  t.after(() => {
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

function configuration(folder: string, settings: object): string {
  const defaults = { data_dir: join(folder, "var"), log: { level: "error" } }
  const config = join(folder, "mailkeep.toml")
  writeFileSync(config, settingsToml(settingsSchema.parse({ ...defaults, ...settings })))
  return config
}

/** As a user without any rights, when this is root. */
function asNobody(args: string[]): Promise<Ran> {
  const identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const child = spawn(process.execPath, [entry, ...args], { ...identity, stdio: ["ignore", "pipe", "pipe"] })
  const said = { stdout: "", stderr: "" }
  child.stdout.on("data", (chunk) => {
    said.stdout += chunk
  })
  child.stderr.on("data", (chunk) => {
    said.stderr += chunk
  })
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...said })))
}

/** The machine's own Node, when it is too old. */
function olderNode(): string | null {
  const elsewhere = (process.env.PATH ?? "").split(":").filter((folder) => !folder.includes("node_modules"))
  const found = spawnSync("node", ["-p", "process.execPath + ' ' + process.versions.node"], {
    env: { PATH: elsewhere.join(":") },
    encoding: "utf8",
  })
  const [file = "", version = "99"] = found.stdout?.trim().split(" ") ?? []
  return Number.parseInt(version, 10) < 24 ? file : null
}

import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { constants, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test, { type TestContext } from "node:test"
import { absence } from "../clients/installed.ts"
import { ImapClient, literalOf } from "../harness/imap-client.ts"
import { LmtpClient } from "../harness/lmtp-client.ts"
import { Mailkeep, until } from "../harness/mailkeep.ts"

const password = "correct horse battery"
/** In subject, address, body, attachment, folder, keyword, search: none may be on the disk, nor in a file's name. */
const words = ["xylophone", "marmalade", "quokka", "zeppelin", "juniper", "obelisk"] as const
const [inSubject, inAddress, inBody, inAttachment, inFolder, inKeyword] = words

/** Every call by which a file can come to be or be opened for writing, and the one that lets Node do without such calls. */
const calls = [
  ..."open openat openat2 creat memfd_create mkdir mkdirat mknod mknodat".split(" "),
  ..."link linkat symlink symlinkat rename renameat renameat2 io_uring_setup".split(" "),
]

test("daemon and workers write nothing but the files of the design, and nothing in plaintext", {
  skip: absence("strace"),
}, async (t) => {
  // Without warm workers every worker is forked, and followed, after the trace began.
  const mailkeep = await Mailkeep.start(t, { alice: password }, { sessions: { warm_workers: 0 } })
  const trace = await Trace.of(t, mailkeep.pid("daemon"))
  const mta = await LmtpClient.open({ port: mailkeep.ports.lmtp })
  for (let n = 0; n < 20; n++) await mta.deliver(letter(n), ["alice@localhost"])
  await mta.deliver(letter(20, 3_000_000), ["alice@localhost"])
  assert.deepEqual(plaintext(mailkeep), [], "while mail waits")

  const client = await ImapClient.login(mailkeep.ports.imaps, "alice", password)
  const worker = (await mailkeep.workerPid("alice")) ?? 0
  await until("the spool is empty", async () => (await mailkeep.admin("status", {})).spool.messages === 0)
  await client.command(`CREATE ${inFolder}`)
  for (const size of [1000, 3_000_000]) {
    const message = letter(size, size)
    assert.match((await client.command(`APPEND ${inFolder} {${message.length}}`, message)).status, /^OK/)
  }
  await client.command("SELECT INBOX")
  for (const search of [
    `BODY ${inBody}`,
    `TEXT ${inAttachment}`,
    `SUBJECT ${inSubject}`,
    "NOT BODY absent",
    "OR BODY mar TEXT xyl",
  ])
    assert.match((await client.command(`SEARCH ${search}`)).untagged[0] ?? "", /^\* SEARCH 1 2 3 /, search)
  const { untagged } = await client.command("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
  assert.ok(literalOf(/BODY\[\].*/s.exec(untagged[20] ?? "")?.[0] ?? "").includes(inBody))
  await client.command(`STORE 1:10 +FLAGS (\\Deleted ${inKeyword})`)
  await client.command(`COPY 1:* ${inFolder}`)
  await client.command("EXPUNGE")
  await client.command(`RENAME ${inFolder} ${inFolder}2`)
  assert.deepEqual(plaintext(mailkeep), [], "while the mailbox is open")
  for (const pid of [worker, mailkeep.pid("daemon")])
    assert.deepEqual(
      openFiles(pid).filter((path) => !isExpected(mailkeep, path)),
      [],
      "files open for writing",
    )

  await client.command("LOGOUT")
  mta.close()
  await mailkeep.admin("sessions.kick", { name: "alice" })
  await until("the worker is gone", async () => (await mailkeep.workerPid("alice")) === null)
  assert.deepEqual(plaintext(mailkeep), [], "after the mailbox was locked")

  const written = await trace.end()
  t.diagnostic(
    `${written.length} calls: ${[...new Set(written.map(({ target }) => target.replace(mailkeep.paths.root, "")))].join(" ")}`,
  )
  assert.ok(
    written.some(({ pid, target }) => pid === worker && target.endsWith("/mail.db-wal")),
    "the trace saw the worker",
  )
  assert.deepEqual(
    written.filter(({ target }) => !isExpected(mailkeep, target)).map(({ line }) => line),
    [],
  )
})

/** What daemon and workers may make or write. */
function isExpected(mailkeep: Mailkeep, path: string): boolean {
  const { paths } = mailkeep
  const mailbox = "[a-z2-7]{26}"
  const patterns = [
    "/dev/null",
    `${paths.mail}/${mailbox}/mail\\.db(-wal)?`,
    `${paths.directory}(-wal|-shm|-journal)?`,
    `${paths.lock}(-journal)?`,
  ]
  return new RegExp(`^(${patterns.join("|")})$`).test(path)
}

type Call = { pid: number; line: string; target: string }

/** strace on a process and all that it forks from now on. */
class Trace {
  readonly #folder: string
  readonly #strace: ChildProcess

  private constructor(folder: string, strace: ChildProcess) {
    this.#folder = folder
    this.#strace = strace
  }

  static async of(t: TestContext, pid: number): Promise<Trace> {
    const folder = mkdtempSync(join(tmpdir(), "mailkeep-trace-"))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    // A file per thread (-ff), so that no call is torn into an unfinished and a resumed half.
    const args = ["-ff", "-s", "4096", "-e", `trace=${calls.join(",")}`, "-o", join(folder, "trace"), "-p", String(pid)]
    const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] })
    t.after(() => strace.kill())
    let said = ""
    strace.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    await until(`strace is attached: ${said}`, () => {
      if (strace.exitCode !== null) throw new Error(`strace ended: ${said}`)
      return said.includes(`Process ${pid} attached`)
    })
    return new Trace(folder, strace)
  }

  /** Every call that made a file or opened one for writing, whether or not it succeeded. */
  async end(): Promise<Call[]> {
    const ended = new Promise((resolve) => this.#strace.once("exit", resolve))
    this.#strace.kill("SIGINT")
    await ended
    return readdirSync(this.#folder).flatMap((name) =>
      readFileSync(join(this.#folder, name), "utf8")
        .split("\n")
        .filter((line) => line !== "" && !/^(---|\+\+\+)/.test(line) && !isHarmless(line))
        .map((line) => ({ pid: Number(name.split(".").at(-1)), line, target: targetOf(line) })),
    )
  }
}

/** Opening for reading. And libuv's ring for epoll: the one through which it could open files polls (SQPOLL). */
function isHarmless(line: string): boolean {
  if (line.startsWith("io_uring_setup(")) return !line.includes("IORING_SETUP_SQPOLL")
  return /^open(at2?)?\(/.test(line) && !/O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE|APPEND)/.test(line)
}

/** The last path of a call: what came to be. */
function targetOf(line: string): string {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].at(-1)?.[1] ?? line
}

/** Regular files that a process has open for writing, those included that have no name any more. */
function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const path = readlinkSync(`/proc/${pid}/fd/${fd}`)
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1] ?? "0"
    const isWritable = (Number.parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0
    return isWritable && (path.startsWith("/") || path.includes("memfd")) ? [path] : []
  })
}

/** `file: word` for each known word in any file below the data directory, or in its name. */
function plaintext(mailkeep: Mailkeep): string[] {
  const found: string[] = []
  for (const name of readdirSync(mailkeep.paths.root, { recursive: true, encoding: "utf8" })) {
    const path = join(mailkeep.paths.root, name)
    const content = statSync(path).isFile() ? readFileSync(path).toString("latin1").toLowerCase() : ""
    for (const word of words) if (`${name} ${content}`.includes(word)) found.push(`${name}: ${word}`)
  }
  return found
}

/** The words in every place; the text repeated up to a size, so that it is stored in several pieces. */
function letter(number: number, size = 500): Buffer {
  const text = `The ${inBody} ate it all, ${number} times.\r\n`
  return Buffer.from(
    [
      `Subject: ${inSubject} ${number}\r\nFrom: ${inAddress}@example.org\r\nMessage-ID: <${number}.${inSubject}@example.org>`,
      'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n',
      `${text.repeat(Math.ceil(size / text.length))}--b`,
      `Content-Type: text/plain; name="${inAttachment}.txt"\r\nContent-Disposition: attachment\r\n\r\n${inAttachment}\r\n--b--\r\n`,
    ].join("\r\n"),
  )
}

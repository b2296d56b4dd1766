import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { after, test } from "node:test"
import { ConfigurationError, loadSettings, parseSettings } from "../../daemon/host/configuration.ts"
import { type Settings, settingsSchema } from "../../daemon/host/settings.ts"

const defaults = settingsSchema.parse({})

const good: [toml: string, check: (settings: Settings) => void][] = [
  ["", (settings) => assert.deepEqual(settings, { ...defaults, data_dir: "/etc/mailkeep/var" })],
  ["# only a comment\r\n\r\n", (settings) => assert.equal(settings.host_name, "localhost")],
  ['data_dir = "/srv/mail"', ({ data_dir }) => assert.equal(data_dir, "/srv/mail")],
  ['data_dir = "../mail"', ({ data_dir }) => assert.equal(data_dir, "/etc/mail")],
  ["[sessions]\nlinger_s = 0", ({ sessions }) => assert.equal(sessions.linger_s, 0)],
  [
    "sessions.linger_s = 5 # dotted",
    ({ sessions }) => assert.deepEqual(sessions, { ...defaults.sessions, linger_s: 5 }),
  ],
  ["sessions = { linger_s = 5, idle_timeout_s = 7 }", ({ sessions }) => assert.equal(sessions.idle_timeout_s, 7)],
  ['proxy.imaps = ["[::1]:993", "0.0.0.0:993", "run/imaps.sock"]', ({ proxy }) => assert.equal(proxy.imaps.length, 3)],
  ["proxy.imaps = []", ({ proxy }) => assert.deepEqual(proxy.imaps, [])],
  ['proxy.imaps = ["127.0.0.1:0"]\nproxy.imap = ["127.0.0.1:0"]', ({ proxy }) => assert.equal(proxy.imap.length, 1)],
  ["[throttle]\ndelays_s = [\n  1, # first\n  2,\n]", ({ throttle }) => assert.deepEqual(throttle.delays_s, [1, 2])],
  [
    'proxy.proxy_protocol_from = ["10.0.0.0/8", "::1", "2001:db8::/32"]',
    ({ proxy }) => assert.equal(proxy.proxy_protocol_from.length, 3),
  ],
  ["mailbox.quota_bytes = 1_000_000_000_000", ({ mailbox }) => assert.equal(mailbox.quota_bytes, 1e12)],
]

for (const [toml, check] of good) {
  test(`accepts ${JSON.stringify(toml)}`, () => check(parseSettings(toml, "/etc/mailkeep/mailkeep.toml")))
}

/** Each pattern is one problem, in order; there are no others. */
const bad: [toml: string, ...problems: RegExp[]][] = [
  ["lingr_s = 1", /^m\.toml line 1: lingr_s: unknown key: expected one of data_dir, host_name, proxy/],
  ["\nlinger_s = 1", /^m\.toml line 2: linger_s: unknown key: did you mean sessions\.linger_s\?$/],
  ["[sesions]\nlinger_s = 1", /^m\.toml line 1: sesions: unknown key: did you mean sessions\?$/],
  [
    "[sessions]\n# note\nlingr_s = 1",
    /^m\.toml line 3: sessions\.lingr_s: unknown key: did you mean sessions\.linger_s\?$/,
  ],
  ["[sessions]\nmax_clients = 1", /line 2: sessions\.max_clients: unknown key: did you mean spool\.max_clients\?$/],
  [
    '[log]\ndata_dir = "x"',
    /line 2: log\.data_dir: unknown key: did you mean data_dir, before the first \[section\]\?$/,
  ],
  ['"odd key" = 1', /^m\.toml line 1: "odd key": unknown key/],
  [
    "sessions.linger_s = 90000",
    /^m\.toml line 1: sessions\.linger_s: expected a whole number from 0 to 86400, not 90000$/,
  ],
  ["sessions.linger_s = -1", /expected a whole number from 0 to 86400, not -1$/],
  ["sessions.linger_s = 1.5", /expected a whole number from 0 to 86400, not 1\.5$/],
  ["sessions.linger_s = inf", /expected a whole number from 0 to 86400, not Infinity$/],
  ["sessions.linger_s = nan", /expected a whole number from 0 to 86400, not NaN$/],
  ['sessions.linger_s = "60"', /expected a whole number from 0 to 86400, not "60"$/],
  ["sessions.linger_s = 2026-01-01", /expected a whole number from 0 to 86400, not a date$/],
  ["mailbox.quota_bytes = -1", /expected a whole number of at least 0, not -1$/],
  ["proxy.allow_plaintext_login = 1", /line 1: proxy\.allow_plaintext_login: expected true or false, not 1$/],
  ['log.level = "loud"', /log\.level: expected one of "trace", "debug", "info", .*, not "loud"$/],
  [
    "admin.socket_mode = 600",
    /admin\.socket_mode: expected an octal file mode in quotes, for example "0600", not 600$/,
  ],
  ['admin.socket_mode = "0800"', /expected an octal file mode in quotes, for example "0600", not "0800"$/],
  ['host_name = "a b"', /host_name: expected a host name: letters, digits, dots and hyphens, not "a b"$/],
  ['data_dir = ""', /data_dir: expected a text in quotes, not empty, not ""$/],
  [
    "throttle.delays_s = []",
    /throttle\.delays_s: expected a list, not empty, in \[ \], each a whole number .*, not an empty list$/,
  ],
  ["throttle.delays_s = 2", /throttle\.delays_s: expected a list.*, not 2$/],
  ["spool = 3", /^m\.toml line 1: spool: expected a section with settings of its own, not 3$/],
  ["[[spool]]\nmax_clients = 1", /^m\.toml line 1: spool: expected a section with settings of its own, not a list$/],
  [
    '[proxy]\nimaps = [\n  "127.0.0.1:993", # fine, "not" a [list]\n  "nonsense",\n  993,\n]',
    /^m\.toml line 4: proxy\.imaps\[1\]: expected an address: host:port, \[v6\]:port or a socket path that contains a \/, not "nonsense"$/,
    /^m\.toml line 5: proxy\.imaps\[2\]: expected an address.*, not 993$/,
  ],
  [
    'host_name = """a\nb"""\n[log]\nlevel = 1\n[nope.deep]\nx = 1',
    /line 1: host_name: expected/,
    /line 4: log\.level: expected/,
    /line 5: nope: unknown key/,
  ],
  ["[sessions]\nlinger_s = \n", /^m\.toml line 2, column \d+: not TOML: /],
  ["a = 1\na = 2", /^m\.toml line 2, column 1: not TOML: /],
  ["[proxy\n", /^m\.toml line 1, column \d+: not TOML: /],
  ["__proto__ = 1", /^m\.toml line 1, column 1: not TOML: /],
  [
    'proxy.imaps = ["127.0.0.1:70000"]',
    /proxy\.imaps\[0\]: expected a port of at most 65535, not "127\.0\.0\.1:70000"$/,
  ],
  [
    'proxy.imaps = ["127.0.0.1:2424"]\n\n[spool]\nlmtp = ["run/l.sock", "127.0.0.1:2424"]',
    /line 4: spool\.lmtp\[1\]: expected an address that is not used twice/,
  ],
  [
    'proxy.proxy_protocol_from = ["10.0.0.0/33"]',
    /proxy_protocol_from\[0\]: expected an IP address or a network like .*, not "10\.0\.0\.0\/33"$/,
  ],
  [
    "imap.max_command_bytes = 1024",
    /imap\.max_command_bytes: expected at least imap\.max_line_bytes and imap\.max_literal_bytes \(1048576\), not 1024$/,
  ],
  [
    `admin.socket = "/${"x".repeat(107)}"`,
    /line 1: admin\.socket: expected a shorter path: .* has 108 bytes, and a Unix socket may have 107$/,
  ],
  [
    `data_dir = "/${"x".repeat(80)}"`,
    /line 1: data_dir: expected a shorter path: the socket .*\/run\/workers\/0{16}\.sock has 115 bytes/,
  ],
]

for (const [toml, ...problems] of bad) {
  test(`refuses ${JSON.stringify(toml).slice(0, 90)}`, () => {
    assert.throws(
      () => parseSettings(toml, "m.toml"),
      (error) => {
        assert.ok(error instanceof ConfigurationError, String(error))
        assert.equal(error.problems.length, problems.length, error.message)
        for (const [index, pattern] of problems.entries()) assert.match(error.problems[index] ?? "", pattern)
        assert.equal(error.message, error.problems.join("\n"))
        return true
      },
    )
  })
}

const folder = mkdtempSync(join(tmpdir(), "mailkeep-config-"))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

test("reads the named file, and takes data_dir from where it stands", () => {
  const file = write("named.toml", 'data_dir = "store"')
  assert.equal(loadSettings(file).data_dir, join(folder, "store"))
})

test("reads the file of MAILKEEP_CONFIG when none is named", () => {
  const file = write("env.toml", "sessions.linger_s = 17")
  process.env.MAILKEEP_CONFIG = file
  try {
    assert.equal(loadSettings().sessions.linger_s, 17)
    assert.equal(loadSettings(write("other.toml", "")).sessions.linger_s, 60)
    process.env.MAILKEEP_CONFIG = ""
    assert.equal(loadSettings().sessions.linger_s, 60)
  } finally {
    delete process.env.MAILKEEP_CONFIG
  }
})

test("reads ./mailkeep.toml if it is there, and has defaults if not", () => {
  const before = process.cwd()
  const place = join(folder, "place")
  mkdirSync(place)
  process.chdir(place)
  try {
    assert.equal(loadSettings().data_dir, resolve("var"))
    write("place/mailkeep.toml", "sessions.linger_s = 18")
    assert.equal(loadSettings().sessions.linger_s, 18)
  } finally {
    process.chdir(before)
  }
})

const unreadable: [name: string, content: string | Uint8Array | null, why: RegExp][] = [
  ["absent.toml", null, /absent\.toml: there is no such configuration file$/],
  [".", null, /is a directory, not a configuration file$/],
  ["latin1.toml", Buffer.from("host_name = '\xe9'", "latin1"), /latin1\.toml: is not UTF-8 text$/],
  ["huge.toml", Buffer.alloc(1_048_577, "#"), /huge\.toml: larger than 1048576 bytes$/],
  ["file-as-dir.toml", 'data_dir = "file-as-dir.toml"', /data_dir: .*file-as-dir\.toml is not a directory$/],
]
for (const [name, content, why] of unreadable) {
  test(`refuses the file ${name}`, () => {
    const file = content === null ? join(folder, name) : write(name, content)
    assert.throws(() => loadSettings(file), { name: "ConfigurationError", message: why })
  })
}

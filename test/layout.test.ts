import assert from "node:assert/strict"
import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join, normalize } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const checkout = fileURLToPath(new URL("..", import.meta.url))

/**
 * Which room may import from which, lowest first; `docs/architecture.md` shows the same as a picture. A room may
 * import only from rooms above it in this list, so that there is no circle. Where only some files of a room
 * are for others, they are named.
 */
const arrows: [room: string, may: string[]][] = [
  ["daemon/host", []],
  ["daemon/message", []],
  ["daemon/imap", ["daemon/message", "daemon/host/still.ts"]],
  ["daemon/contract", ["daemon/host"]],
  ["daemon/keys", ["daemon/host", "daemon/contract"]],
  ["daemon/directory", ["daemon/host", "daemon/contract"]],
  ["daemon/store", ["daemon/host", "daemon/message"]],
  ["daemon/setup", ["daemon/host", "daemon/keys"]],
  ["spool", ["daemon/host", "daemon/contract", "daemon/keys"]],
  ["daemon/sessions", ["daemon/host", "daemon/contract", "daemon/keys", "daemon/directory"]],
  [
    "daemon/worker",
    [
      "daemon/host",
      "daemon/message",
      "daemon/imap",
      "daemon/contract",
      "daemon/keys",
      "daemon/store",
      "spool/queue.ts",
      "spool/queue-files.ts",
      "spool/spooled.ts",
      "spool/sealed.ts",
    ],
  ],
  ["daemon/admin", ["daemon/host", "daemon/contract", "daemon/directory", "daemon/sessions", "spool/queue.ts"]],
  ["proxy", ["daemon/host", "daemon/imap", "daemon/contract", "daemon/keys"]],
  // The files directly in daemon/ put the processes together.
  [
    "daemon",
    [
      "daemon/host",
      "daemon/contract",
      "daemon/keys",
      "daemon/directory",
      "daemon/setup",
      "daemon/sessions",
      "daemon/worker",
      "daemon/admin",
      "spool",
      "proxy/main.ts",
    ],
  ],
  [
    "daemon/admin/cli",
    [
      "daemon/host",
      "daemon/contract",
      "daemon/keys",
      "daemon/directory",
      "daemon/setup",
      "daemon/admin",
      "daemon",
      "spool/deliver.ts",
    ],
  ],
]

/** Packages that one room keeps to itself, so that they can be replaced there. */
const homes: [name: string, rooms: string[]][] = [
  ["node-ipc", ["daemon/contract"]],
  ["ws", ["daemon/admin"]],
  ["smtp-server", ["spool"]],
  ["sodium-native", ["daemon/keys", "spool"]],
  ["better-sqlite3-multiple-ciphers", ["daemon/host", "daemon/directory", "daemon/store"]],
  ["commander", ["daemon/admin/cli"]],
  ["selfsigned", ["daemon/setup"]],
  ["smol-toml", ["daemon/host", "daemon/admin/cli"]],
]

type Import = { from: string; to: string }

const files = globSync("{daemon,proxy,spool}/**/*.{ts,mjs}", { cwd: checkout }).sort()

/** Static, dynamic and type imports, and `export … from`. */
const specifiers = /(?:^|[\s;}])(?:from|import)\s*\(?\s*"([^"]+)"/g

function importsOf(file: string): Import[] {
  const text = readFileSync(join(checkout, file), "utf8")
  return [...text.matchAll(specifiers)].map(([, specifier = ""]) => ({
    from: file,
    to: specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier,
  }))
}

const imports = files.flatMap(importsOf)

/** The innermost room that holds this file. */
function roomOf(file: string): string {
  const rooms = arrows.map(([room]) => room).filter((room) => file.startsWith(`${room}/`))
  return rooms.sort((left, right) => right.length - left.length)[0] ?? file
}

const isOurs = (path: string) => /^(daemon|proxy|spool)\//.test(path)

test("arrows between rooms point one way", () => {
  const wrong = imports.filter(({ from, to }) => {
    const [own, other] = [roomOf(from), roomOf(to)]
    const may = arrows.find(([room]) => room === own)?.[1] ?? []
    return isOurs(to) && own !== other && !may.includes(other) && !may.includes(to)
  })
  assert.deepEqual(
    wrong.map(({ from, to }) => `${from} imports ${to}`),
    [],
  )
})

test("the table itself has no circle", () => {
  const order = arrows.map(([room]) => room)
  for (const [room, may] of arrows) {
    for (const other of may) assert.ok(order.indexOf(roomOf(`${other}/`)) < order.indexOf(room), `${room} -> ${other}`)
  }
})

test("nothing imports the proxy but the file that starts it", () => {
  const users = imports.filter(({ from, to }) => to.startsWith("proxy/") && !from.startsWith("proxy/"))
  assert.deepEqual([...new Set(users.map(({ from }) => from))], ["daemon/processes.ts"])
})

test("packages stay in the rooms that wrap them", () => {
  const astray = imports.filter(({ from, to }) =>
    homes.some(([name, rooms]) => to === name && !rooms.includes(roomOf(from))),
  )
  assert.deepEqual(
    astray.map(({ from, to }) => `${from} imports ${to}`),
    [],
  )
})

test("no file has a name that fits anything", () => {
  const vague = /^(utils?|helpers?|common|manager|misc|shared|lib)\b|(-utils?|-helpers?|-manager)\./
  assert.deepEqual(
    files.filter((file) => vague.test(basename(file))),
    [],
  )
})

test("every file belongs to a room", () => {
  assert.deepEqual(
    files.filter((file) => roomOf(file) === file),
    [],
  )
})

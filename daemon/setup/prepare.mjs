// Makes a checkout ready to run: dependencies, then compiled code. Plain JavaScript without dependencies,
// because it runs before there are any, on whatever Node the machine has (18 or newer).
//
//   prepare.mjs install    npm ci, when node_modules does not match package-lock.json
//   prepare.mjs build      that, and compile to dist/ when the sources have changed
//
// Says one line per step that it really does. `dist` is a link to `dist-<hash of the sources>`, replaced in
// one rename: a server that runs from an older build keeps its files, and forks its own kind of workers.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const node = join(root, "node_modules/.bin/node")
const stamp = join(root, "node_modules/.mailkeep-prepared")
const sourceFolders = ["daemon", "proxy", "spool"]
/** What `bin` of package.json names, below dist. */
const command = "daemon/admin/cli/main.js"
/** Builds that are left for servers which still run from them. */
const keptBuilds = 5

/** What the operator is told, in one line; the exit code is 1. */
class Unprepared extends Error {}

try {
  main(process.argv[2])
} catch (error) {
  if (!(error instanceof Unprepared) && error.code === undefined) throw error
  process.stderr.write(`mailkeep: ${error.message}\n`)
  process.exitCode = 1
}

function main(step) {
  const major = Number(process.versions.node.split(".")[0])
  if (major < 18) throw new Unprepared(`needs Node 18 or newer to install itself, this is ${process.version}`)
  if (step !== "install" && step !== "build") throw new Unprepared("usage: prepare.mjs install|build")
  install()
  if (step === "build") build()
}

// ---- dependencies

function install() {
  const lock = readFileSync(join(root, "package-lock.json"))
  const wanted = hashOf([lock, process.platform, process.arch])
  if (textOf(stamp) === wanted && existsSync(node)) return
  if (!matches(JSON.parse(lock.toString()))) {
    say("installing dependencies (npm ci)")
    run("npm", ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"], "npm ci", firstNpmError)
  }
  if (!existsSync(node)) {
    throw new Unprepared(
      `there is no Node 24 for ${process.platform}-${process.arch}: mailkeep runs on Linux, x64 and arm64`,
    )
  }
  writeFileSync(stamp, wanted)
}

/** Whether node_modules, by npm's own list of what it holds, is what the lockfile asks for. */
function matches(lock) {
  const listed = textOf(join(root, "node_modules/.package-lock.json"))
  if (listed === null) return false
  const present = JSON.parse(listed).packages
  const same = (path) => present[path].integrity === lock.packages[path]?.integrity
  const needed = (path) => path !== "" && !lock.packages[path].optional && !lock.packages[path].devOptional
  return (
    Object.keys(present).every(same) &&
    Object.keys(lock.packages)
      .filter(needed)
      .every((path) => path in present)
  )
}

function firstNpmError(output) {
  const lines = output.split("\n").filter((line) => /^npm (error|ERR!)/.test(line))
  const telling = lines
    .map((line) => line.replace(/^npm (error|ERR!) ?/, ""))
    .find((line) => line !== "" && !line.startsWith("code "))
  return telling ?? output.trim().split("\n")[0]
}

// ---- compiled code

function build() {
  const sources = sourceFolders.flatMap((folder) => filesBelow(folder)).sort()
  const settings = ["tsconfig.json", "package.json", "package-lock.json"]
  const hash = hashOf([...settings, ...sources].flatMap((file) => [file, readFileSync(join(root, file))]))
  const name = `dist-${hash.slice(0, 16)}`
  const dist = join(root, "dist")
  const current = lstatSync(dist, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(dist) : null
  if (current === name && existsSync(join(dist, "daemon"))) return
  if (!existsSync(join(root, name))) compile(join(root, name), sources)
  pointTo(dist, name)
  removeOldBuilds(name)
}

function compile(target, sources) {
  say("compiling")
  const folder = mkdtempSync(join(root, "dist-tmp-"))
  try {
    const include = sourceFolders.map((name) => `../${name}`)
    const options = { rootDir: "..", outDir: ".", noEmit: false, noEmitOnError: true }
    const project = join(folder, "tsconfig.json")
    writeFileSync(
      project,
      JSON.stringify({ extends: "../tsconfig.json", compilerOptions: options, include, exclude: [] }),
    )
    run(node, [join(root, "node_modules/.bin/tsc"), "-p", project], "compiling", firstCompilerError)
    rmSync(project)
    for (const file of sources.filter((source) => !source.endsWith(".ts"))) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      copyFileSync(join(root, file), join(folder, file))
    }
    // mkdtemp makes it private; proxy and spool run the program as other Unix users.
    chmodSync(folder, 0o755)
    chmodSync(join(folder, command), 0o755)
    renameUnlessThere(folder, target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Somebody else may have built the same sources meanwhile. */
function renameUnlessThere(folder, target) {
  try {
    renameSync(folder, target)
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error
  }
}

function firstCompilerError(output) {
  const errors = output.split("\n").filter((line) => line.includes(": error TS"))
  if (errors.length === 0) return output.trim().split("\n")[0]
  return errors.length === 1 ? errors[0] : `${errors[0]} (and ${errors.length - 1} more: npm run types)`
}

function pointTo(dist, name) {
  const link = `${dist}-link-${process.pid}`
  rmSync(link, { force: true })
  symlinkSync(name, link)
  // A directory cannot be replaced by a rename.
  if (lstatSync(dist, { throwIfNoEntry: false })?.isDirectory()) rmSync(dist, { recursive: true })
  renameSync(link, dist)
  const now = new Date()
  utimesSync(join(root, name), now, now)
}

function removeOldBuilds(current) {
  const builds = readdirSync(root).filter((entry) => /^dist-[0-9a-f]{16}$/.test(entry) && entry !== current)
  const byAge = builds.map((entry) => ({ entry, at: statSync(join(root, entry)).mtimeMs })).sort((a, b) => b.at - a.at)
  for (const { entry } of byAge.slice(keptBuilds)) rmSync(join(root, entry), { recursive: true, force: true })
}

// ---- the rest

function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return filesBelow(path)
    return entry.isFile() ? [path] : []
  })
}

function hashOf(parts) {
  const hash = createHash("sha256")
  // Lengths keep two neighbours from being taken for one.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest("hex")
}

function textOf(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : null
}

function run(command, args, what, firstError) {
  const done = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 67_108_864,
  })
  if (done.error?.code === "ENOENT") throw new Unprepared(`${command} was not found: install it and try again`)
  if (done.error) throw new Unprepared(`${what}: ${done.error.message}`)
  if (done.signal !== null) throw new Unprepared(`${what} was ended by ${done.signal}`)
  if (done.status !== 0) throw new Unprepared(`${what} failed: ${firstError(`${done.stdout}\n${done.stderr}`)}`)
}

function say(text) {
  process.stderr.write(`mailkeep: ${text}\n`)
}

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type TestContext, test } from "node:test"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("../../daemon/setup/prepare.mjs", import.meta.url))

/** A checkout in small, with an npm and a compiler that only do what this needs. */
class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), "mailkeep-prepare-"))
  readonly #bin = join(this.root, "bin")

  constructor(t: TestContext) {
    t.after(() => rmSync(this.root, { recursive: true, force: true }))
    this.write("daemon/admin/cli/main.ts", "main 1")
    this.write("daemon/store/schema.sql", "CREATE")
    this.write("proxy/main.ts", "proxy 1")
    this.write("spool/main.ts", "spool 1")
    this.write("tsconfig.json", "{}")
    this.write("package.json", "{}")
    this.lock("1")
    this.npm("install")
    mkdirSync(join(this.root, "daemon/setup"))
    copyFileSync(script, join(this.root, "daemon/setup/prepare.mjs"))
  }

  write(path: string, text: string): string {
    const file = join(this.root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }

  lock(version: string): void {
    const packages = {
      "": {},
      "node_modules/x": { integrity: version },
      "node_modules/o": { integrity: "o", optional: true },
    }
    this.write("package-lock.json", JSON.stringify({ packages }))
  }

  /** What npm will do from now on. */
  npm(behaviour: "install" | "install without Node" | "fail"): void {
    const compiler = `
      const { cpSync, readFileSync, readdirSync } = require("node:fs")
      const { dirname, join } = require("node:path")
      const target = dirname(process.argv[3])
      if (readFileSync("spool/main.ts", "utf8") === "broken") {
        console.log("spool/main.ts(1,1): error TS1: broken\\nspool/main.ts(2,1): error TS2: broken")
        process.exit(2)
      }
      for (const name of ["daemon", "proxy", "spool"])
        for (const file of readdirSync(name, { recursive: true }))
          if (file.endsWith(".ts")) cpSync(join(name, file), join(target, name, file.replace(/ts$/, "js")))`
    const install = `
      [ "$1" = ci ] || exit 9
      rm -rf node_modules && mkdir -p node_modules/.bin
      ${behaviour === "install" ? `ln -s '${process.execPath}' node_modules/.bin/node` : ""}
      printf '%s' '${compiler.replaceAll("'", "")}' > node_modules/.bin/tsc
      sed -e 's/"":{},//' -e 's/,"node_modules.o":{[^}]*}//' package-lock.json > node_modules/.package-lock.json`
    const fail = "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request failed' >&2; exit 1"
    chmodSync(this.write("bin/npm", `#!/bin/sh\n${behaviour === "fail" ? fail : install}\n`), 0o755)
  }

  prepare(step: string, path = `${this.#bin}:/usr/bin:/bin`): { said: string; code: number | null } {
    const ran = spawnSync(process.execPath, [join(this.root, "daemon/setup/prepare.mjs"), step], {
      env: { PATH: path },
      encoding: "utf8",
    })
    assert.equal(ran.stdout, "")
    return { said: ran.stderr, code: ran.status }
  }

  builds(): string[] {
    return readdirSync(this.root).filter((entry) => entry.startsWith("dist-"))
  }

  built(path: string): string {
    return readFileSync(join(this.root, "dist", path), "utf8")
  }
}

const installing = "mailkeep: installing dependencies (npm ci)\n"
const compiling = "mailkeep: compiling\n"

test("does what is missing, says so, and does it once", (t) => {
  const checkout = new Checkout(t)
  assert.deepEqual(checkout.prepare("build"), { said: installing + compiling, code: 0 })
  assert.equal(checkout.built("proxy/main.js"), "proxy 1")
  assert.equal(checkout.built("daemon/store/schema.sql"), "CREATE")
  assert.deepEqual(checkout.prepare("build"), { said: "", code: 0 })
  assert.deepEqual(checkout.prepare("install"), { said: "", code: 0 })
})

test("a changed source is compiled beside the build that a server may run from", (t) => {
  const checkout = new Checkout(t)
  checkout.prepare("build")
  const before = readlinkSync(join(checkout.root, "dist"))
  checkout.write("proxy/main.ts", "proxy 2")
  assert.deepEqual(checkout.prepare("build"), { said: compiling, code: 0 })
  assert.equal(checkout.built("proxy/main.js"), "proxy 2")
  assert.equal(readFileSync(join(checkout.root, before, "proxy/main.js"), "utf8"), "proxy 1")
  checkout.write("proxy/main.ts", "proxy 1")
  assert.deepEqual(checkout.prepare("build"), { said: "", code: 0 })
  assert.equal(readlinkSync(join(checkout.root, "dist")), before)
})

test("old builds are not kept for ever", (t) => {
  const checkout = new Checkout(t)
  for (let version = 0; version < 8; version++) {
    checkout.write("proxy/main.ts", `proxy ${version}`)
    checkout.prepare("build")
  }
  assert.equal(checkout.builds().length, 6)
  assert.equal(checkout.built("proxy/main.js"), "proxy 7")
})

test("a dist that is a directory gives way", (t) => {
  const checkout = new Checkout(t)
  checkout.write("dist/proxy/main.js", "ancient")
  assert.equal(checkout.prepare("build").code, 0)
  assert.equal(checkout.built("proxy/main.js"), "proxy 1")
})

test("sources that do not compile leave everything as it was", (t) => {
  const checkout = new Checkout(t)
  checkout.prepare("build")
  const before = checkout.builds()
  checkout.write("spool/main.ts", "broken")
  const { said, code } = checkout.prepare("build")
  assert.equal(
    said,
    `${compiling}mailkeep: compiling failed: spool/main.ts(1,1): error TS1: broken (and 1 more: npm run types)\n`,
  )
  assert.equal(code, 1)
  assert.deepEqual(checkout.builds(), before)
  assert.equal(checkout.built("spool/main.js"), "spool 1")
})

test("a changed lockfile is installed, an installation made by hand is taken as it is", (t) => {
  const checkout = new Checkout(t)
  checkout.prepare("install")
  checkout.lock("2")
  assert.deepEqual(checkout.prepare("install"), { said: installing, code: 0 })
  rmSync(join(checkout.root, "node_modules/.mailkeep-prepared"))
  assert.deepEqual(checkout.prepare("install"), { said: "", code: 0 })
})

test("an npm that fails is quoted in one line, and tried again the next time", (t) => {
  const checkout = new Checkout(t)
  checkout.npm("fail")
  assert.deepEqual(checkout.prepare("install"), {
    said: `${installing}mailkeep: npm ci failed: network request failed\n`,
    code: 1,
  })
  checkout.npm("install")
  assert.deepEqual(checkout.prepare("install"), { said: installing, code: 0 })
})

test("no npm, no Node for this platform, no such step: one line each", (t) => {
  const checkout = new Checkout(t)
  assert.deepEqual(checkout.prepare("install", "/nowhere"), {
    said: `${installing}mailkeep: npm was not found: install it and try again\n`,
    code: 1,
  })
  checkout.npm("install without Node")
  const { said, code } = checkout.prepare("install")
  assert.match(said, /^mailkeep: there is no Node 24 for \S+: mailkeep runs on Linux, x64 and arm64\n$/m)
  assert.equal(code, 1)
  assert.deepEqual(checkout.prepare("nonsense"), { said: "mailkeep: usage: prepare.mjs install|build\n", code: 1 })
  assert.equal(existsSync(join(checkout.root, "dist")), false)
})

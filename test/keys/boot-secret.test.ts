import assert from "node:assert/strict"
import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test, { type TestContext } from "node:test"
import { BootSecretError, createBootSecret, loadBootSecret } from "../../daemon/keys/boot-secret.ts"

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "boot-secret-"))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, "boot-secret")
}

function refused(text: RegExp) {
  return (error: unknown) => error instanceof BootSecretError && text.test(error.message)
}

test("what is made is read, and is another one each time", (t) => {
  const [one, two] = [place(t), place(t)]
  createBootSecret(one)
  createBootSecret(two)
  assert.deepEqual(loadBootSecret(one), loadBootSecret(one))
  assert.notDeepEqual(loadBootSecret(one), loadBootSecret(two))
})

for (const [what, spoil, text] of [
  ["readable by the group", (path: string) => chmodSync(path, 0o640), /chmod 600/],
  ["of another length", (path: string) => writeFileSync(path, "short"), /32 octets expected, 5 found/],
  ["absent", (path: string) => rmSync(path), /no boot secret .*ENOENT/],
] as const) {
  test(`a boot secret that is ${what} is refused`, (t) => {
    const path = place(t)
    createBootSecret(path)
    spoil(path)
    assert.throws(() => loadBootSecret(path), refused(text))
  })
}

test("a boot secret behind a link is refused", (t) => {
  const path = place(t)
  createBootSecret(path)
  symlinkSync(path, `${path}-link`)
  assert.throws(() => loadBootSecret(`${path}-link`), refused(/ELOOP/))
})

const isRoot = process.geteuid?.() === 0
test("somebody else's boot secret is refused", { skip: isRoot ? false : "chown needs root" }, (t) => {
  const path = place(t)
  createBootSecret(path)
  chownSync(path, 12_345, 0)
  assert.throws(() => loadBootSecret(path), refused(/belongs to user 12345/))
})

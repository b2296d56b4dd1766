import assert from "node:assert/strict"
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import test, { type TestContext } from "node:test"
import { Locked, takeLock } from "../../daemon/host/lock.ts"

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lock-"))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, "daemon.lock")
}

for (const umask of [0o000, 0o007, 0o022, 0o177, 0o277]) {
  test(`the lock file is 0600 under umask ${umask.toString(8)}`, (t) => {
    const path = place(t)
    const before = process.umask(umask)
    t.after(() => process.umask(before))
    takeLock(path).release()
    assert.equal(statSync(path).mode & 0o7777, 0o600)
  })
}

test("a lock file of an earlier version becomes 0600", (t) => {
  const path = place(t)
  writeFileSync(path, "")
  chmodSync(path, 0o664)
  takeLock(path).release()
  assert.equal(statSync(path).mode & 0o7777, 0o600)
})

test("one at a time; a refused attempt does not loosen the lock", (t) => {
  const path = place(t)
  const lock = takeLock(path)
  assert.throws(() => takeLock(path), Locked)
  assert.throws(() => takeLock(path), Locked)
  lock.release()
  takeLock(path).release()
})

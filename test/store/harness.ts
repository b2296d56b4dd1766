import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import { createStore, openStore, type StoreOptions } from "../../daemon/store/open.ts"
import type { Given, Store } from "../../daemon/store/store.ts"
import { StoreError, type StoreFault } from "../../daemon/store/types.ts"
import { type Mail, mail } from "./mail.ts"

export const options: StoreOptions = {
  cipher: "sqlcipher",
  cacheKib: 1024,
  quotaBytes: 0,
  quotaMessages: 0,
  limits: {
    mailboxes: 1000,
    nameLevels: 50,
    nameBytes: 1000,
    subscriptions: 1000,
    keywords: 500,
    keywordsPerMessage: 100,
    annotationBytes: 1_000_000,
  },
}

/** A directory that goes with the test. */
export function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "mailkeep-store-"))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export type House = { path: string; key: Buffer; store: Store; reopen(more?: Partial<StoreOptions>): Store }

/** A new mailbox; its invariants are checked whenever it is closed, and at the end of the test. */
export function house(t: TestContext, more: Partial<StoreOptions> = {}): House {
  const path = join(temporary(t), "user", "mail.db")
  const key = randomBytes(32)
  const opened = { path, key, store: createStore(path, key, { ...options, ...more }), reopen }
  function reopen(changed: Partial<StoreOptions> = {}): Store {
    closeSound(opened.store)
    opened.store = openStore(path, key, { ...options, ...more, ...changed })
    return opened.store
  }
  t.after(() => closeSound(opened.store))
  return opened
}

const closed = new WeakSet<Store>()

/** Closes, once, with the invariants checked before. */
export function closeSound(store: Store): void {
  if (closed.has(store)) return
  closed.add(store)
  assert.deepEqual(store.check(), [])
  store.close()
}

export const plainly: Given = { flags: 0, keywords: [], internalDate: 1_000_000, internalZone: 60 }

/** Puts a message into a mailbox and tells its UID. */
export function put(store: Store, name: string, what: Mail | string = "hello", given: Partial<Given> = {}): number {
  const { bytes, meta } = typeof what === "string" ? mail(what) : what
  return store.transaction(() => {
    const content = store.contents.insert(bytes, meta)
    const added = store.messages.add(store.mailboxes.named(name).id, content, { ...plainly, ...given })
    assert.ok(added)
    return added.uid
  })
}

export function id(store: Store, name: string): number {
  return store.mailboxes.named(name).id
}

/** UIDs that went after a mod-sequence, one by one. */
export function goneSince(store: Store, mailbox: number, modseq: number): number[] {
  const runs = store.messages.expungedSince(mailbox, modseq)
  return runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at))
}

export function faulty(fault: StoreFault): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error))
    assert.equal(error.fault, fault)
    return true
  }
}

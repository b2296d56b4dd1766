import assert from "node:assert/strict"
import { test } from "node:test"
import type { KdfParameters } from "../../daemon/contract/worker-link.ts"
import { type Directory, DirectoryError, type DirectoryFault } from "../../daemon/directory/directory.ts"

const kdf: KdfParameters[] = [{ algorithm: "argon2id13", time: 3, memoryKib: 65_536, parallelism: 1 }]
const recipients = ["age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"]

/** Refused with this fault, and with a message of one line. */
export async function refuses(fault: DirectoryFault, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof DirectoryError, String(error))
    assert.equal(error.fault, fault)
    assert.match(error.message, /^[^\n]+$/)
    return true
  })
}

const goodNames: [given: string, name: string, address: string][] = [
  ["alice", "alice", "alice@mail.example"],
  ["Alice", "alice", "alice@mail.example"],
  ["bob@example.org", "bob@example.org", "bob@example.org"],
  ["BOB@Example.ORG", "bob@example.org", "bob@example.org"],
  ["x", "x", "x@mail.example"],
  ["jo.ann-e_1+lists", "jo.ann-e_1+lists", "jo.ann-e_1+lists@mail.example"],
  ["Zoe\u0301", "zo\u00e9", "zo\u00e9@mail.example"], // NFC (RFC 8265 §3.3.2, rule 4)
  ["\uff41\uff4c", "al", "al@mail.example"], // fullwidth (rule 1)
  ["eve@B\u00fccher.example", "eve@xn--bcher-kva.example", "eve@xn--bcher-kva.example"],
]

const badNames = [
  "",
  " ",
  "two words",
  "tab\tbed",
  "nul\0",
  "line\nbreak",
  ".dot",
  "dot.",
  "dot..dot",
  "@example.org",
  "alice@",
  "alice@-example.org",
  "alice@exa mple.org",
  "alice@bob@example.org",
  "alice@[127.0.0.1]",
  'quo"ted',
  "semi;colon",
  "left<right",
  "\u200balice", // zero-width space
  "al\u00adice", // soft hyphen
  "\u2460", // circled digit: compatibility form
  "\ud800",
  "x".repeat(65),
  `x@${"y".repeat(63)}.${"y".repeat(63)}.${"y".repeat(63)}.${"y".repeat(63)}.example`,
]

const deliverable: [address: string, name: string | undefined][] = [
  ["alice@mail.example", "alice"],
  ["ALICE@Mail.Example", "alice"],
  ["alice", "alice"],
  ["alice+lists@mail.example", "alice"],
  ["alice+a+b@mail.example", "alice"],
  ["alice+@mail.example", "alice"],
  ["bob+own@mail.example", "carol"], // the exact address wins over the detail
  ["bob+other@mail.example", "bob"],
  ["second@other.example", "bob"],
  ["second+x@other.example", "bob"],
  ["second@mail.example", undefined],
  ["alice@other.example", undefined],
  ["+alice@mail.example", undefined],
  ["nobody@mail.example", undefined],
  ["", undefined],
  ["@", undefined],
  ["@mail.example", undefined],
  ["alice@", undefined],
  ["%", undefined],
  ["alice'--@mail.example", undefined],
  [`${"x".repeat(100_000)}@mail.example`, undefined],
]

/**
 * What every implementation of `Directory` has to do. `make` gives an empty one whose host name is
 * `mail.example`.
 */
export function directoryContract(kind: string, make: () => Promise<Directory>): void {
  const check = (what: string, body: (directory: Directory) => Promise<void>) =>
    test(`${kind}: ${what}`, async () => {
      const directory = await make()
      try {
        await body(directory)
      } finally {
        await directory.close()
      }
    })
  names(check)
  addresses(check)
  lifeOfAUser(check)
  refusals(check)
}

type Check = (what: string, body: (directory: Directory) => Promise<void>) => void

function names(check: Check): void {
  for (const [given, name, address] of goodNames) {
    check(`takes the name ${JSON.stringify(given)}`, async (directory) => {
      const user = await directory.add({ name: given })
      assert.equal(user.name, name)
      assert.deepEqual(user.addresses, [address])
      assert.equal(directory.canonicalName(given), name)
      assert.equal((await directory.findByName(given))?.name, name)
    })
  }
  for (const name of badNames) {
    check(`refuses the name ${JSON.stringify(name.slice(0, 30))}`, async (directory) => {
      await refuses("bad-name", () => directory.add({ name }))
      assert.equal(await directory.findByName(name), undefined)
      assert.equal(directory.canonicalName(directory.canonicalName(name)), directory.canonicalName(name))
    })
  }
}

function addresses(check: Check): void {
  check("finds users by address", async (directory) => {
    await directory.add({ name: "alice" })
    await directory.add({ name: "bob", addresses: ["bob@mail.example", "Second@Other.example"] })
    await directory.add({ name: "carol", addresses: ["bob+own@mail.example"] })
    for (const [address, name] of deliverable) {
      assert.equal((await directory.findByAddress(address))?.name, name, address.slice(0, 40))
    }
  })
  check("replaces addresses, all or none", async (directory) => {
    await directory.add({ name: "alice" })
    await directory.add({ name: "bob" })
    await directory.setAddresses("alice", ["B@x.example", "a@x.example", "b@x.example"])
    assert.deepEqual((await directory.findByName("alice"))?.addresses, ["b@x.example", "a@x.example"])
    assert.equal(await directory.findByAddress("alice@mail.example"), undefined)
    await refuses("address-taken", () => directory.setAddresses("alice", ["new@x.example", "bob@mail.example"]))
    await refuses("bad-address", () => directory.setAddresses("alice", ["no-domain"]))
    assert.deepEqual((await directory.findByName("alice"))?.addresses, ["b@x.example", "a@x.example"])
    await directory.setAddresses("alice", [])
    assert.deepEqual((await directory.findByName("alice"))?.addresses, ["alice@mail.example"])
  })
  check("gives an address to one user only", async (directory) => {
    await directory.add({ name: "alice" })
    await refuses("address-taken", () => directory.add({ name: "alice@mail.example" }))
    await refuses("address-taken", () =>
      directory.add({ name: "bob", addresses: ["b@x.example", "alice@MAIL.example"] }),
    )
    assert.equal(await directory.findByName("bob"), undefined)
    await directory.add({ name: "bob", addresses: ["b@x.example"] })
  })
}

function lifeOfAUser(check: Check): void {
  check("adds in two phases", async (directory) => {
    const reserved = await directory.add({ name: "alice", quotaBytes: 1000 })
    assert.match(reserved.mailbox, /^[a-z2-7]{26}$/)
    assert.equal(reserved.status, "incomplete")
    assert.deepEqual([reserved.recipients, reserved.kdf], [[], []])
    assert.deepEqual([reserved.quotaBytes, reserved.quotaMessages], [1000, null])
    assert.deepEqual(reserved.clocks, { lingerS: null, idleS: null, maximumLifeS: null, idleCounts: null })
    assert.ok(Math.abs(Date.now() - reserved.createdAt) < 60_000)
    await directory.setCredentials("ALICE", recipients, kdf)
    assert.deepEqual(await directory.findByName("alice"), { ...reserved, status: "active", recipients, kdf })
    assert.deepEqual(await directory.findByAddress("alice@mail.example"), await directory.findByName("alice"))
  })
  check("keeps the status of others when credentials change", async (directory) => {
    await directory.add({ name: "alice" })
    await directory.setCredentials("alice", recipients, kdf)
    await directory.setStatus("alice", "disabled")
    await directory.setCredentials("alice", recipients, [...kdf, ...kdf])
    const user = await directory.findByName("alice")
    assert.equal(user?.status, "disabled")
    assert.equal(user?.kdf.length, 2)
  })
  check("sets clocks one by one", async (directory) => {
    await directory.add({ name: "alice" })
    await directory.setClocks("alice", { lingerS: 0, idleCounts: false })
    const clocks = await directory.setClocks("alice", { idleS: 5, lingerS: null })
    assert.deepEqual(clocks, { lingerS: null, idleS: 5, maximumLifeS: null, idleCounts: false })
    assert.deepEqual((await directory.findByName("alice"))?.clocks, clocks)
  })
  check("remembers usage beyond 4 GiB", async (directory) => {
    await directory.add({ name: "alice" })
    await directory.setUsage("alice", 5_000_000_000_000, 70_000)
    const user = await directory.findByName("alice")
    assert.deepEqual([user?.usageBytes, user?.usageMessages], [5_000_000_000_000, 70_000])
  })
  check("lists everybody by name", async (directory) => {
    assert.deepEqual(await directory.list(), [])
    for (const name of ["carol", "alice", "bob"]) await directory.add({ name })
    const users = await directory.list()
    assert.deepEqual(
      users.map((user) => user.name),
      ["alice", "bob", "carol"],
    )
    assert.deepEqual(users[1], await directory.findByName("bob"))
  })
  check("frees name and addresses of who is removed, never the mailbox id", async (directory) => {
    const first = await directory.add({ name: "alice" })
    assert.deepEqual(await directory.remove("Alice"), first)
    assert.equal(await directory.findByAddress("alice@mail.example"), undefined)
    const second = await directory.add({ name: "alice" })
    assert.notEqual(second.mailbox, first.mailbox)
  })
}

function refusals(check: Check): void {
  check("refuses a name twice, and says when the first was never completed", async (directory) => {
    await directory.add({ name: "alice" })
    await refuses("incomplete", () => directory.add({ name: "Alice" }))
    await directory.setCredentials("alice", recipients, kdf)
    await refuses("user-exists", () => directory.add({ name: "ALICE", addresses: ["other@x.example"] }))
  })
  check("refuses a status for a user without a mailbox", async (directory) => {
    await directory.add({ name: "alice" })
    await refuses("incomplete", () => directory.setStatus("alice", "active"))
    await refuses("incomplete", () => directory.setStatus("alice", "disabled"))
  })
  check("knows who does not exist", async (directory) => {
    assert.equal(await directory.findByName("alice"), undefined)
    await refuses("no-such-user", () => directory.setCredentials("alice", recipients, kdf))
    await refuses("no-such-user", () => directory.setStatus("alice", "active"))
    await refuses("no-such-user", () => directory.setClocks("alice", {}))
    await refuses("no-such-user", () => directory.setUsage("alice", 1, 1))
    await refuses("no-such-user", () => directory.setAddresses("alice", []))
    await refuses("no-such-user", () => directory.remove("alice"))
  })
}

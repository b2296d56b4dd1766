import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test, { after as afterwards, type TestContext } from "node:test"
import { ImapClient } from "../harness/imap-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"
import { ImapSide } from "./imap-side.ts"
import { absence, run } from "./installed.ts"
import { Tap } from "./tap.ts"
import {
  after,
  type Change,
  type Content,
  changesOfRound,
  conflicts,
  dice,
  listing,
  merged,
  sixLetters,
  union,
} from "./two-sides.ts"

/* interimap knows what changed from QRESYNC alone: a wrong mod-sequence or a missing VANISHED is lost mail here. */

const password = "correct-horse-battery"
const skip = absence("interimap")
const users = { alice: password, ben: password, carol: password, dan: password }
const mailkeep = await Mailkeep.start({ after: afterwards }, users)

test("interimap brings two accounts together after conflicts", { skip }, async (t) => {
  const { one: alice, other: ben, meet, tap } = await together(t, "alice", "ben")
  await alice.ok("CREATE Both/Sub")
  await ben.ok("CREATE Both")
  await ben.ok('CREATE "Entw&APw-rfe 2026"')
  await meet([], [...sixLetters])
  tap.clear()
  await meet(
    [...conflicts.one, { do: "add", at: "Both/Sub/letter9", flags: ["\\Seen"] }],
    [
      ...conflicts.other,
      { do: "add", at: "INBOX/letter8", flags: ["$Work"] },
      { do: "add", at: "Entw&APw-rfe 2026/letter10", flags: ["\\Flagged"] },
    ],
  )
  assert.equal(tap.said("client", /SELECT INBOX \(QRESYNC \(\d+ \d+ /).length, 2)
  assert.equal(tap.said("server", /^\* VANISHED \(EARLIER\) /).length, 1)
})

test("interimap keeps two accounts the same for six rounds of changes on both", { skip }, async (t) => {
  const seed = Number(process.env.MAILKEEP_SEED ?? 20_260_101)
  t.diagnostic(`MAILKEEP_SEED=${seed}`)
  const { meet, content } = await together(t, "carol", "dan")
  const roll = dice(seed)
  let letters = 0
  for (let round = 0; round < 6; round++) {
    const [onOne, onOther] = changesOfRound(content(), {
      roll,
      flags: ["\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "Work"],
      folders: ["INBOX", "Archive", "Drafts"],
      newLetter: () => `letter${letters++}`,
    })
    await meet(onOne, onOther)
  }
  assert.ok(letters > 6)
})

/** Two accounts of one server; the program reaches one in the clear, where it is watched, the other compressed. */
async function together(t: TestContext, first: string, second: string) {
  const tap = await Tap.open(t, mailkeep.ports.imap)
  const sideOf = async (user: string) => {
    const client = await ImapClient.login(mailkeep.ports.imaps, user, password)
    t.after(() => client.close())
    return new ImapSide(client)
  }
  const [one, other] = [await sideOf(first), await sideOf(second)]
  const sync = interimap(tap.port, first, second)
  await sync()
  let content: Content = new Map()
  const meet = async (onOne: Change[], onOther: Change[]) => {
    for (const change of onOne) await one.change(change)
    for (const change of onOther) await other.change(change)
    // Once more: the mod-sequence of what it has copied, which it takes for a change, it learns at the next SELECT.
    await sync()
    await sync()
    const all = JSON.stringify({ onOne, onOther })
    const expected = merged(content, after(content, onOne), after(content, onOther), union)
    assert.deepEqual(listing(await one.content()), listing(expected), `one, after ${all}`)
    assert.deepEqual(listing(await other.content()), listing(expected), `other, after ${all}`)
    assert.deepEqual(await one.folders(), await other.folders())
    assert.deepEqual(tap.refusals, [])
    content = expected
  }
  return { one, other, meet, tap, content: () => content }
}

function interimap(watched: number, first: string, second: string): () => Promise<void> {
  const home = join(mailkeep.paths.root, "..", first)
  const settings = join(home, "interimap.conf")
  mkdirSync(home)
  writeFileSync(
    settings,
    `database = ${home}/state.db

[local]
type = imap
host = 127.0.0.1
port = ${watched}
STARTTLS = NO
username = ${first}
password = ${password}

[remote]
type = imaps
host = localhost
port = ${mailkeep.ports.imaps}
SSL_CAfile = ${mailkeep.paths.certificate}
compress = YES
username = ${second}
password = ${password}
`,
    { mode: 0o600 },
  )
  return async () => {
    const { code, stdout, stderr } = await run("interimap", [`--config=${settings}`], { env: { HOME: home } })
    assert.equal(code, 0, `${stdout} ${stderr}`)
  }
}

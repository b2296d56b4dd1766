import assert from "node:assert/strict"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import test, { after as afterwards, type TestContext } from "node:test"
import { ImapClient } from "../harness/imap-client.ts"
import { Mailkeep } from "../harness/mailkeep.ts"
import { ImapSide } from "./imap-side.ts"
import { absence, run } from "./installed.ts"
import { MaildirSide } from "./maildir-side.ts"
import { Tap } from "./tap.ts"
import {
  after,
  type Change,
  type Content,
  changesOfRound,
  conflicts,
  dice,
  flagByFlag,
  listing,
  merged,
  sixLetters,
} from "./two-sides.ts"

const password = "correct horse battery"
const skip = absence("mbsync")
const mailkeep = await Mailkeep.start({ after: afterwards }, { alice: password, ben: password })

test("mbsync brings a Maildir and the server together after conflicts", { skip }, async (t) => {
  const { far, near, meet } = await together(t, "alice")
  near.create("Only near/&ANw-ber")
  await far.ok("CREATE Both")
  await far.ok('CREATE "Only far/Entw&APw-rfe"')
  near.create("Both")
  await meet([], [...sixLetters])
  await meet(
    [...conflicts.one, { do: "add", at: "Only near/&ANw-ber/letter9", flags: ["\\Seen"] }],
    [
      ...conflicts.other,
      { do: "add", at: "INBOX/letter8", flags: [] },
      { do: "add", at: "Only far/Entw&APw-rfe/letter10", flags: ["\\Flagged"] },
    ],
  )
  // Flags that one takes away while the other gives more.
  await meet(
    [{ do: "flags", at: "INBOX/letter1", flags: ["\\Flagged"] }],
    [{ do: "flags", at: "INBOX/letter1", flags: ["\\Draft", "\\Seen", "\\Flagged", "\\Answered", "$Forwarded"] }],
  )
})

test("mbsync keeps a Maildir and the server the same for twelve rounds of changes on both", { skip }, async (t) => {
  const seed = Number(process.env.MAILKEEP_SEED ?? 20_260_101)
  t.diagnostic(`MAILKEEP_SEED=${seed}`)
  const { meet, content } = await together(t, "ben")
  const roll = dice(seed)
  const flags = ["\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen"]
  let letters = 0
  for (let round = 0; round < 12; round++) {
    const [onFar, onNear] = changesOfRound(content(), {
      roll,
      flags,
      folders: ["INBOX", "Archive", "Drafts"],
      newLetter: () => `letter${letters++}`,
    })
    await meet(onNear, onFar)
  }
  assert.ok(letters > 12)
})

/** The two sides, empty, and a meeting after which both must be what the model says. */
async function together(t: TestContext, user: string) {
  const tap = await Tap.open(t, mailkeep.ports.imap)
  const client = await ImapClient.login(mailkeep.ports.imaps, user, password)
  t.after(() => client.close())
  const far = new ImapSide(client)
  const home = join(mailkeep.paths.root, "..", user)
  const near = new MaildirSide(join(home, "mail"))
  const sync = mbsync(home, tap.port, user)
  await sync()
  let content: Content = new Map()
  const meet = async (onNear: Change[], onFar: Change[]) => {
    for (const change of onNear) await near.change(change)
    for (const change of onFar) await far.change(change)
    near.settle()
    await sync()
    const all = [...onNear, ...onFar]
    const expected = merged(content, after(content, onNear), after(content, onFar), flagByFlag)
    assert.deepEqual(listing(await far.content()), listing(expected), `far, after ${JSON.stringify(all)}`)
    assert.deepEqual(listing(await near.content()), listing(expected), `near, after ${JSON.stringify(all)}`)
    assert.deepEqual(tap.refusals, [])
    content = expected
  }
  return { far, near, meet, content: () => content }
}

/** Both ways, with everything that is done on either side done on the other. */
function mbsync(home: string, port: number, user: string): () => Promise<void> {
  const settings = join(home, "mbsyncrc")
  mkdirSync(home, { recursive: true })
  writeFileSync(
    settings,
    `IMAPStore far
Host 127.0.0.1
Port ${port}
User ${user}
Pass "${password}"
Timeout 0
SSLType None

MaildirStore near
Path ${home}/mail/
Inbox ${home}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState ${home}/state/
`,
  )
  mkdirSync(join(home, "state"))
  return async () => {
    const { code, stdout, stderr } = await run("mbsync", ["-c", settings, "-a"], { env: { HOME: home } })
    assert.equal(code, 0, `${stdout} ${stderr}`)
  }
}

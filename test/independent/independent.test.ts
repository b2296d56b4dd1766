import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { absence } from "../clients/installed.ts"
import { messages } from "../harness/corpus.ts"
import { fill, startHome, type TestClient } from "../worker/harness.ts"
import { knownCorpus } from "./corpus-known.ts"
import { nastyMessages } from "./nasty.ts"
import { knownNasty } from "./nasty-known.ts"
import { seenByClient } from "./ours.ts"
import { seenByPostal } from "./postal.ts"
import { seenByPython } from "./python.ts"
import { differences } from "./seen.ts"

/*
 * What an IMAP client sees of a message, compared with what two other parsers find in it: Python's `email`
 * package and postal-mime. All octets are compared; where readers differ, the difference is listed with its
 * reason.
 */
type Given = { name: string; bytes: Buffer }
type Difference = { message: string; reader: "python" | "postal"; lines: string[] }

const skip = absence("python3")

test("messages that nobody should send", { skip }, async (t) => {
  const client = await selected(t, nastyMessages)
  const expected = knownNasty.map(({ message, reader, lines }) => ({ message, reader, lines }))
  assert.deepEqual(await compared(client, nastyMessages), expected)
})

test("real messages", { skip }, async (t) => {
  const given = messages()
  const found = await compared(await selected(t, given), given)
  const facts = ({ message, reader, lines }: Difference) =>
    lines.map((line) => `${message.split(".", 1)[0]} ${reader} ${line.split(": ", 1)[0]}`)
  const known = knownCorpus.flatMap(([files, reader, names]) =>
    files
      .filter((file) => given.some(({ name }) => name.startsWith(`${file}.`)))
      .flatMap((file) => names.map((fact) => `${file} ${reader} ${fact}`)),
  )
  assert.deepEqual(new Set(found.flatMap(facts)), new Set(known))
})

/** A client that has selected a mailbox with these messages, as they are: APPEND takes no empty ones. */
async function selected(t: TestContext, given: Given[]): Promise<TestClient> {
  const home = startHome(t)
  await fill(
    home,
    home.store.mailboxes.named("INBOX").id,
    given.map(({ bytes }) => bytes),
  )
  const client = await home.connect()
  await client.ok("SELECT INBOX")
  return client
}

async function compared(client: TestClient, given: Given[]): Promise<Difference[]> {
  const python = await seenByPython(given.map(({ bytes }) => bytes))
  const found: Difference[] = []
  for (const [index, { name, bytes }] of given.entries()) {
    const ours = await seenByClient(client, index + 1, bytes)
    const others = { python: python[index] ?? assert.fail(), postal: await seenByPostal(bytes) }
    for (const reader of ["python", "postal"] as const) {
      const lines = differences(ours, others[reader])
      if (lines.length > 0) found.push({ message: name, reader, lines })
    }
  }
  return found
}

import { randomBytes, randomInt } from "node:crypto"
import { writeSync } from "node:fs"
import { openStore } from "../../daemon/store/open.ts"
import { id, options, plainly } from "./harness.ts"
import { mail, mailOf } from "./mail.ts"

/*
 * Works on the mailbox named on its command line until it is killed. Each delivery that is durable is
 * told on standard output, as one line.
 */
const [path = "", key = "", round = ""] = process.argv.slice(2)
const store = openStore(path, Buffer.from(key, "hex"), options)
const [inbox, archive, trash, junk] = [id(store, "INBOX"), id(store, "Archive"), id(store, "Trash"), id(store, "Junk")]

function deliverSome(first: number): string[] {
  return store.transaction(() =>
    Array.from({ length: randomInt(1, 8) }, (_, index) => {
      const deliveryId = `${round}-${first}-${index}`
      const { bytes, meta } = mail(deliveryId, "words ".repeat(randomInt(2000)))
      store.messages.add(inbox, store.contents.insert(bytes, meta), { ...plainly, deliveryId })
      return deliveryId
    }),
  )
}

function deliverLarge(first: number): string[] {
  const deliveryId = `${round}-${first}-large`
  const { bytes, meta } = mailOf(Buffer.concat([Buffer.from(`Subject: ${deliveryId}\r\n\r\n`), randomBytes(700_000)]))
  const writer = store.contents.begin()
  for (let at = 0; at < bytes.length; at += 100_000) writer.push(bytes.subarray(at, at + 100_000))
  store.transaction(() => store.messages.add(inbox, writer.finish(meta), { ...plainly, deliveryId }))
  return [deliveryId]
}

function shuffle(): void {
  const uids = store.messages.uids(inbox).slice(-20)
  store.messages.storeFlags(inbox, uids, { operation: "add", flags: 1, keywords: ["k"], unchangedSince: null })
  store.messages.copy(inbox, uids, trash)
  store.messages.move(inbox, uids.slice(0, 3), archive)
  const copies = store.messages.uids(trash)
  store.messages.storeFlags(trash, copies, { operation: "add", flags: 8, keywords: [], unchangedSince: null })
  store.messages.expunge(trash, null)
}

/** Enough comes and goes for the search index to be made anew every other time. */
function churn(): void {
  for (let n = 0; n < 30; n++) {
    const { bytes, meta } = mail(`junk ${n}`, "words ".repeat(n))
    store.messages.add(junk, store.contents.insert(bytes, meta), { ...plainly, flags: 8 })
  }
  store.messages.expunge(junk, null)
  for (let slice = 0; slice < 8; slice++) store.tidy()
}

writeSync(1, "open\n")
for (let first = 0; ; first++) {
  const delivered = first % 5 === 4 ? deliverLarge(first) : deliverSome(first)
  writeSync(1, `${delivered.join("\n")}\n`)
  if (first % 3 === 2) shuffle()
  if (first % 4 === 1) churn()
}

import { writeSync } from "node:fs"
import { Queue } from "../../spool/queue.ts"

/** Writes messages, four at a time, and names each one on standard output once it is durable, until it is killed. */
const [root = "", mailbox = ""] = process.argv.slice(2)
const queue = new Queue(root)

async function writeForEver(): Promise<never> {
  for (;;) {
    const incoming = await queue.incoming(mailbox)
    const content = Buffer.from(`content of ${incoming.id}`.padEnd(9000, "."))
    await incoming.write(content.subarray(0, 5000))
    await incoming.write(content.subarray(5000))
    await incoming.commit()
    writeSync(1, `${incoming.id}\n`)
  }
}

await Promise.all([writeForEver(), writeForEver(), writeForEver(), writeForEver()])

import assert from "node:assert/strict"
import { join } from "node:path"
import { test } from "node:test"
import { pino } from "pino"
import { serveControl } from "../../daemon/contract/channel.ts"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { connectSpool } from "../../spool/channel.ts"
import { deliver } from "../../spool/deliver.ts"
import { runSpool } from "../../spool/main.ts"
import { identityOf, mailboxOf, temporaryFolder } from "./harness.ts"

test("spool and daemon over the real control channel, also while the daemon restarts", async (t) => {
  const folder = temporaryFolder(t)
  const log = pino({ level: "silent" })
  const socket = join(folder, "control.sock")
  const arrived: string[] = []
  let asked = 0
  const serve = () =>
    serveControl({
      socket,
      log,
      handlers: {
        "recipient.resolve": async () => {
          asked += 1
          return {
            kind: "found",
            mailbox: mailboxOf("alice"),
            recipients: [identityOf("alice").recipient],
            room: { bytes: null, messages: null },
          }
        },
        "session.open": async () => ({ kind: "unavailable", why: "not here" }),
      },
      onNotice: (notice) => {
        if (notice.name === "spool.arrived") arrived.push(notice.notice.mailbox)
      },
    })
  const settings = settingsSchema.parse({ data_dir: folder, spool: { lmtp: ["run/lmtp.sock"] } })
  const send = async () => {
    const input = (async function* () {
      yield Buffer.from("x\n")
    })()
    return (await deliver({ recipients: ["alice@example.org"], sender: "", input, settings })).exitCode
  }
  const until = async (what: () => boolean) => {
    while (!what()) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  let daemon = await serve()
  const channel = connectSpool(socket, log)
  let connections = 0
  channel.onReconnect?.(() => {
    connections += 1
  })
  const spool = await runSpool(settings, channel, log)
  await until(() => connections === 1)
  assert.equal(await send(), 0)
  await until(() => arrived.length === 1)
  assert.equal(await send(), 0)
  assert.equal(asked, 1)

  daemon.broadcast("recipient.changed", { address: null })
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(await send(), 0)
  assert.equal(asked, 2)

  await daemon.close()
  assert.equal(await send(), 0, "known, so accepted without the daemon")
  daemon = await serve()
  arrived.length = 0
  await until(() => connections === 2)
  await until(() => arrived.length > 0) // of what came while the daemon was away
  assert.equal(await send(), 0)
  assert.equal(asked, 3, "asked again, since notices may have been missed")
  assert.deepEqual(new Set(arrived), new Set([mailboxOf("alice")]))

  await spool.close()
  await channel.close()
  await daemon.close()
})

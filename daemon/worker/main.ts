import type { ToWorker } from "../contract/worker-link.ts"
import { makeLog } from "../host/log.ts"
import { type Paths, pathsOf } from "../host/paths.ts"
import type { Settings } from "../host/settings.ts"
import { Door } from "./door.ts"
import { House } from "./house.ts"
import { DaemonLink } from "./link.ts"

/*
 * One worker: started warm, given to one user, unlocked by the first right password, shared by all of that
 * user's connections, and gone when the session ends. Its exit is the wipe.
 */
process.title = "mailkeep-worker"
process.umask(0o007)

const link = new DaemonLink()
let settings: Settings | null = null
let paths: Paths | null = null
let house: House | null = null

const door = new Door((visitor) => {
  if (house === null) visitor.socket.destroy()
  else void house.visit(visitor)
})

async function obey(message: ToWorker): Promise<void> {
  if (link.answered(message)) return
  switch (message.kind) {
    case "start":
      settings = message.settings
      paths = pathsOf(settings)
      await door.listen(message.socket)
      return link.send({ kind: "ready", pid: process.pid })
    case "assign":
      if (settings === null || paths === null || house !== null) throw new Error("assigned before start, or twice")
      house = new House(
        { assignment: message.assignment, settings, paths, kdfTurn: link.kdfTurn },
        link,
        makeLog("worker", settings.log.level),
      )
      return
    case "ticket":
      return door.expect(message.ticket, message.session, message.purpose)
    case "flush":
      return house?.arrived()
    case "drop":
      return house?.drop(message.connection, message.why)
    case "close":
      return leave(message.why)
    default:
      throw new Error(`no such message: ${message.kind}`)
  }
}

/** Draining has an end, whoever waits for whom: what is cut off then was never acknowledged. */
async function leave(why: Parameters<House["close"]>[0]): Promise<void> {
  setTimeout(() => process.exit(70), (settings?.sessions.drain_s ?? 1) * 1000)
  door.close()
  await house?.close(why)
  process.exit(0)
}

/** What nobody foresaw ends this worker, not the user's mail: every transaction is whole or absent. */
function perish(error: unknown): void {
  makeLog("worker", settings?.log.level ?? "error").fatal({ err: error }, "worker failed")
  process.exit(70)
}

process.on("uncaughtException", perish)
process.on("unhandledRejection", perish)
process.on("message", (message: ToWorker) => void obey(message).catch(perish))
// The daemon decides when its workers drain.
for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {})
process.on("SIGTERM", () => void leave("shutdown").catch(perish))
// A daemon that died cannot close us: nobody would know that this mailbox is open.
process.on("disconnect", () => {
  link.lost()
  void leave("shutdown").catch(perish)
})

import { ready, startWatchdog, stopping } from "../../daemon/host/ready.ts"

/** Lives for as long as one watchdog period. */
const stop = startWatchdog((error) => {
  throw error
})
await ready({ component: "spool", listening: ["127.0.0.1:2424"] })
await new Promise((resolve) => setTimeout(resolve, 250))
stop()
await stopping("spool")
if (process.connected) process.disconnect()

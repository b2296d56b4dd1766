import type { ComponentOrder } from "./host/component.ts"
import { startProcess } from "./processes.ts"
import { StartFailure } from "./setup/start-failure.ts"

/** What `mailkeep up` forks: one component, told over the channel what to be and with which settings. */
process.once("message", ({ name, settings }: ComponentOrder) => {
  startProcess(name, settings).catch((error: unknown) => {
    process.stderr.write(`mailkeep ${error instanceof StartFailure ? error.message : String((error as Error).stack)}\n`)
    process.exit(1)
  })
})

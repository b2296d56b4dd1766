import type { ComponentOrder } from "./host/component.ts"
import { failed } from "./host/ready.ts"
import { startProcess } from "./processes.ts"
import { StartFailure } from "./setup/start-failure.ts"

/** What `mailkeep up` forks: one component, told over the channel what to be and with which settings. */
process.once("message", ({ name, settings }: ComponentOrder) => {
  startProcess(name, settings).catch(async (error: unknown) => {
    await failed(name, error instanceof StartFailure ? error.message : String((error as Error).stack))
    process.exit(1)
  })
})

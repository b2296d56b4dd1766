import { DirectoryError } from "../../directory/directory.ts"
import { ConfigurationError } from "../../host/configuration.ts"
import { StartFailure } from "../../setup/start-failure.ts"
import { AdminUnreachable } from "../client.ts"
import { AdminError } from "../requests.ts"

export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const

/** What the command cannot do, in one clear line. */
export class CliFailure extends Error {
  readonly fault: string
  readonly exitCode: number

  constructor(fault: string, message: string, exitCode: number = exitCodes.failure, options?: ErrorOptions) {
    super(message, options)
    this.name = "CliFailure"
    this.fault = fault
    this.exitCode = exitCode
  }
}

export type Explained = { fault: string; message: string; exitCode: number }

/** What people are told of an error; one that nobody foresaw comes with its stack, for the report. */
export function explain(error: unknown): Explained {
  if (error instanceof CliFailure) return { fault: error.fault, message: error.message, exitCode: error.exitCode }
  const { failure: exitCode } = exitCodes
  if (error instanceof AdminError || error instanceof DirectoryError) {
    return { fault: error.fault, message: error.message, exitCode }
  }
  if (error instanceof AdminUnreachable) {
    return { fault: error.running ? "unreachable" : "not-running", message: error.message, exitCode }
  }
  if (error instanceof ConfigurationError) return { fault: "configuration", message: error.message, exitCode }
  if (error instanceof StartFailure) return { fault: "start", message: error.message, exitCode }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { fault: "fault", message: `this is a fault of mailkeep, please report it: ${text}`, exitCode }
}

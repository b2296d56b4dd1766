import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino"
import type { Settings } from "./settings.ts"

export type Log = Logger

/**
 * Names under which a secret could end up in a log by mistake, wherever it is in the object, down to the
 * depth at which we log anything. No code passes them; this is the second line of defence.
 */
const secretNames = [
  "credential",
  "second",
  "password",
  "passphrase",
  "secret",
  "bootSecret",
  "root",
  "rootKey",
  "key",
  "identity",
  "ticket",
  "salt",
]
const redacted = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

/**
 * Logs of one component: JSON lines on standard error, each with `level` as a word, `time` in ISO 8601, `pid`
 * and `component`. Written synchronously, so that the last line before a crash is there.
 *
 * @param to for tests
 */
export function makeLog(
  component: string,
  level: Settings["log"]["level"],
  to: DestinationStream = destination({ fd: 2, sync: true }),
): Log {
  return pino(
    {
      level,
      base: { pid: process.pid, component },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted, censor: "[redacted]" },
    },
    to,
  )
}

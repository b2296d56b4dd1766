import type { Command } from "commander"
import { loadSettings } from "../../host/configuration.ts"
import { pathsOf } from "../../host/paths.ts"
import type { Settings } from "../../host/settings.ts"
import { request } from "../client.ts"
import type { AdminAsksInput, AdminReplies, AdminRequestName } from "../requests.ts"

/** What every command is given: the global options, and where answers go. */
export type Context = {
  json: boolean
  /** The file of `--config`. */
  configFile: string | undefined
  /** @throws ConfigurationError */
  settings(): Settings
  /** One request to the running daemon. @throws AdminError, AdminUnreachable, ConfigurationError */
  ask<N extends AdminRequestName>(name: N, asks: AdminAsksInput<N>): Promise<AdminReplies<N>>
  /** The answer: the document with `--json`, the text without. */
  answer(document: unknown, text: () => string): void
}

/** Global options may stand before or after the command. */
export function contextOf(command: Command): Context {
  const { json = false, config } = command.optsWithGlobals<{ json?: boolean; config?: string }>()
  const settings = once(() => loadSettings(config))
  return {
    json,
    configFile: config,
    settings,
    ask: (name, asks) => request(pathsOf(settings()).admin, name, asks),
    answer: (document, text) => {
      process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : line(text()))
    },
  }
}

function line(text: string): string {
  return text === "" ? "" : `${text}\n`
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

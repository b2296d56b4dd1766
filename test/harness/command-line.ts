import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { settingsToml } from "../../daemon/host/configuration.ts"
import { type Ran, mailkeep as run } from "../admin/desk.ts"
import type { Mailkeep } from "./mailkeep.ts"

export type CommandLine = { config: string; run(args: string[], input?: string | Buffer): Promise<Ran> }

/** The real command `mailkeep`, a process for each call, with a configuration file that leads to this mailkeep. */
export function commandLineOf({ paths, settings }: Mailkeep): CommandLine {
  const config = join(dirname(paths.root), "mailkeep.toml")
  writeFileSync(config, settingsToml(settings))
  return { config, run: (args, input = "") => run([...args, "--config", config], input) }
}

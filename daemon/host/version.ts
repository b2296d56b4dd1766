import { readFileSync } from "node:fs"

/** The program's version, from package.json: one directory up from `daemon/` in a checkout, two from `dist/daemon/`. */
export const version = readVersion()

function readVersion(): string {
  const here = import.meta.url
  const manifest = new URL(here.endsWith(".ts") ? "../../package.json" : "../../../package.json", here)
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version
}

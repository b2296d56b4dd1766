import { writeFileSync } from "node:fs"
import { stringify } from "smol-toml"
import { type Section, type Setting, settingsTable } from "./settings-table.ts"

/** The text of `docs/configuration.md`, from the settings schema. */
export function configurationReference(): string {
  const sections = settingsTable()
  return `${introduction}\n${sections.map(sectionText).join("\n")}\n${exampleText(sections)}`
}

const introduction = `# Configuration

<!-- Printed from daemon/host/settings.ts by \`npm run docs\`; changes made here are lost. -->

mailkeep reads one TOML file: the one named by \`--config FILE\`, else the one named by the environment variable
\`MAILKEEP_CONFIG\`, else \`mailkeep.toml\` in the working directory if there is one. Without a file every setting has
its default. \`mailkeep config check\` names everything that is wrong with a file, by line; \`mailkeep config show\`
prints what is in force.

Units are in the names: \`_s\` seconds, \`_ms\` milliseconds, \`_bytes\`, \`_kib\`. An address is \`host:port\`,
\`[v6]:port\`, or the path of a Unix socket (anything that contains a \`/\`). \`data_dir\` is relative to the
configuration file; every other path is relative to \`data_dir\`.
`

function sectionText({ name, meaning, settings }: Section): string {
  const head = name === null ? "## General\n\nThese stand before the first section.\n" : `## [${name}]\n\n${meaning}\n`
  return [head, "| key | value | default | meaning |", "|---|---|---|---|", ...settings.map(rowText), ""].join("\n")
}

function rowText(setting: Setting): string {
  const cells = [`\`${setting.key}\``, setting.expected, `\`${tomlValue(setting.default)}\``, setting.meaning]
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
}

function exampleText(sections: Section[]): string {
  const blocks = sections.map(({ name, meaning, settings }) =>
    [...(name === null ? [] : [`[${name}]`, `# ${meaning}`]), ...settings.flatMap(exampleLines), ""].join("\n"),
  )
  const intro = "Every setting with its default. A line needs to be there only where the default is not wanted."
  return `## Example\n\n${intro}\n\n\`\`\`toml\n${blocks.join("\n").trimEnd()}\n\`\`\`\n`
}

function exampleLines(setting: Setting): string[] {
  return [`# ${setting.meaning}`, `# ${setting.key} = ${tomlValue(setting.default)}`]
}

/** A value as TOML writes it. */
function tomlValue(value: unknown): string {
  return stringify({ value }).trim().slice("value = ".length)
}

if (import.meta.main) {
  const [file] = process.argv.slice(2)
  if (file === undefined) process.stdout.write(configurationReference())
  else writeFileSync(file, configurationReference())
}

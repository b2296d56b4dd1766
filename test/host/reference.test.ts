import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { parseSettings } from "../../daemon/host/configuration.ts"
import { configurationReference } from "../../daemon/host/reference.ts"
import { settingsSchema } from "../../daemon/host/settings.ts"
import { settingsTable } from "../../daemon/host/settings-table.ts"

test("docs/configuration.md is what the schema says (npm run docs)", () => {
  const committed = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8")
  assert.equal(committed, configurationReference())
})

test("every setting has a meaning, a default and words for what is expected", () => {
  for (const section of settingsTable()) {
    for (const { key, expected, meaning, ...setting } of section.settings) {
      assert.match(meaning, /\.$/, key)
      assert.doesNotMatch(expected, /Invalid|pattern/, key)
      assert.notEqual(setting.default, undefined, key)
    }
  }
})

test("the example, with its settings uncommented, is a valid file that changes nothing", () => {
  const [, example = ""] = /```toml\n([\s\S]*)```/.exec(configurationReference()) ?? []
  const settings = parseSettings(example.replace(/^# (\w+ = )/gm, "$1"), "/x/mailkeep.toml")
  assert.deepEqual(settings, { ...settingsSchema.parse({}), data_dir: "/x/var" })
})

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { keysAt } from "../../daemon/host/settings-table.ts"

const checkout = fileURLToPath(new URL("../..", import.meta.url))
const pages = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: checkout }).sort()]
const textOf = (page: string) => readFileSync(join(checkout, page), "utf8")

/** Inline code and the lines of fenced blocks, without comments. */
function codeOf(page: string): string[] {
  const text = textOf(page)
  const fenced = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) =>
    block.split("\n").filter((line) => !line.startsWith("#")),
  )
  const inline = [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code)
  return [...fenced, ...inline]
}

/** The anchor that a heading gets. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")
}

const anchorsOf = (page: string) =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading))

test("links between pages lead somewhere", () => {
  const broken = pages.flatMap((page) => {
    const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link)
    return links.filter((link) => !/^https?:/.test(link) && !leads(page, link)).map((link) => `${page}: ${link}`)
  })
  assert.deepEqual(broken, [])
})

function leads(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#")
  const target = path === "" ? page : join(dirname(page), path)
  if (!existsSync(join(checkout, target))) return false
  return anchor === undefined || anchorsOf(target).includes(anchor)
}

test("every package has its reason, and no other has one", () => {
  const manifest = JSON.parse(textOf("package.json")) as Record<string, Record<string, string>>
  const kinds = ["dependencies", "optionalDependencies", "devDependencies"]
  const packages = kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}))
  const explained = [...textOf("docs/dependencies.md").matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name]) => name)
  assert.deepEqual(explained.toSorted(), packages.toSorted())
})

test("commands that the pages name exist", () => {
  const top = commandsIn([])
  const groups = new Map(["user", "sessions", "spool", "config"].map((group) => [group, commandsIn([group])]))
  const unknown = pages.flatMap((page) =>
    codeOf(page).flatMap((code) =>
      [...code.matchAll(/(?:^|[\s`])mailkeep ([a-z]+)(?: ([a-z-]+))?/g)]
        .filter(([, first = "", second]) => !top.includes(first) || !isCommand(groups.get(first), first, second))
        .map(([line]) => `${page}: ${line.trim()}`),
    ),
  )
  assert.deepEqual(unknown, [])
})

/** `spool` is a command by itself, too. */
function isCommand(group: string[] | undefined, first: string, second: string | undefined): boolean {
  return group === undefined || (second === undefined ? first === "spool" : group.includes(second))
}

/** What `mailkeep … --help` lists. */
function commandsIn(words: string[]): string[] {
  const program = join(checkout, "daemon/admin/cli/main.ts")
  const help = execFileSync(process.execPath, ["--import", "tsx", program, ...words, "--help"], {
    encoding: "utf8",
    cwd: checkout,
  })
  const listed = help.slice(help.indexOf("Commands:"))
  return [...listed.matchAll(/^ {2}([a-z-]+)(?= |$)/gm)].map(([, name = ""]) => name)
}

test("settings that the pages name exist", () => {
  const named = pages.flatMap((page) =>
    codeOf(page).flatMap((code) =>
      [...code.matchAll(/\b([a-z]+)\.([a-z]+(?:_[a-z]+)+)\b/g)].map(([whole, section = "", key = ""]) => ({
        page,
        whole,
        section,
        key,
      })),
    ),
  )
  const unknown = named.filter(({ section, key }) => keysAt([]).includes(section) && !keysAt([section]).includes(key))
  assert.deepEqual(
    unknown.map(({ page, whole }) => `${page}: ${whole}`),
    [],
  )
})

test("files that the pages name exist", () => {
  const named = pages.flatMap((page) =>
    codeOf(page).flatMap((code) =>
      [...code.matchAll(/^((?:daemon|proxy|spool|test|systemd)\/[\w./-]+\.(?:ts|service|target))$/g)].map(([path]) => ({
        page,
        path,
      })),
    ),
  )
  assert.deepEqual(
    named.filter(({ path }) => !existsSync(join(checkout, path))),
    [],
  )
})

import assert from "node:assert/strict"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { letterIn, octetsOf } from "./letters.ts"
import { type Change, type Content, folderOf, letterOf, place, type Side } from "./two-sides.ts"

/** The letter that a Maildir has for each flag, in the order in which they stand in a file's name. */
const flagLetters: [letter: string, flag: string][] = [
  ["D", "\\Draft"],
  ["F", "\\Flagged"],
  ["P", "$Forwarded"],
  ["R", "\\Answered"],
  ["S", "\\Seen"],
]

/** A Maildir with a folder beside the other, as mbsync keeps one, worked on by somebody else than mbsync. */
export class MaildirSide implements Side {
  readonly #root: string
  #made = 0

  constructor(root: string) {
    this.#root = root
    mkdirSync(root, { recursive: true })
  }

  change(change: Change): Promise<void> {
    const [folder, letter] = [folderOf(change.at), letterOf(change.at)]
    if (change.do === "add") {
      const path = this.#newPath(folder, change.flags)
      writeFileSync(path, octetsOf(letter).toString("latin1").replaceAll("\r\n", "\n"), "latin1")
      return Promise.resolve()
    }
    const path = this.#paths(folder).find((each) => letterIn(asGiven(each)) === letter) ?? assert.fail(change.at)
    if (change.do === "delete") rmSync(path)
    else if (change.do === "flags") renameSync(path, join(this.#root, folder, "cur", named(path, change.flags)))
    else {
      copyFileSync(path, this.#newPath(folderOf(change.to), flagsOf(path)))
      if (change.do === "move") rmSync(path)
    }
    return Promise.resolve()
  }

  content(): Promise<Content> {
    const content = new Map<string, Set<string>>()
    for (const folder of this.folders()) {
      for (const path of this.#paths(folder)) {
        const at = place(folder, letterIn(asGiven(path)))
        assert.equal(content.has(at), false, `${at} is there twice`)
        content.set(at, new Set(flagsOf(path)))
      }
    }
    return Promise.resolve(content)
  }

  create(folder: string): void {
    for (const part of ["cur", "new", "tmp"]) mkdirSync(join(this.#root, folder, part), { recursive: true })
  }

  folders(): string[] {
    return readdirSync(this.#root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name === "cur")
      .map((entry) => entry.parentPath.slice(this.#root.length + 1))
  }

  /** mbsync waits a second before it reads a folder that changed just now; nobody works here beside it. */
  settle(): void {
    for (const folder of this.folders())
      for (const part of ["cur", "new"]) utimesSync(join(this.#root, folder, part), 1_700_000_000, 1_700_000_000)
  }

  #paths(folder: string): string[] {
    return ["new", "cur"].flatMap((part) => {
      const path = join(this.#root, folder, part)
      return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : []
    })
  }

  #newPath(folder: string, flags: string[]): string {
    this.#made += 1
    return join(this.#root, folder, "cur", named(`${1_700_000_000 + this.#made}.near`, flags))
  }
}

/** A name keeps all but its flags; a UID in it (`,U=7`) is mbsync's. */
function named(path: string, flags: string[]): string {
  const letters = flagLetters.filter(([, flag]) => flags.includes(flag)).map(([letter]) => letter)
  return `${path.slice(path.lastIndexOf("/") + 1).replace(/:2,.*$/, "")}:2,${letters.join("")}`
}

function flagsOf(path: string): string[] {
  const [, letters = ""] = /:2,(\w*)$/.exec(path) ?? []
  return flagLetters.filter(([letter]) => letters.includes(letter)).map(([, flag]) => flag)
}

/** mbsync keeps LF line ends. */
function asGiven(path: string): Buffer {
  return Buffer.from(readFileSync(path, "latin1").replace(/\r?\n/g, "\r\n"), "latin1")
}

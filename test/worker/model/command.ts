import type { Cache } from "./cache.ts"
import type { Operation } from "./flags.ts"
import type { NumberSet } from "./view.ts"

/** A command as it is sent, with all numbers in place. */
export type Command =
  | Named<"NOOP" | "CHECK" | "EXPUNGE" | "CLOSE" | "UNSELECT" | "IDLE" | "DONE" | "LOGOUT">
  | Named<"ENABLE", { extensions: string[] }>
  | Named<"SELECT" | "EXAMINE", { mailbox: string; condstore: boolean; resync: Resync | null }>
  | Named<"CREATE" | "DELETE", { mailbox: string }>
  | Named<"RENAME", { mailbox: string; to: string }>
  | Named<"STATUS", { mailbox: string; items: string[] }>
  | Named<"APPEND", { mailbox: string; messages: Given[] }>
  | Named<"REPLACE", { uid: boolean; number: number; mailbox: string; message: Given }>
  | Named<
      "STORE",
      {
        uid: boolean
        set: NumberSet
        operation: Operation
        silent: boolean
        flags: string[]
        unchangedSince: number | null
      }
    >
  | Named<"FETCH", { uid: boolean; set: NumberSet; items: string[]; since: number | null; vanished: Cache | null }>
  | Named<"SEARCH" | "SORT", { uid: boolean; returns: string[] | null; key: Key }>
  | Named<"COPY" | "MOVE", { uid: boolean; set: NumberSet; mailbox: string }>
  | Named<"UID EXPUNGE", { set: NumberSet }>

type Named<N extends string, A = object> = N extends string ? { name: N } & A : never

export type CommandNamed<N extends Command["name"]> = Extract<Command, { name: N }>

export type Given = { flags: string[]; letter: number }

/** The QRESYNC parameter of SELECT, from what a client once knew; with its UIDs and numbers, or without. */
export type Resync = { cache: Cache; known: boolean; match: boolean }

export type Key =
  | { key: "all" | "recent" | "old" | "new" }
  | { key: "flag"; flag: string; on: boolean }
  | { key: "set"; uid: boolean; set: NumberSet }
  | { key: "modseq"; from: number }
  | { key: "larger" | "smaller"; octets: number }
  | { key: "not"; not: Key }
  | { key: "or" | "and"; left: Key; right: Key }

/** The messages that are used: of different sizes. */
export const letters: readonly string[] = ["one", "of two lines\r\nor so", "long ".repeat(200), "", "last"].map(
  (text, index) => `Subject: letter ${index}\r\nFrom: a@example.org\r\n\r\n${text}\r\n`,
)

/** As it goes over the wire. */
export function octets(tag: string, command: Command): string {
  return command.name === "DONE" ? "DONE\r\n" : `${tag} ${textOf(command)}\r\n`
}

function textOf(command: Command): string {
  const uid = "uid" in command && command.uid ? "UID " : ""
  switch (command.name) {
    case "ENABLE":
      return `ENABLE ${command.extensions.join(" ")}`
    case "SELECT":
    case "EXAMINE":
      return `${command.name} ${command.mailbox}${parameters(command)}`
    case "CREATE":
    case "DELETE":
      return `${command.name} ${command.mailbox}`
    case "RENAME":
      return `RENAME ${command.mailbox} ${command.to}`
    case "STATUS":
      return `STATUS ${command.mailbox} (${command.items.join(" ")})`
    case "APPEND":
      return `APPEND ${command.mailbox} ${command.messages.map(given).join(" ")}`
    case "REPLACE":
      return `${uid}REPLACE ${command.number} ${command.mailbox} ${given(command.message)}`
    case "STORE": {
      const modifier = command.unchangedSince === null ? "" : `(UNCHANGEDSINCE ${command.unchangedSince}) `
      const item = `${command.operation}FLAGS${command.silent ? ".SILENT" : ""}`
      return `${uid}STORE ${setText(command.set)} ${modifier}${item} (${command.flags.join(" ")})`
    }
    case "FETCH":
      return `${uid}FETCH ${setText(command.set)} (${command.items.join(" ")})${modifiers(command)}`
    case "SEARCH":
    case "SORT": {
      const returns = command.returns === null ? "" : `RETURN (${command.returns.join(" ")}) `
      const order = command.name === "SORT" ? "(REVERSE SIZE) UTF-8 " : ""
      return `${uid}${command.name} ${returns}${order}${keyText(command.key)}`
    }
    case "COPY":
    case "MOVE":
      return `${uid}${command.name} ${setText(command.set)} ${command.mailbox}`
    case "UID EXPUNGE":
      return `UID EXPUNGE ${setText(command.set)}`
    default:
      return command.name
  }
}

function parameters({ condstore, resync }: CommandNamed<"SELECT" | "EXAMINE">): string {
  const all = condstore ? ["CONDSTORE"] : []
  if (resync !== null) {
    const { validity, modseq, messages } = resync.cache
    const known = resync.known && messages.length > 0 ? ` ${messages.map(({ uid }) => uid)}` : ""
    all.push(`QRESYNC (${validity} ${modseq}${known}${matchData(resync)})`)
  }
  return all.length === 0 ? "" : ` (${all.join(" ")})`
}

/** RFC 7162 §3.2.5.2: which number each UID had. */
export function matchData(resync: Resync | null): string {
  if (resync?.match !== true || resync.cache.messages.length === 0) return ""
  const uids = resync.cache.messages.map(({ uid }) => uid)
  return ` (1:${uids.length} ${uids})`
}

function modifiers({ since, vanished }: CommandNamed<"FETCH">): string {
  return since === null ? "" : ` (CHANGEDSINCE ${since}${vanished === null ? "" : " VANISHED"})`
}

function given({ flags, letter }: Given): string {
  const text = letters[letter] ?? ""
  return `(${flags.join(" ")}) {${text.length}+}\r\n${text}`
}

function setText(set: NumberSet): string {
  const number = (each: number) => (each === Infinity ? "*" : String(each))
  return set === "$" ? set : set.map(([a, b]) => (a === b ? number(a) : `${number(a)}:${number(b)}`)).join(",")
}

function keyText(key: Key): string {
  switch (key.key) {
    case "flag":
      return key.flag.startsWith("\\")
        ? `${key.on ? "" : "UN"}${key.flag.slice(1).toUpperCase()}`
        : `${key.on ? "" : "UN"}KEYWORD ${key.flag}`
    case "set":
      return `${key.uid && key.set !== "$" ? "UID " : ""}${setText(key.set)}`
    case "modseq":
      return `MODSEQ ${key.from}`
    case "larger":
    case "smaller":
      return `${key.key.toUpperCase()} ${key.octets}`
    case "not":
      return `NOT ${keyText(key.not)}`
    case "or":
      return `OR ${keyText(key.left)} ${keyText(key.right)}`
    case "and":
      return `(${keyText(key.left)} ${keyText(key.right)})`
    default:
      return key.key.toUpperCase()
  }
}

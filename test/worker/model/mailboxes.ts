import { wrongIn } from "./cache.ts"
import { type CommandNamed, letters, type Resync } from "./command.ts"
import { type Flags, has } from "./flags.ts"
import { hearEarlier } from "./messages.ts"
import { create, find, holding, type Mailbox, message, type Refusal, remove, rename, validityIs } from "./truth.ts"
import type { Steps, Turn } from "./turn.ts"
import { claimRecent, recentIn, told, type View } from "./view.ts"
import { words } from "./wire.ts"

/** RFC 3501 §6.3.1, §6.3.2; RFC 7162 §3.2.11. */
export function* performSelect(turn: Turn, command: CommandNamed<"SELECT" | "EXAMINE">): Steps {
  yield
  if (turn.client.view !== null) turn.takeCode("CLOSED")
  turn.client.view = null
  const box = find(turn.account, command.mailbox)
  if (box?.selectable !== true) return yield* turn.refused("NO", box === undefined ? "NONEXISTENT" : "CANNOT", true)
  if (command.condstore) turn.client.condstore = true
  turn.client.view = open(box, command.name === "EXAMINE")
  hearOpened(turn, box)
  if (command.resync !== null) yield* hearMissed(turn, command.resync)
  yield* turn.tellAll(true)
  turn.end("OK", command.name === "EXAMINE" ? "READ-ONLY" : "READ-WRITE")
}

function open(box: Mailbox, readOnly: boolean): View {
  const view: View = {
    mailbox: box.id,
    validity: 0,
    readOnly,
    messages: box.messages.map(({ uid, modseq }) => ({ uid, told: modseq, seen: modseq, flags: null })),
    uidNext: 0,
    synced: box.modseq,
    recent: [],
    saved: [],
  }
  claimRecent(box, view)
  view.uidNext = box.uidNext
  return view
}

/** What SELECT says, in any order, each once. */
function hearOpened(turn: Turn, box: Mailbox): void {
  const { client, view, account } = turn
  const unseen = box.messages.findIndex(({ flags }) => !has(flags, "\\Seen")) + 1
  const saysUnseen = unseen > 0 && !client.rev2 && !client.uidOnly
  const open = new Map<string, (value: string) => boolean>([
    ["EXISTS", (value) => Number(value) === box.messages.length],
    ["UIDVALIDITY", (value) => validityIs(account, box, Number(value))],
    ["UIDNEXT", (value) => Number(value) === box.uidNext],
    ["HIGHESTMODSEQ", (value) => Number(value) === box.modseq],
    ["MAILBOXID", () => true],
    ["FLAGS", (value) => void turn.flagNames(words(value)) === undefined],
    ["PERMANENTFLAGS", (value) => void turn.permanentFlags(words(value.replace(/[()]/g, ""))) === undefined],
    ...(client.rev2 ? [] : [["RECENT", (value: string) => Number(value) === recentIn(view)] as const]),
    ...(client.rev2 ? [["LIST", (value: string) => words(value).at(-1) === box.name] as const] : []),
    ...(saysUnseen ? [["UNSEEN", (value: string) => Number(value) === unseen] as const] : []),
  ])
  while (open.size > 0) {
    const [name, value] = statement(turn)
    const test = open.get(name)
    if (test === undefined || !open.delete(name)) turn.fail(`${[...open.keys()]} are expected`)
    turn.check(test(value), `${name} is wrong`)
    turn.lines.at += 1
  }
  view.validity = box.validity ?? 0
  Object.assign(client, { highest: box.modseq, said: null, fetched: 0 })
}

function statement(turn: Turn): [name: string, value: string] {
  const { next } = turn.lines
  switch (next?.kind) {
    case "exists":
    case "recent":
      return [next.kind.toUpperCase(), String(next.number)]
    case "flags":
      return ["FLAGS", next.flags.join(" ")]
    case "code":
      return [next.code, next.value]
    case "list":
      return ["LIST", next.words.join(" ")]
    default:
      return ["", ""]
  }
}

/** RFC 7162 §3.2.5: with what is said now, the client that comes back must know the truth. */
function* hearMissed(turn: Turn, { cache, known, match }: Resync): Steps {
  const box = structuredClone(turn.box)
  if (box === undefined || cache.validity !== box.validity) return
  const uids = cache.messages.map(({ uid }) => uid)
  const names = (uid: number) => !known || uids.length === 0 || uids.includes(uid)
  const missed = ({ uid, modseq }: { uid: number; modseq: number }) => modseq > cache.modseq && names(uid)
  const gone = box.gone.filter(missed).map(({ uid }) => uid)
  // §3.2.5.2: of what is below the last UID that still has its number, the client knows.
  const sure = match ? lastMatch(turn.view, uids) : 0
  const surely = gone.filter((uid) => uid > sure)
  const vanished = hearEarlier(turn, surely, gone)
  const changes = box.messages.filter(missed)
  yield* hearChanges(turn, new Set(changes.map(({ uid }) => uid)))
  turn.client.fetched = 0
  const changed = new Map<number, Flags>(changes.map(({ uid, flags }) => [uid, flags]))
  const wrong = wrongIn(cache, box, vanished, changed, () => false)
  turn.check(wrong === null, wrong ?? "")
}

/**
 * A FETCH of each of these. The server reads a message when its turn comes: what another session does meanwhile may
 * be in it, and is then told once more.
 */
function* hearChanges(turn: Turn, open: Set<number>): Steps {
  for (let steps = 0; open.size > 0; ) {
    const { next } = turn.lines
    const uid = next?.kind === "fetch" ? turn.uidOf(next) : null
    const now = uid === null || turn.box === undefined ? undefined : message(turn.box, uid)
    if (
      next?.kind === "fetch" &&
      now !== undefined &&
      Number(next.items.get("MODSEQ")) === now.modseq &&
      open.delete(now.uid)
    ) {
      turn.unasked(turn.take("fetch"), now, true)
      tellAgain(turn, now.uid)
    } else if (steps < othersSteps) {
      steps += 1
      yield
      for (const each of open) if (turn.box === undefined || message(turn.box, each) === undefined) open.delete(each)
    } else turn.fail(`FETCH of UIDs ${[...open]} is expected`)
  }
}

/** How many steps of others may lie between two lines. */
const othersSteps = 6

function tellAgain(turn: Turn, uid: number): void {
  const entry = told(turn.view, uid)
  if (entry !== undefined) entry.told = Math.min(entry.told, turn.view.synced)
}

function lastMatch(view: View, uids: readonly number[]): number {
  return Math.max(0, ...uids.filter((uid, index) => view.messages[index]?.uid === uid))
}

/** CREATE, DELETE, RENAME (RFC 3501 §6.3.3 to §6.3.5). */
export function* performNaming(turn: Turn, command: CommandNamed<"CREATE" | "DELETE" | "RENAME">): Steps {
  yield
  const selected = turn.client.view === null ? undefined : turn.box
  const refusal = nameIt(turn, command)
  if (refusal !== null) return yield* turn.refused(refusal.status, refusal.code, true)
  if (command.name === "DELETE" && selected?.name === command.mailbox) turn.client.view = null
  yield* turn.tellAll(true)
  turn.end("OK", command.name === "CREATE" ? "MAILBOXID" : "")
}

function nameIt({ account }: Turn, command: CommandNamed<"CREATE" | "DELETE" | "RENAME">): Refusal | null {
  if (command.name === "RENAME") return rename(account, command.mailbox, command.to)
  return command.name === "CREATE" ? create(account, command.mailbox) : remove(account, command.mailbox)
}

/** RFC 3501 §6.3.10; asking for HIGHESTMODSEQ enables CONDSTORE (RFC 7162 §3.1). */
export function* performStatus(turn: Turn, { mailbox, items }: CommandNamed<"STATUS">): Steps {
  yield
  const box = holding(turn.account, mailbox)
  if (box === undefined) {
    const code = find(turn.account, mailbox) === undefined ? "NONEXISTENT" : "CANNOT"
    return yield* turn.refused("NO", code, true)
  }
  const line = turn.take("status")
  turn.check(line.mailbox === mailbox && [...line.values.keys()].join() === items.join(), "STATUS of something else")
  for (const [item, value] of line.values) {
    const right =
      item === "UIDVALIDITY" ? validityIs(turn.account, box, Number(value)) : Number(value) === counts(box)[item]
    if (!right) turn.lines.at -= 1
    turn.check(right, `${item} is ${counts(box)[item]}`)
  }
  if (items.includes("HIGHESTMODSEQ")) turn.enableCondstore()
  yield* turn.tellAll(true)
  turn.end("OK")
}

function counts({ messages, uidNext, modseq, recentFrom }: Mailbox): Record<string, number> {
  return {
    MESSAGES: messages.length,
    UIDNEXT: uidNext,
    UNSEEN: messages.filter(({ flags }) => !has(flags, "\\Seen")).length,
    DELETED: messages.filter(({ flags }) => has(flags, "\\Deleted")).length,
    RECENT: messages.filter(({ uid }) => uid >= recentFrom).length,
    SIZE: messages.reduce((sum, { letter }) => sum + (letters[letter]?.length ?? 0), 0),
    HIGHESTMODSEQ: modseq,
  }
}

/** RFC 5161 §3.1 */
export function* performEnable(turn: Turn, { extensions }: CommandNamed<"ENABLE">): Steps {
  yield
  const { client } = turn
  const on = new Map([
    ["CONDSTORE", client.condstore],
    ["QRESYNC", client.qresync],
    ["IMAP4rev2", client.rev2],
    ["UIDONLY", client.uidOnly],
  ])
  const fresh = extensions.filter((name) => on.get(name) === false)
  const said = turn.take("enabled").words
  turn.check(said.join() === fresh.join(), `ENABLED ${fresh} is expected`)
  for (const name of fresh) {
    if (name === "QRESYNC") client.qresync = true
    if (name === "CONDSTORE" || name === "QRESYNC") turn.enableCondstore()
    if (name === "IMAP4rev2") client.rev2 = true
    if (name === "UIDONLY") client.uidOnly = true
  }
  yield* turn.tellAll(true)
  turn.end("OK")
}

import { wrongIn } from "./cache.ts"
import { type CommandNamed, letters } from "./command.ts"
import { changed, type Flags } from "./flags.ts"
import { copy, expunge, holding, type Mailbox, message, type Outcome, store, validityIs } from "./truth.ts"
import type { Steps, Turn } from "./turn.ts"
import { emptyNews, named, pull, told } from "./view.ts"
import { numbersIn } from "./wire.ts"

/** Messages that were named by number and are gone: the client means something that it would not get (RFC 2180 §4). */
function missing(box: Mailbox | undefined, uids: readonly number[], byNumber: boolean): boolean {
  return byNumber && uids.some((uid) => box === undefined || message(box, uid) === undefined)
}

/** RFC 3501 §6.4.6, RFC 7162 §3.1.3. */
export function* performStore(turn: Turn, command: CommandNamed<"STORE">): Steps {
  const { uid, set } = command
  yield
  if (turn.view.readOnly) return yield* turn.refused("NO", "", uid, uid)
  const uids = named(turn.view, set, uid)
  if (uids === null) return yield* turn.refused("BAD", "", uid, uid)
  if (command.unchangedSince !== null) turn.enableCondstore()
  const byNumber = !uid && set !== "$"
  const gone = missing(turn.box, uids, byNumber)
  const news = uids.length > 0 ? pull(turn.account, turn.view, false) : emptyNews()
  turn.hear(news, uid)
  const heard = news?.changed.map((each) => each.uid) ?? []
  const outcome = turn.box === undefined ? nothing : store(turn.box, uids, command)
  hearStored(turn, command, outcome, heard)
  yield* turn.tellAll(uid, uid)
  if (outcome.conflicted.length === 0) return endUnless(turn, gone)
  const names = uid ? outcome.conflicted : outcome.conflicted.map((each) => numberOf(turn, each))
  const modified = numbersIn(turn.end(gone ? "NO" : "OK", "MODIFIED"))
  turn.check(modified.join() === names.join(), `MODIFIED ${names} is expected`)
}

const nothing: Outcome = { changed: [], unchanged: [], conflicted: [] }

function endUnless(turn: Turn, gone: boolean): void {
  if (gone) turn.end("NO", "EXPUNGEISSUED")
  else turn.end("OK")
}

function numberOf(turn: Turn, uid: number): number {
  return turn.view.messages.findIndex((each) => each.uid === uid) + 1
}

/**
 * The new flags of each message; with .SILENT only mod-sequences, for who wants these. What failed UNCHANGEDSINCE is
 * told with its flags in any case (RFC 7162 §3.1.3, example 6), unless it was `heard` just before.
 */
function hearStored(
  turn: Turn,
  command: CommandNamed<"STORE">,
  { changed: news, unchanged, conflicted }: Outcome,
  heard: readonly number[],
): void {
  const told = command.silent && !turn.client.condstore ? [] : [...news, ...unchanged]
  const failed = conflicted.filter((uid) => !heard.includes(uid))
  const open = new Set([...told, ...failed])
  while (open.size > 0 && turn.lines.next?.kind === "fetch") {
    const line = turn.take("fetch")
    const at = turn.uidOf(line)
    const now = turn.box === undefined ? undefined : message(turn.box, at)
    if (now === undefined || !open.delete(at)) turn.fail(`${line.text} is no answer`)
    if (command.silent && !failed.includes(at)) {
      turn.check(line.items.has("MODSEQ") && !line.items.has("FLAGS"), "MODSEQ, not FLAGS")
      turn.attributes(line, now)
    } else turn.unasked(line, now, command.uid)
  }
  // RFC 7162 §3.1.3 wants MODSEQ of what was changed; of what was not it may be said.
  const owed = [...open].filter((uid) => !command.silent || !unchanged.includes(uid))
  turn.check(owed.length === 0, `STORE says nothing of UIDs ${owed}`)
  for (const uid of news) knowOwn(turn, uid, command)
}

/** A client that was silent about its change knows what it made of the flags. */
function knowOwn(turn: Turn, uid: number, { operation, flags }: CommandNamed<"STORE">): void {
  const now = turn.box === undefined ? undefined : message(turn.box, uid)
  const before = told(turn.view, uid)?.flags ?? null
  if (now === undefined) return
  const known: Flags | null = operation === "" ? now.flags : before === null ? null : changed(before, operation, flags)
  turn.know(uid, now.modseq, known)
}

/** RFC 3501 §6.4.5; CHANGEDSINCE and VANISHED of RFC 7162 §3.1.4.1, §3.2.6. */
export function* performFetch(turn: Turn, command: CommandNamed<"FETCH">): Steps {
  const { uid, set, items, since } = command
  yield
  const uids = named(turn.view, set, uid)
  if (uids === null) return yield* turn.refused("BAD", "", uid, uid)
  const byNumber = !uid && set !== "$" && since === null
  if (byNumber && items.every((item) => item === "UID")) return yield* performNumbers(turn, uids)
  let gone = missing(turn.box, uids, byNumber)
  if (since !== null || items.includes("MODSEQ")) turn.enableCondstore()
  const later = unheard(turn)
  const vanished = command.vanished === null ? [] : hearVanished(turn, command)
  const box = turn.box
  const wanted = box?.messages.filter((each) => uids.includes(each.uid) && each.modseq > (since ?? 0)) ?? []
  const marked = markSeen(
    turn,
    command,
    wanted.map((each) => each.uid),
  )
  const open = new Map(wanted.map((each) => [each.uid, { ...each }]))
  const truth = box === undefined ? undefined : structuredClone(box)
  // The octets of a message are read when its turn comes; another session may have expunged it by then.
  if (items.some((item) => item.startsWith("BODY"))) yield
  const heard = new Map<number, Flags>()
  while (open.size > 0 && turn.lines.next?.kind === "fetch") {
    const line = turn.take("fetch")
    const found = open.get(turn.uidOf(line))
    if (found === undefined) turn.fail(`${line.text} was not asked for`)
    open.delete(found.uid)
    hearFetched(turn, command, line.items, { ...found, marked: marked.includes(found.uid) })
    turn.attributes(line, found)
    if (line.items.has("FLAGS")) heard.set(found.uid, found.flags)
  }
  for (const each of open.keys()) {
    turn.check(missing(turn.box, [each], true), `FETCH says nothing of UID ${each}`)
    gone ||= byNumber
  }
  if (command.vanished !== null && truth !== undefined && command.vanished.validity === turn.view.validity) {
    const wrong = wrongIn(command.vanished, truth, vanished, heard, later)
    turn.check(wrong === null, wrong ?? "")
  }
  yield* turn.tellAll(uid, uid)
  endUnless(turn, gone)
}

/** Which UID a number has is told as long as it has one, also of a message that is gone (RFC 2180 §4.1.2). */
function* performNumbers(turn: Turn, uids: readonly number[]): Steps {
  const open = new Set(uids)
  while (open.size > 0) {
    const line = turn.take("fetch", `FETCH of UIDs ${[...open]}`)
    const uid = turn.uidOf(line)
    turn.check(open.delete(uid) && [...line.items].join() === `UID,${uid}`, `UID ${uid} is expected`)
  }
  yield* turn.tellAll(false)
  turn.end("OK", ["", "EXPUNGEISSUED"])
}

/** Of which messages this session will be told later that they are gone, or was never told that they came. */
function unheard({ box, view }: Turn): (uid: number) => boolean {
  const { uidNext } = view
  const counted = new Set(view.messages.map(({ uid }) => uid).filter((uid) => missing(box, [uid], true)))
  return (uid) => uid >= uidNext || counted.has(uid)
}

/** BODY[…] without PEEK sets \Seen. @returns on which */
function markSeen(turn: Turn, { items }: CommandNamed<"FETCH">, uids: number[]): number[] {
  if (turn.box === undefined || turn.view.readOnly || !items.some((item) => item.startsWith("BODY["))) return []
  return store(turn.box, uids, { operation: "+", flags: ["\\Seen"], unchangedSince: null }).changed
}

type Fetched = { uid: number; flags: Flags; modseq: number; letter: number; marked: boolean }

function hearFetched(turn: Turn, command: CommandNamed<"FETCH">, items: Map<string, string>, message: Fetched): void {
  const { condstore, uidOnly } = turn.client
  const { uid, flags, modseq, letter, marked } = message
  const wanted = new Set(command.items.map((item) => item.replace(".PEEK", "")))
  if (command.uid && !uidOnly) wanted.add("UID")
  if (command.since !== null) wanted.add("MODSEQ")
  // RFC 3501 §6.4.5, RFC 7162 §3.2.4
  if (marked)
    for (const item of condstore ? ["FLAGS", "MODSEQ", ...(uidOnly ? [] : ["UID"])] : ["FLAGS"]) wanted.add(item)
  turn.check([...wanted].sort().join() === [...items.keys()].sort().join(), `${[...wanted]} of UID ${uid} is expected`)
  const text = letters[letter] ?? ""
  const size = items.get("RFC822.SIZE")
  turn.check(size === undefined || Number(size) === text.length, "RFC822.SIZE")
  const whole = items.get("BODY[]")
  turn.check(whole === undefined || whole === text, "BODY[]")
  if (marked) turn.know(uid, modseq, flags)
  const entry = told(turn.view, uid)
  if (entry === undefined || !items.has("FLAGS")) return
  entry.seen = Math.max(entry.seen, modseq)
  entry.flags = flags
}

/** RFC 7162 §3.2.6: what is gone since then, but for what the client still counts. */
function hearVanished(turn: Turn, { set, since }: CommandNamed<"FETCH">): number[] {
  const last = turn.view.uidNext - 1
  const bounds = set === "$" ? [] : set.map((range) => range.map((uid) => (uid === Infinity ? last : uid)))
  const expected = (turn.box?.gone ?? [])
    .filter(({ uid, modseq }) => modseq > (since ?? 0) && told(turn.view, uid) === undefined)
    .map(({ uid }) => uid)
    .filter((uid) => bounds.some((range) => uid >= Math.min(...range) && uid <= Math.max(...range)))
  return hearEarlier(turn, expected, expected)
}

/** One VANISHED (EARLIER), which names at least these and at most those, or none. */
export function hearEarlier(turn: Turn, least: readonly number[], most: readonly number[]): number[] {
  const { next } = turn.lines
  if (next?.kind !== "vanished" || !next.earlier) {
    turn.check(least.length === 0, `VANISHED (EARLIER) ${least} is expected`)
    return []
  }
  turn.check(
    next.uids.every((uid) => most.includes(uid)) && least.every((uid) => next.uids.includes(uid)),
    `VANISHED (EARLIER) ${least} is expected`,
  )
  turn.lines.at += 1
  return next.uids
}

/** RFC 3501 §6.4.7, RFC 4315 §3. */
export function* performCopy(turn: Turn, command: CommandNamed<"COPY">): Steps {
  yield
  const uids = yield* sources(turn, command)
  if (uids === null) return
  const to = holding(turn.account, command.mailbox)
  if (to === undefined) return yield* turn.refused("NO", "TRYCREATE", true, command.uid)
  const pairs = turn.box === undefined ? { source: [], target: [] } : copy(turn.box, uids, to, false)
  yield* turn.tellAll(true, command.uid)
  if (pairs.source.length === 0) return void turn.end("OK")
  checkCopyUid(turn, turn.end("OK", "COPYUID"), to, pairs)
}

/** RFC 6851; COPYUID comes before EXPUNGE (§4.3). */
export function* performMove(turn: Turn, command: CommandNamed<"MOVE">): Steps {
  yield
  if (turn.view.readOnly) return yield* turn.refused("NO", "", true, command.uid)
  const uids = yield* sources(turn, command)
  if (uids === null) return
  const to = holding(turn.account, command.mailbox)
  if (to === undefined) return yield* turn.refused("NO", "TRYCREATE", true, command.uid)
  const pairs = turn.box === undefined ? { source: [], target: [] } : copy(turn.box, uids, to, true)
  if (pairs.source.length > 0) checkCopyUid(turn, turn.takeCode("COPYUID"), to, pairs)
  yield* turn.tellAll(true, command.uid)
  // RFC 6851 §4.4 with RFC 7162 §3.2.7
  turn.end("OK", turn.client.condstore && pairs.source.length > 0 ? "HIGHESTMODSEQ" : "")
}

function* sources(turn: Turn, { set, uid }: CommandNamed<"COPY" | "MOVE">): Steps<number[] | null> {
  const uids = named(turn.view, set, uid)
  if (uids !== null && !missing(turn.box, uids, !uid && set !== "$")) return uids
  if (uids === null) yield* turn.refused("BAD", "", true, uid)
  else yield* turn.refused("NO", "EXPUNGEISSUED", true, uid)
  return null
}

function checkCopyUid(turn: Turn, value: string, to: Mailbox, pairs: { source: number[]; target: number[] }): void {
  const [validity = "", source = "", target = ""] = value.split(" ")
  turn.check(validityIs(turn.account, to, Number(validity)), "UIDVALIDITY of COPYUID")
  turn.check(numbersIn(source).join() === pairs.source.join(), `COPYUID from ${pairs.source}`)
  turn.check(numbersIn(target).join() === pairs.target.join(), `COPYUID to ${pairs.target}`)
}

/** RFC 3501 §6.4.3, RFC 4315 §2.1: all that is \Deleted, or these. */
export function* performExpunge(turn: Turn, command: CommandNamed<"EXPUNGE" | "UID EXPUNGE">): Steps {
  yield
  if (turn.view.readOnly) return yield* turn.refused("NO", "", true)
  const uids = command.name === "EXPUNGE" ? null : named(turn.view, command.set, true)
  const any = turn.box !== undefined && expunge(turn.box, uids)
  yield* turn.tellAll(true)
  // RFC 7162 §3.2.7, §3.2.9
  turn.end("OK", any && turn.client.qresync ? "HIGHESTMODSEQ" : "")
}

/** RFC 3501 §6.4.2: nothing is told. RFC 3691: and nothing expunged. */
export function* performClose(turn: Turn, { name }: CommandNamed<"CLOSE" | "UNSELECT">): Steps {
  yield
  if (name === "CLOSE" && turn.box !== undefined && !turn.view.readOnly) expunge(turn.box, null)
  turn.client.view = null
  turn.end("OK")
}
